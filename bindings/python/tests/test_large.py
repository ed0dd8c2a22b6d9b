"""Messages with bodies: in shared memory, as memoryviews, arrays and tensors, and kept for as long as somebody has them."""

import pytest
from test_arrays import read_only_tensors

ARENA = 1 << 20

HEAD = """
import gc
import ringmail
peer = ringmail.peer()
kept = []
def on(name):
    return peer.on("flights." + name)
"""


@pytest.fixture
def large(host):
    def start(script):
        running = host(HEAD + script + "\npeer.run()\n", "--arena", str(ARENA))
        running.order("publish", "host", 1)
        return running.ready()

    return start


def send(running, message, length, fill):
    running.order("send_large", message._id, 0, bytes(message).hex() or "-", length, fill)
    running.wait_for("sent")


def is_whole(running):
    running.order("whole")
    return running.wait_for("whole") == ["1"]


def test_a_body_is_a_read_only_buffer_that_may_be_kept(large):
    running = large(
        """
@on("Batch")
def batch(message):
    body = peer.body
    assert body is peer.body
    view = memoryview(body)
    print(message.delays[0], body.nbytes, view.readonly, view.format, view[0], view[-1])
    kept.append(body if message.delays[0] == 1 else view)

@on("Other")
def other(message):
    print(peer.body, [(memoryview(each)[0], len(memoryview(each))) for each in kept])
"""
    )
    types = running.types
    send(running, types.Batch(delays=[1, 0, 0, 0]), 100_000, 7)
    send(running, types.Batch(delays=[2, 0, 0, 0]), 200_000, 8)
    running.send(types.Other())
    assert running.stop().splitlines() == [
        "1.0 100000 True B 7 7",
        "2.0 200000 True B 8 8",
        "None [(7, 100000), (8, 200000)]",
    ]


def test_what_is_kept_is_given_back_by_the_collector_or_at_once(large):
    running = large(
        """
host = peer.mailbox("host")

@on("Batch")
def batch(message):
    kept.append(peer.body)

@on("Other")
def other(message):
    first = kept.pop(0)
    view = memoryview(first)
    try:
        first.release()
    except BufferError as error:
        print(error)
    view.release()
    first.release()
    first.release()
    try:
        memoryview(first)
    except ringmail.ReleasedError as error:
        print(error)
    host.send(message)

@on("Ask")
def ask(message):
    kept.clear()
    gc.collect()
    return peer.new("flights.Answer", mean=1)
"""
    )
    types = running.types
    for fill in range(2):
        send(running, types.Batch(), ARENA // 2, fill)
    running.send(types.Other())
    running.mail()
    assert not is_whole(running)
    running.ask(types.Ask(), 5)
    running.reply()
    assert is_whole(running)
    assert running.stop().splitlines() == ["there is a memoryview of the body", "the body has been given back"]


def test_who_looks_at_no_body_keeps_none(large):
    running = large(
        """
@on("Batch")
def batch(message):
    pass

@on("Flight")
def flight(message):
    memoryview(peer.body)[0]

@on("Ask")
def ask(message):
    return peer.new("flights.Answer", mean=1)
"""
    )
    types = running.types
    for _ in range(8):
        send(running, types.Batch(), ARENA // 2, 1)
        send(running, types.Flight(cause=1), ARENA // 2, 1)
    running.ask(types.Ask(), 5)
    running.reply()
    assert is_whole(running)
    running.stop()


def test_a_body_is_written_in_place_and_sent(large):
    running = large(
        """
@on("Batch")
def batch(message):
    room = host.loan_large(1000)
    view = memoryview(room)
    view[:] = bytes([3]) * 1000
    try:
        host.send(message, body=room)
    except ringmail.ReleasedError as error:
        print(error)
    view.release()
    host.send(message, body=room)
    for use in (lambda: memoryview(room), lambda: host.send(message, body=room)):
        try:
            use()
        except ringmail.ReleasedError as error:
            print(error)
    for wrong in (b"bytes", 1):
        try:
            host.send(message, body=wrong)
        except TypeError as error:
            print(error)
    room = host.loan_large(10)
    memoryview(room)[:] = bytes(10)
    host.ask(message, lambda reply: None, body=room)
    room.cancel()

host = peer.mailbox("host")
"""
    )
    running.send(running.types.Batch())
    assert running.wait_for("body") == ["1000", "3000"]
    assert running.mail()[2] == 0
    assert running.wait_for("body") == ["10", "0"]
    assert running.mail()[2] != 0
    assert running.stop().splitlines() == [
        "there is a memoryview or an array of the loan, through which it could still be written",
        "the loan has been sent or cancelled",
        "the loan has been sent or cancelled",
        "a body is what loan_large() gave, not bytes",
        "a body is what loan_large() gave, not int",
    ]


def test_an_arena_without_room_is_waited_for(large):
    running = large(
        f"""
@on("Batch")
def batch(message):
    room = host.loan_large({ARENA})
    memoryview(room)[:] = bytes({ARENA})
    host.send(message, body=room)
    try:
        host.loan_large(1, timeout=0)
    except ringmail.FullError:
        print("full")
    peer.flush()
    host.loan_large(1, timeout=None)
    host.loan_large({ARENA}).cancel()
    try:
        host.loan_large({ARENA} + 1)
    except ValueError as error:
        print(error)

host = peer.mailbox("host")
"""
    )
    running.send(running.types.Batch())
    running.wait_for("body")
    running.order("give_back")
    assert running.stop().splitlines() == ["full", f"a body of {ARENA + 1} bytes is more than the host has room for ({ARENA})"]


def test_what_is_kept_outlives_the_peer_object(large):
    running = large(
        """
@on("Batch")
def batch(message):
    kept.append(memoryview(peer.body))

peer.run()
peer.close()
del peer
gc.collect()
print(kept[0][0], kept[0][-1])
import sys
sys.exit()
"""
    )
    send(running, running.types.Batch(), 5000, 9)
    assert running.stop() == "9 9\n"


def test_arrays_of_numpy_and_tensors_share_the_bytes(large):
    pytest.importorskip("numpy")
    running = large(
        """
import numpy

@on("Batch")
def batch(message):
    kept.append(numpy.frombuffer(peer.body, dtype="f4").reshape(10, 25))
    room = host.loan_large(80)
    numpy.frombuffer(room, dtype="f8")[:] = numpy.arange(10)
    host.send(message, body=room)

@on("Other")
def other(message):
    print(kept[0].shape, kept[0].flags.writeable, kept[0].flags.owndata, kept[0].sum())

host = peer.mailbox("host")
"""
    )
    send(running, running.types.Batch(), 1000, 0)
    assert running.wait_for("body")[0] == "80"
    running.send(running.types.Other())
    assert running.stop() == "(10, 25) False False 0.0\n"


@read_only_tensors
def test_a_tensor_keeps_the_body(large):
    running = large(
        """
import numpy

@on("Batch")
def batch(message):
    kept.append(numpy.from_dlpack(peer.body))

@on("Other")
def other(message):
    print(kept[0].dtype, kept[0].shape, kept[0][0])
    kept.clear()

@on("Ask")
def ask(message):
    return peer.new("flights.Answer", mean=1)
"""
    )
    types = running.types
    send(running, types.Batch(), 1000, 5)
    running.send(types.Other())
    running.ask(types.Ask(), 5)
    running.reply()
    assert is_whole(running)
    assert running.stop() == "uint8 (1000,) 5\n"


def test_a_death_gives_back_what_was_kept(large):
    running = large(
        """
import os, signal

@on("Batch")
def batch(message):
    kept.append(peer.body)

@on("Flight")
def flight(message):
    if peer.attempt == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    print(memoryview(peer.body)[0], peer.body.nbytes)

@on("Ask")
def ask(message):
    return peer.new("flights.Answer", mean=1)
"""
    )
    types = running.types
    send(running, types.Batch(), ARENA // 2, 1)
    send(running, types.Flight(cause=1), ARENA // 2, 2)
    running.wait_for("killed")
    running.order("restart")
    running.ready()
    running.ask(types.Ask(), 5)
    running.reply()
    assert is_whole(running)
    assert running.stop() == f"2 {ARENA // 2}\n"


def test_in_an_event_loop_room_for_a_body_is_waited_for_without_blocking_it(host):
    running = host(
        f"""
import asyncio
import ringmail
peer = ringmail.peer(pollable=True)
ticks = 0

async def tick():
    global ticks
    while True:
        ticks += 1
        await asyncio.sleep(0)

@peer.on("flights.Batch")
async def batch(message):
    board = await peer.mailbox_async("host")
    room = await board.loan_large_async({ARENA})
    memoryview(room)[:] = bytes([5]) * {ARENA}
    await board.send_async(message, body=room)
    try:
        await board.loan_large_async(1, timeout=0.01)
    except ringmail.FullError as error:
        print("full", flush=True)
    before = ticks
    room = await board.loan_large_async(10, timeout=None)
    assert ticks > before
    memoryview(room)[:] = bytes(10)
    reply = await board.ask_async(message, body=room)
    print(reply.mean)
    try:
        await board.send_async(message, body=room)
    except ringmail.ReleasedError as error:
        print(error)
    (await board.loan_large_async({ARENA})).cancel()
    try:
        await board.loan_large_async({ARENA} + 1)
    except ValueError as error:
        print(error)

async def main():
    ticking = asyncio.create_task(tick())
    await peer.run_async()
    ticking.cancel()

asyncio.run(main())
""",
        "--arena",
        str(ARENA),
    )
    running.order("publish", "host", 1)
    running.ready()
    running.send(running.types.Batch())
    assert running.wait_for("body") == [str(ARENA), str(5 * ARENA)]
    assert running.mail()[2] == 0
    running.wait_for_output("full")
    running.order("give_back")
    assert running.wait_for("body") == ["10", "0"]
    correlation = running.mail()[2]
    assert correlation != 0
    running.order("give_back")
    answer = running.types.Answer(mean=2.5)
    running.order("answer", correlation, answer._id, bytes(answer).hex())
    assert running.stop().splitlines() == [
        "full",
        "2.5",
        "the loan has been sent or cancelled",
        f"a body of {ARENA + 1} bytes is more than the host has room for ({ARENA})",
    ]
