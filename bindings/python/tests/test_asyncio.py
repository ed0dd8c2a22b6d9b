"""Peers that an event loop of asyncio drives."""

import pytest

HEAD = """
import asyncio
import ringmail
peer = ringmail.peer(pollable=True)
"""


def answer(running, correlation, mean):
    reply = running.types.Answer(mean=mean)
    running.order("answer", correlation, reply._id, bytes(reply).hex())


def test_handlers_are_awaited_one_message_at_a_time(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Flight")
async def flight(message, sender):
    print("begin", message.delay, sender.id)
    await asyncio.sleep(0.01)
    print("end", message.delay)

@peer.on("flights.Ask")
def ask(message):
    return peer.new("flights.Answer", mean=2.5)

asyncio.run(peer.run_async())
print("stopped", peer.counters.received, peer.counters.lost_wakeups)
"""
    ).ready()
    for delay in range(3):
        running.send(running.types.Flight(delay=delay), sender=9)
    running.ask(running.types.Ask(), correlation=5)
    assert running.reply() == (5, running.types.Answer(mean=2.5))
    lines = [line for delay in range(3) for line in (f"begin {delay} 9", f"end {delay}")]
    assert running.stop().splitlines() == [*lines, "stopped 4 0"]
    assert "goodbye" in running.seen


def test_what_an_awaited_handler_returns_is_the_reply(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Ask")
async def ask(message):
    await asyncio.sleep(0)
    return peer.new("flights.Answer", mean=1.5)

@peer.on("flights.Flight")
async def flight(message):
    await asyncio.sleep(0)

asyncio.run(peer.run_async())
"""
    ).ready()
    running.ask(running.types.Ask(), correlation=77)
    assert running.reply() == (77, running.types.Answer(mean=1.5))
    running.ask(running.types.Flight(), correlation=78)
    assert running.wait_for("reply")[0] == "78"
    running.stop()


def test_a_handler_asks_and_goes_on_with_the_reply(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Flight")
async def flight(message, sender):
    reply = await sender.ask_async(peer.new("flights.Ask"))
    await sender.send_async(peer.new("flights.Answer", mean=reply.mean + message.delay))

asyncio.run(peer.run_async())
"""
    ).ready()
    running.wait_until_parked()
    for delay in (1, 2):
        running.send(running.types.Flight(delay=delay), sender=3)
        answer(running, running.mail()[2], 10)
        assert running.mail()[1] == running.types.Answer(mean=10.0 + delay)
    running.stop()


def test_messages_are_iterated_until_the_host_says_stop(host):
    running = host(
        HEAD
        + """
async def main():
    async for message in peer:
        print(message, peer.sender.id, peer.asked)
        if message._name == "flights.Ask":
            peer.reply(peer.new("flights.Answer", mean=7))
        kept = message
    print(kept)

asyncio.run(main())
"""
    ).ready()
    running.send(running.types.Other(), sender=4)
    running.ask(running.types.Ask(), correlation=1, sender=5)
    assert running.reply() == (1, running.types.Answer(mean=7.0))
    running.ask(running.types.Ask(), correlation=2)
    assert running.reply()[0] == 2
    running.ask(running.types.Other(), correlation=3)  # not answered, and nothing was promised
    assert running.wait_for("reply")[0] == "3"
    lines = running.stop().splitlines()
    assert lines[:2] == ["flights.Other() 4 False", "flights.Ask() 5 True"]
    assert lines[-1] == "<flights.Other, released>"


def test_many_messages_leave_the_loop_its_turns(host):
    running = host(
        HEAD
        + """
turns = 0
async def count():
    global turns
    while True:
        await asyncio.sleep(0)
        turns += 1

async def main():
    counting = asyncio.create_task(count())
    received = 0
    async for message in peer:
        received += 1
    counting.cancel()
    print(received, turns > 5)

import time
time.sleep(0.1)
asyncio.run(main())
"""
    ).ready()
    running.send(running.types.Flight(), count=1000)
    assert running.stop().splitlines() == ["1000 True"]


def test_several_asks_of_a_task_group(host):
    running = host(
        HEAD
        + """
async def main():
    board = await peer.mailbox_async("board")
    async def ask(number):
        try:
            reply = await board.ask_async(peer.new("flights.Ask"), timeout=None if number else 0.05)
            return reply.mean
        except TimeoutError:
            return "late"
        except ringmail.AskError as error:
            return f"{error.reason} {error}"
    async with asyncio.TaskGroup() as group:
        asks = [group.create_task(ask(number)) for number in range(4)]
    print([ask.result() for ask in asks])
    try:
        await peer.mailbox_async("bored")
    except LookupError as error:
        print(error)
    async for _ in peer:
        pass

asyncio.run(main())
"""
    )
    running.order("publish", "board", 12)
    running.ready()
    asked = [running.mail()[2] for _ in range(4)]
    answer(running, asked[3], 3)
    running.order("decline", asked[1], 2)
    answer(running, asked[2], 2)
    running.wait_for_output("late")
    answer(running, asked[0], 0)  # finds nobody
    assert running.stop().splitlines() == [
        "['late', '2 the handler of flights.Ask failed', 2.0, 3.0]",
        "no mailbox has the name 'bored'",
    ]


def test_a_full_ring_is_awaited_and_the_loop_goes_on(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Flight")
async def flight(message, sender):
    sent = 0
    try:
        while True:
            await sender.send_async(peer.new("flights.Answer", mean=sent), timeout=0.01)
            sent += 1
    except ringmail.FullError as error:
        print("full", error, flush=True)
    try:
        sender.send(peer.new("flights.Answer"))
    except ringmail.FullError:
        print("full at once", flush=True)
    await sender.send_async(peer.new("flights.Answer", mean=sent), timeout=None)

asyncio.run(peer.run_async())
""",
        "--ring",
        "4096",
    ).ready()
    running.order("deaf")
    running.send(running.types.Flight(), sender=3)
    running.wait_for_output("full at once")
    running.order("hear")
    means = [message.mean for message in running.mail_until_stopped()]
    assert means == [float(i) for i in range(len(means))] and len(means) > 20


def test_what_tasks_send_is_published_without_being_told_to(host):
    running = host(
        HEAD
        + """
async def main():
    board = await peer.mailbox_async("board")
    async def tick():
        await asyncio.sleep(0.01)
        board.send(peer.new("flights.Other"))
    ticking = asyncio.create_task(tick())
    await peer.run_async()

asyncio.run(main())
"""
    )
    running.order("publish", "board", 12)
    running.ready()
    assert running.mail()[1] == running.types.Other()
    running.stop()


def test_then_is_called_in_the_loop_with_the_reply_or_without_one(host):
    running = host(
        HEAD
        + """
async def main():
    board = await peer.mailbox_async("board")
    board.ask(peer.new("flights.Ask"), print)
    board.ask(peer.new("flights.Ask"), print, timeout=0.02)
    await peer.run_async()

asyncio.run(main())
"""
    )
    running.order("publish", "board", 12)
    running.ready()
    first, second = (running.mail()[2] for _ in range(2))
    running.wait_for_output("None")
    answer(running, second, 2)
    answer(running, first, 1)
    running.wait_for_output("Answer")
    assert running.stop().splitlines() == ["None", "flights.Answer(mean=1.0)"]


@pytest.mark.parametrize("kind", ["async def", "def"])
def test_a_handler_that_raises_ends_the_peer_as_in_run(host, kind):
    running = host(
        HEAD
        + f"""
@peer.on("flights.Ask")
{kind} ask(message):
    raise ValueError("no")

asyncio.run(peer.run_async())
"""
    ).ready()
    running.ask(running.types.Ask(), correlation=3)
    assert running.wait_for("exit") == ["1"]
    assert "no_reply 3 2" in running.seen and any(line.startswith("failure ValueError: no|") for line in running.seen)
    assert "(while handling flights.Ask)" in running.output()
    running.order("position")
    assert running.wait_for("unfinished") == ["1"]


@pytest.mark.parametrize(
    "waiting",
    [
        "await peer.run_async()",
        "async for _ in peer: pass",
        'await board.ask_async(peer.new("flights.Ask"))',
        "await asyncio.sleep(30)",
    ],
)
def test_the_death_of_the_host_ends_what_waits(host, waiting):
    running = host(
        HEAD
        + f"""
async def main():
    board = await peer.mailbox_async("board")
    print("waits", flush=True)
    try:
        {waiting}
    finally:
        print("gone", peer.closed, flush=True)

asyncio.run(main())
"""
    )
    running.order("publish", "board", 12)
    running.ready()
    running.wait_for_output("waits")
    running.order("die")
    running.wait_for_output("the host has died or has closed the link")
    assert "Traceback" not in running.output()


def test_the_death_of_the_host_ends_a_handler_that_waits(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Flight")
async def flight(message):
    print("waits", flush=True)
    await asyncio.sleep(30)

asyncio.run(peer.run_async())
"""
    ).ready()
    running.send(running.types.Flight())
    running.wait_for_output("waits")
    running.order("die")
    running.wait_for_output("the host has died or has closed the link")
    assert "Traceback" not in running.output()


def test_a_cancelled_handler_leaves_its_message_to_the_next_incarnation(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Flight")
async def flight(message):
    await asyncio.sleep(30)

async def main():
    try:
        async with asyncio.timeout(0.05):
            await peer.run_async()
    except TimeoutError:
        print("idle", peer.closed, flush=True)
    try:
        async with asyncio.timeout(1):
            await peer.run_async()
    except TimeoutError:
        print("cancelled", peer.closed, flush=True)

asyncio.run(main())
"""
    ).ready()
    running.wait_for_output("idle False")
    running.send(running.types.Flight())
    running.wait_for("closed")
    running.wait_for_output("cancelled True")
    running.order("position")
    assert running.wait_for("unfinished") == ["1"]


def test_what_an_event_loop_drives_is_not_run_otherwise(host):
    running = host(
        HEAD
        + """
async def attempt(what):
    try:
        result = what()
        if result is not None:
            await result
    except (RuntimeError, TypeError) as error:
        print(error)

async def main():
    running = asyncio.create_task(peer.run_async())
    await asyncio.sleep(0)
    await attempt(peer.run)
    await attempt(lambda: peer.wait(0))
    await attempt(peer.run_async)
    await attempt(lambda: aiter(peer).__anext__())
    running.cancel()
    print("attempted", flush=True)

asyncio.run(main())
peer.run()  # the loop is closed
"""
    ).ready()
    running.wait_for_output("attempted")
    receives = "another task receives the messages of this peer"
    assert running.stop().splitlines() == [
        "an event loop drives this peer: await run_async()",
        "an event loop drives this peer, and would not run",
        receives,
        receives,
        "attempted",
    ]


def test_a_peer_that_cannot_be_polled_says_so(host):
    running = host(
        """
import asyncio
import ringmail
peer = ringmail.peer()
try:
    asyncio.run(peer.run_async())
except RuntimeError as error:
    print(error)
peer.run()
"""
    ).ready()
    assert running.stop() == "an event loop needs a peer that can be polled: ringmail.peer(pollable=True)\n"


def test_the_body_of_an_iteration_fails_as_a_handler_does_in_a_with_block(host):
    running = host(
        HEAD
        + """
async def main():
    with peer:
        async for message in peer:
            raise ValueError("no")

asyncio.run(main())
"""
    ).ready()
    running.send(running.types.Flight())
    assert running.wait_for("exit") == ["1"]
    assert any(line.startswith("failure ValueError: no|") for line in running.seen)
    running.order("position")
    assert running.wait_for("unfinished") == ["1"]


def test_a_message_is_in_hand_after_a_break(host):
    running = host(
        HEAD
        + """
async def main():
    async for message in peer:
        break
    print(message.delay)
    try:
        await peer.run_async()
    except RuntimeError as error:
        print(error)
    async for other in peer:
        print(message, other.delay)

asyncio.run(main())
"""
    ).ready()
    running.send(running.types.Flight(delay=1))
    running.send(running.types.Flight(delay=2))
    assert running.stop().splitlines() == [
        "1",
        "a message has not been released",
        "<flights.Flight, released> 2",
    ]


def test_a_kept_memoryview_fails_an_iteration_and_an_awaited_handler(host):
    kept = "kept = memoryview(message)"
    for body in (
        f"""
async def main():
    async for message in peer:
        {kept}
""",
        f"""
@peer.on("flights.Flight")
async def flight(message):
    global kept
    {kept}

async def main():
    await peer.run_async()
""",
    ):
        running = host(HEAD + body + "asyncio.run(main())").ready()
        running.send(running.types.Flight())
        assert running.wait_for("exit") == ["1"]
        assert "ReleasedError" in running.output()
        assert any(line.startswith("failure ReleasedError") for line in running.seen)


def test_mail_and_replies_cross_without_an_end(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Flight")
async def flight(message, sender):
    reply = await sender.ask_async(peer.new("flights.Ask"))
    await sender.send_async(peer.new("flights.Answer", mean=reply.mean))

asyncio.run(peer.run_async())
print(peer.counters.received, peer.counters.lost_wakeups)
"""
    ).ready()
    running.send(running.types.Flight(), sender=3, count=100)
    for number in range(100):
        answer(running, running.mail()[2], number)
        assert running.mail()[1] == running.types.Answer(mean=float(number))
    assert running.stop() == "100 0\n"


def test_a_peer_goes_from_loop_to_loop_and_to_run(host):
    running = host(
        HEAD
        + """
got = []
peer.on("flights.Flight")(lambda message: got.append(message.delay))

async def one():
    running = asyncio.create_task(peer.run_async())
    seen = len(got)
    while len(got) == seen:
        await asyncio.sleep(0.001)
    running.cancel()

for _ in range(2):
    print("loop", flush=True)
    asyncio.run(one())
print("run", flush=True)
peer.run()
print(got)
"""
    ).ready()
    for number, text in enumerate(("loop", "loop\nloop", "run")):
        running.wait_for_output(text)
        running.send(running.types.Flight(delay=number))
    assert running.stop().splitlines()[-1] == "[0, 1, 2]"


def test_generated_messages_in_coroutines(host):
    import test_generated as generated

    running = host(
        generated.HEAD.replace("schema=market.SCHEMA", "schema=market.SCHEMA, pollable=True")
        + """
import asyncio

@peer.on(market.Tick)
async def tick(message, sender):
    numbers = await sender.ask_async(market.Tick(time=message.time + 1), reply=market.Numbers)
    assert type(numbers) is market.Numbers
    return market.Numbers(a=numbers.a, e=message.time)

asyncio.run(peer.run_async())
""",
        schema=generated.SCHEMA,
    ).ready()
    running.ask(running.types.Tick(time=4), correlation=1, sender=3)
    _, asked, correlation = running.mail()
    assert asked.time == 5
    numbers = running.types.Numbers(a=9)
    running.order("answer", correlation, numbers._id, bytes(numbers).hex())
    assert running.reply() == (1, running.types.Numbers(a=9, e=4))
    running.stop()


def test_what_then_raises_comes_out_of_run_async(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Flight")
async def flight(message, sender):
    sender.ask(peer.new("flights.Ask"), len)
    await asyncio.sleep(30)

asyncio.run(peer.run_async())
"""
    ).ready()
    running.send(running.types.Flight(), sender=3)
    answer(running, running.mail()[2], 1)
    assert running.wait_for("exit") == ["1"]
    assert any(line.startswith("failure TypeError: object of type") for line in running.seen)


@pytest.mark.parametrize("function", ["async def", "def"])
@pytest.mark.parametrize(
    ("message", "first", "error"),
    [
        ("'test.market.Tick'", "message", "ReleasedError"),
        ("'test.market.Tick', batch=10", "message[0]", "ReleasedError"),
        ("market.Tick", "message", "ValueError"),
    ],
)
def test_a_handler_that_closes_the_peer_has_its_message_no_longer(host, function, message, first, error):
    import test_generated as generated

    running = host(
        generated.HEAD.replace("schema=market.SCHEMA", "schema=market.SCHEMA, pollable=True")
        + f"""
import asyncio

@peer.on({message})
{function} tick(message):
    peer.close()
    try:
        print({first}.time)
    except Exception as error:
        print(type(error).__name__)

try:
    asyncio.run(peer.run_async())
except RuntimeError as error:
    print(error)
""",
        schema=generated.SCHEMA,
    ).ready()
    running.send(running.types.Tick(time=3))
    assert running.wait_for("exit") == ["0"]
    assert running.output().splitlines() == [error, "the peer is closed"]
