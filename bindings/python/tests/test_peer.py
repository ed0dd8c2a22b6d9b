"""A Python peer in a process of its own, at a host that speaks the real rings."""

import pytest
from ringmail._ringmail import type_id

HEAD = """
import ringmail
peer = ringmail.peer()
"""


def test_a_handler_gets_its_messages_in_order_until_the_host_says_stop(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Flight")
def flight(message, sender):
    print(message.origin, message.destination, message.delay, message.cause.name, sender.id)

peer.run()
print("stopped", peer.counters.received, peer.counters.lost_wakeups)
"""
    ).ready()
    for delay in (-3, 0, 70):
        running.send(running.types.Flight(origin="ABE", destination="ATL", delay=delay, cause=1), sender=9)
    expected = [f"ABE ATL {delay} weather 9" for delay in (-3, 0, 70)]
    assert running.stop().splitlines() == [*expected, "stopped 3 0"]
    assert "goodbye" in running.seen


def test_what_a_handler_returns_is_the_reply(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Ask")
def ask(message):
    return peer.new("flights.Answer", mean=1.5)

peer.run()
"""
    ).ready()
    running.ask(running.types.Ask(), correlation=77)
    assert running.reply() == (77, running.types.Answer(mean=1.5))
    running.send(running.types.Ask())  # nobody waits: what is returned goes nowhere
    running.ask(running.types.Ask(), correlation=78)
    assert running.reply() == (78, running.types.Answer(mean=1.5))
    running.stop()


def test_a_handler_may_return_the_very_message(host):
    running = host(HEAD + 'peer.on("flights.Flight")(lambda message: message)\npeer.run()').ready()
    flight = running.types.Flight(date=5, origin="ABE")
    running.ask(flight, correlation=1)
    assert running.reply() == (1, flight)
    running.stop()


def test_a_handler_that_promised_no_reply_answers_that_it_is_done(host):
    running = host(HEAD + 'peer.on("flights.Flight")(lambda message: None)\npeer.run()').ready()
    running.ask(running.types.Flight(), correlation=4)
    assert running.wait_for("reply")[:2] == ["4", str(type_id("ringmail.Done"))]
    running.stop()


def test_an_ask_without_an_answer_is_refused_at_once(host):
    running = host(HEAD + 'peer.on("flights.Ask")(lambda message: None)\npeer.run()').ready()
    running.ask(running.types.Ask(), correlation=4)
    assert running.wait_for("no_reply") == ["4", "2"]
    running.ask(running.types.Other(), correlation=5)  # no handler at all
    assert running.wait_for("no_reply") == ["5", "1"]
    running.stop()


def test_a_message_without_a_handler_is_dropped_and_said_once(host):
    running = host(HEAD + "peer.run()\nprint(peer.counters.dropped)").ready()
    running.send(running.types.Other(), count=3)
    running.order("send", 12345, 0, "-", 2)
    running.wait_for("sent")
    assert running.stop().splitlines() == [
        "ringmail: flights.Other is dropped: it has no handler",
        "ringmail: a message of the unknown type 0x3039 is dropped",
        "5",
    ]


def test_messages_are_sent_to_the_sender_and_to_names(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Flight")
def flight(message, sender):
    sender.send(peer.new("flights.Answer", mean=message.delay))
    peer.mailbox("board").send(message)

@peer.on("flights.Other")
def other(message, sender):
    print(bool(sender), sender)
    try:
        sender.send(peer.new("flights.Other"))
    except LookupError as error:
        print(error)
    try:
        peer.mailbox("bored")
    except LookupError as error:
        print(error)

peer.run()
"""
    ).ready()
    running.order("publish", "board", 12)
    flight = running.types.Flight(delay=6, origin="ABE")
    running.send(flight, sender=11)
    assert running.mail() == (11, running.types.Answer(mean=6.0), 0)
    assert running.mail() == (12, flight, 0)
    running.send(running.types.Other())
    assert running.stop().splitlines() == [
        "False <mailbox 0x0>",
        "the message was sent by nobody, so nothing can be sent back",
        "no mailbox has the name 'bored'",
    ]


def test_the_reply_to_an_ask_of_the_peer_reaches_its_function(host):
    running = host(
        HEAD
        + """
def answered(reply):
    print(reply)

@peer.on("flights.Flight")
def flight(message, sender):
    sender.ask(peer.new("flights.Ask"), answered)
    sender.ask(peer.new("flights.Ask"), then=answered)

peer.run()
"""
    ).ready()
    running.send(running.types.Flight(), sender=3)
    first, second = (running.mail()[2] for _ in range(2))
    running.order("answer", second, running.types.Answer._id, bytes(running.types.Answer(mean=2)).hex())
    running.order("decline", first, 1)
    running.order("answer", 99999, running.types.Answer._id, bytes(running.types.Answer(mean=2)).hex())
    assert running.stop().splitlines() == ["flights.Answer(mean=2.0)", "None"]


def test_an_ask_with_a_timeout_is_answered_once_or_given_up_once(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Flight")
def flight(message, sender):
    for number in range(3):
        sender.ask(peer.new("flights.Ask"), lambda reply, number=number: print(number, reply), timeout=0.3)

peer.run()
"""
    ).ready()
    running.send(running.types.Flight(), sender=3)
    late, second, third = (running.mail()[2] for _ in range(3))
    running.order("answer", second, running.types.Answer._id, bytes(running.types.Answer(mean=2)).hex())
    running.order("decline", third, 1)
    running.wait_for_output("0 None")  # the peer slept until then
    running.order("answer", late, running.types.Answer._id, bytes(running.types.Answer(mean=2)).hex())
    assert running.stop().splitlines() == ["1 flights.Answer(mean=2.0)", "2 None", "0 None"]


def test_a_loan_is_written_in_place_and_sent_when_its_block_ends(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Flight")
def flight(message, sender):
    with peer.loan(sender, "flights.Batch") as batch:
        batch.delays[:] = memoryview(b"".join(bytes(8) for _ in range(4))).cast("d")
        batch.delays[2] = 2.5
        batch.legs[1].b = 9
        try:
            peer.flush()
        except RuntimeError as error:
            print(error)
    try:
        batch.delays
    except ringmail.ReleasedError:
        print("released")
    try:
        with peer.loan(sender, peer.type("flights.Answer")) as answer:
            raise KeyError("no")
    except KeyError:
        print("not sent")
    sender.send(peer.new("flights.Other"))

peer.run()
"""
    ).ready()
    running.send(running.types.Flight(), sender=3)
    assert running.mail() == (3, running.types.Batch(delays=[0, 0, 2.5, 0], legs=[{}, {"b": 9}]), 0)
    assert running.mail() == (3, running.types.Other(), 0)
    assert running.stop().splitlines() == [
        "a loan is open: nothing else may be done before it is published or cancelled",
        "released",
        "not sent",
    ]


def test_sending_into_a_full_ring_waits_and_then_fails(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Flight")
def flight(message, sender):
    sent = 0
    try:
        while True:
            sender.send(peer.new("flights.Answer", mean=sent), timeout=0.01)
            sent += 1
    except ringmail.FullError as error:
        print("full", flush=True)
    sender.send(peer.new("flights.Answer", mean=sent), timeout=None)

peer.run()
""",
        "--ring",
        "4096",
    ).ready()
    running.order("deaf")
    running.send(running.types.Flight(), sender=3)
    running.wait_for_output("full")
    running.order("hear")
    means = [message.mean for message in running.mail_until_stopped()]
    assert means == [float(i) for i in range(len(means))] and len(means) > 20


def test_poll_handles_what_is_there_and_says_when_it_is_over(host):
    running = host(
        HEAD
        + """
got = []
peer.on("flights.Flight")(lambda message: got.append(message.delay))
print(peer.poll(), flush=True)
while peer.poll(timeout=0.05):
    pass
print(got, peer.poll())
"""
    ).ready()
    running.wait_for_output("True")
    running.send(running.types.Flight(delay=4))
    assert running.stop().splitlines() == ["True", "[4] False"]


def test_messages_can_be_received_by_hand(host):
    running = host(
        HEAD
        + """
peer.new("flights.Answer")
try:
    while peer.wait(None):
        received = peer.receive()
        if received is None:
            continue
        kind, message, sender, correlation = received
        print(kind, message, sender, correlation, peer.asked)
        if peer.asked:
            peer.reply(peer.new("flights.Answer", mean=message.delay))
        peer.release()
        print(message)
except ringmail.Stopped as stopped:
    print("Stopped")
"""
    ).ready()
    running.ask(running.types.Flight(delay=4), correlation=8, sender=5)
    assert running.reply() == (8, running.types.Answer(mean=4.0))
    lines = running.stop().splitlines()
    assert lines[0].startswith("2 flights.Flight(date=0, delay=4,") and lines[0].endswith("<mailbox 0x5> 8 True")
    assert lines[1:] == ["<flights.Flight, released>", "Stopped"]


def test_a_handler_is_checked_when_it_is_decorated(host):
    running = host(
        HEAD
        + """
def attempt(name, handler):
    try:
        peer.on(name)(handler)
    except (LookupError, TypeError, ValueError) as error:
        print(type(error).__name__, error)

async def later(message): ...
class Counter:
    def count(self, message, sender): ...

attempt("flights.Fright", print)
attempt("flights.Flight", 3)
attempt("flights.Flight", later)
attempt("flights.Flight", lambda: None)
attempt("flights.Flight", lambda a, b, c: None)
attempt("flights.Flight", Counter().count)
attempt("flights.Flight", print)
peer.run()
"""
    ).ready()
    assert running.stop().splitlines() == [
        "LookupError the host declares no message flights.Fright; it declares "
        "flights.Answer, flights.Ask, flights.Batch, flights.Flight, flights.Leg, flights.Other",
        "TypeError the handler of flights.Flight is not callable",
        "TypeError the handler of flights.Flight is a coroutine function; run() calls plain functions, "
        "and run_async() of ringmail.peer(pollable=True) awaits it",
        "TypeError the handler of flights.Flight must take (message) or (message, sender)",
        "TypeError the handler of flights.Flight must take (message) or (message, sender)",
        "ValueError flights.Flight has a handler already",
    ]


def test_the_peer_knows_what_the_host_said(host):
    running = host(
        HEAD
        + "print(peer.name, peer.incarnation, peer, list(peer.schema.protocols))\npeer.run()"
    ).ready()
    assert running.stop() == "tested 1 <ringmail.Peer tested> ['flights.Statistics']\n"
    assert "hello python 0" in running.seen


def test_a_host_without_schemas_has_a_peer_without_types(host):
    running = host(
        HEAD + "try:\n    peer.on('a.B')\nexcept LookupError as error:\n    print(error)\npeer.run()", schema=""
    ).ready()
    assert running.stop() == "the host declares no message a.B; it declares no message\n"


def test_the_schema_of_the_peer_adds_to_that_of_the_host(host, tmp_path):
    import schemas

    path = tmp_path / "market.schema"
    path.write_text(schemas.MARKET)
    running = host(
        f"""
import ringmail
peer = ringmail.peer(schema={str(path)!r})
print(peer.new("market.Leg", ratio=3).ratio, peer.new("flights.Answer").mean)
peer.run()
"""
    ).ready()
    assert running.stop() == "3 0.0\n"
    assert f"hello python {len(schemas.MARKET)}" in running.seen


@pytest.mark.parametrize("timeout", ["-1", "float('nan')", "'soon'"])
def test_a_timeout_is_a_number_of_seconds(host, timeout):
    running = host(
        HEAD
        + f"try:\n    peer.poll({timeout})\nexcept (TypeError, ValueError):\n    print(peer.closed)\npeer.run()"
    ).ready()
    assert running.stop() == "False\n"
    assert not any(line.startswith("failure") for line in running.seen)


def test_other_threads_are_refused_while_the_loop_runs(host):
    running = host(
        HEAD
        + """
import threading
board = peer.mailbox("board")

@peer.on("flights.Flight")
def flight(message, sender):
    def use():
        for call in (lambda: board.send(peer.new("flights.Other")), peer.run, peer.flush, peer.close):
            try:
                call()
            except RuntimeError as error:
                print(error)
    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    board.send(message)

peer.run()
""",
    )
    running.order("publish", "board", 12)
    running.ready()
    running.send(running.types.Flight(), sender=3)
    assert running.mail() == (12, running.types.Flight(), 0)
    used = "a peer is used by one thread: the one that calls run()"
    assert running.stop().splitlines() == [used, used, used, "run() is running"]
    assert not any(line.startswith("failure") for line in running.seen)


def test_other_threads_run_while_the_peer_is_parked(host):
    running = host(
        HEAD
        + """
import threading
done = threading.Event()
def work():
    total = sum(range(200000))
    done.set()
    print("worked", flush=True)
threading.Thread(target=work).start()
peer.run()
print(done.is_set())
"""
    ).ready()
    running.wait_for_output("worked")
    assert running.stop().splitlines() == ["worked", "True"]


def test_a_forked_child_does_not_touch_the_link(host):
    running = host(
        HEAD
        + """
import os
@peer.on("flights.Flight")
def flight(message, sender):
    pid = os.fork()
    if pid == 0:
        for touch in (lambda: sender.send(message), peer.poll, peer.flush, lambda: peer.mailbox("x")):
            try:
                touch()
            except ringmail.ForkedError as error:
                assert "was forked from" in str(error)
            else:
                raise SystemExit(2)
        print(peer.closed, os.environ.get("RINGMAIL_FDS"), flush=True)
        raise SystemExit(0)
    assert os.waitpid(pid, 0)[1] == 0
    sender.send(peer.new("flights.Other"))

peer.run()
"""
    ).ready()
    running.send(running.types.Flight(), sender=3)
    assert running.mail()[1] == running.types.Other()
    assert running.stop().splitlines() == ["True None"]
