"""Many messages at once: handlers that take batches, and what is sent by send_many()."""

import struct

import pytest
import schemas

import ringmail
from ringmail._ringmail import make_batch

HEAD = """
import time
import ringmail
peer = ringmail.peer()

def wait_for_all():
    while True:
        try:
            return peer.mailbox("go")
        except LookupError:
            time.sleep(0.001)           # what is published later is told to nobody
"""

TYPES = schemas.Types(schemas.FLIGHTS)
MARKET = schemas.Types(schemas.MARKET)


def flights(count, first=0):
    batch = make_batch(TYPES.Flight, count)
    for number, flight in enumerate(batch, first):
        flight.delay = number
    return batch


# ---- a batch of this process


def test_a_batch_is_a_sequence_of_messages_that_share_its_bytes():
    batch = flights(5)
    assert len(batch) == 5
    assert [flight.delay for flight in batch] == [0, 1, 2, 3, 4]
    assert batch[-1] == TYPES.Flight(delay=4)
    batch[1].origin = "abc"
    assert batch[1].origin == "abc"
    assert [flight.delay for flight in batch[3:0:-2]] == [3, 1]
    assert [flight.delay for flight in batch[1:4][1:]] == [2, 3]
    assert repr(batch) == "<5 flights.Flight>"
    with pytest.raises(IndexError, match="no message 5 of 5"):
        batch[5]
    with pytest.raises(TypeError, match="not str"):
        batch["a"]
    match batch:
        case [first, *_]:
            assert first.delay == 0


def test_new_ones_have_the_defaults_and_a_copy_is_its_own():
    batch = make_batch(MARKET.Tick, 3)
    assert list(batch) == [MARKET.Tick()] * 3
    copy = batch.copy()
    batch[2].quantity = 7
    assert copy[2].quantity == 0
    assert list(make_batch(TYPES.Other, 2)) == [TYPES.Other()] * 2
    assert len(make_batch(TYPES.Flight, 0)) == 0
    with pytest.raises(ValueError, match="there cannot be -1 messages"):
        make_batch(TYPES.Flight, -1)


def test_a_buffer_of_it_is_its_bytes():
    batch = flights(2)
    assert bytes(batch) == bytes(batch[0]) + bytes(batch[1])
    view = memoryview(batch)
    assert (view.itemsize, view.shape, view.strides, view.readonly) == (24, (2,), (24,), False)
    assert view.format == "T{<Q:date:i:delay:H:distance:3s:origin:3s:destination:B:cause:3x}"
    del view
    assert bytes(batch[1:]) == bytes(batch[1])
    with pytest.raises(BufferError, match="apart"):
        struct.unpack_from("<Q", flights(4)[::2])


def test_numpy_has_it_as_an_array_of_structures():
    numpy = pytest.importorskip("numpy")
    batch = make_batch(MARKET.Tick, 4)
    array = numpy.asarray(batch)
    assert array.shape == (4,)
    assert array.dtype.itemsize == 120
    array["price"] = [1, 2, 3, 4]
    array["legs"]["ratio"][:, 1] = 7
    array["symbol"] = b"ABC"
    assert [tick.price for tick in batch] == [1, 2, 3, 4]
    assert batch[3].legs[1].ratio == 7
    assert batch[0].symbol == "ABC"
    assert numpy.asarray(batch[1::2])["price"].tolist() == [2, 4]


def test_numpy_has_a_message_that_begins_with_an_array():
    numpy = pytest.importorskip("numpy")
    assert MARKET.Arrays._format == "T{(4)<B:a:(2)h:b:(2)q:c:(4)f:d:(4)d:e:}"
    batch = make_batch(MARKET.Arrays, 3)
    array = numpy.asarray(batch)
    assert array.dtype.names == ("a", "b", "c", "d", "e")
    assert [(part.base.str, part.shape, offset) for part, offset in array.dtype.fields.values()] == [
        ("|u1", (4,), 0),
        ("<i2", (2,), 4),
        ("<i8", (2,), 8),
        ("<f4", (4,), 24),
        ("<f8", (4,), 40),
    ]
    assert array.dtype.itemsize == 72
    array["a"][1] = [1, 2, 3, 4]
    array["e"][2, 3] = 0.5
    assert list(batch[1].a) == [1, 2, 3, 4]
    assert list(batch[2].e) == [0, 0, 0, 0.5]
    assert list(batch[0].a) == [0] * 4


# ---- received


def test_a_handler_takes_what_is_there_together(host):
    running = host(
        HEAD
        + """
seen = []
sizes = []

@peer.on("flights.Flight", batch=60)
def flight(batch, sender):
    seen.extend((each.delay, sender.id) for each in batch)
    sizes.append(len(batch))

wait_for_all()
peer.run()
print(seen == [(7, 3)] * 50 + [(8, 3)] * 50 + [(9, 4)], sizes, peer.counters.received)
"""
    ).ready()
    running.send(running.types.Flight(delay=7), sender=3, count=50)
    running.send(running.types.Flight(delay=8), sender=3, count=50)
    running.send(running.types.Flight(delay=9), sender=4)
    running.order("publish", "go", 1)
    assert running.stop() == "True [60, 40, 1] 101\n"


def test_a_batch_whose_handler_fails_comes_again_one_by_one(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Flight", batch=10)
def flight(batch):
    print(len(batch), peer.redelivered, peer.attempt, flush=True)
    if not peer.redelivered:
        raise ValueError("no")

wait_for_all()
peer.run()
"""
    ).ready()
    running.send(running.types.Flight(), count=3)
    running.order("publish", "go", 1)
    assert running.failure().startswith("ValueError: no")
    assert running.wait_for("exit") == ["1"]
    running.order("restart")
    running.ready()
    assert [line for line in running.stop().splitlines() if "rue" in line] == ["1 True 1", "1 True 0", "1 True 0"]


def test_what_is_asked_comes_alone_and_is_replied_to(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Ask", batch=8)
def ask(batch):
    assert len(batch) == 1 and peer.asked
    return peer.new("flights.Answer", mean=2.5)

peer.run()
"""
    ).ready()
    for correlation in (5, 6):
        running.ask(running.types.Ask(), correlation)
        assert running.reply() == (correlation, running.types.Answer(mean=2.5))
    running.stop()


def test_a_batch_is_over_when_its_handler_returns(host):
    running = host(
        HEAD
        + """
kept = []

@peer.on("flights.Flight", batch=8)
def flight(batch):
    kept.extend([batch, batch[0], batch[:1], batch.copy()])

peer.run()
for over in kept[0], kept[2]:
    try:
        over[0]
    except ringmail.ReleasedError as error:
        print(error)
try:
    kept[1].delay
except ringmail.ReleasedError:
    print("released")
print(kept[3][0].delay)
"""
    ).ready()
    running.send(running.types.Flight(delay=7))
    line = "this flights.Flight is over: its handler has returned. message.copy() gives one that stays"
    assert running.stop().splitlines() == [line, line, "released", "7"]


def test_a_batch_in_a_ring_is_read_only_and_no_array_of_it_may_be_kept(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Flight", batch=8)
def flight(batch):
    global kept
    try:
        batch[0].delay = 1
    except (AttributeError, TypeError, ringmail.Error) as error:
        print(type(error).__name__)
    print(memoryview(batch).readonly)
    kept = memoryview(batch)

peer.run()
"""
    ).ready()
    running.send(running.types.Flight(delay=7))
    assert running.failure().startswith("ReleasedError: the handler of flights.Flight kept a memoryview of it")
    assert running.wait_for("exit") == ["1"]
    assert "True" in running.output()


def test_numpy_reads_a_batch_where_it_lies(host):
    pytest.importorskip("numpy")
    running = host(
        HEAD
        + """
import numpy
total = 0

@peer.on("flights.Flight", batch=1000)
def flight(batch):
    global total
    array = numpy.asarray(batch)
    assert array.strides[0] % 64 == 0 or len(batch) == 1
    total += int(array["delay"].sum())

peer.run()
print(total)
"""
    ).ready()
    running.send(running.types.Flight(delay=3), count=500)
    assert running.stop() == "1500\n"


def test_batches_are_awaited(host):
    running = host(
        """
import asyncio
import ringmail
peer = ringmail.peer(pollable=True)
seen = []

@peer.on("flights.Flight", batch=10)
async def flight(batch):
    await asyncio.sleep(0)
    seen.extend(each.delay for each in batch)

asyncio.run(peer.run_async())
print(seen == [4] * 30)
"""
    ).ready()
    running.send(running.types.Flight(delay=4), count=30)
    assert running.stop() == "True\n"


def test_only_messages_of_fixed_size_come_in_batches(host):
    running = host(
        HEAD
        + """
for wrong in 0, -1, 2**31:
    try:
        peer.on("flights.Flight", batch=wrong)
    except ValueError as error:
        print(error)
peer.run()
"""
    ).ready()
    assert [line.split(":")[0] for line in running.stop().splitlines()] == [
        f"a batch cannot have {wrong} messages" for wrong in (0, -1, 2**31)
    ]


# ---- sent

SENDING = (
    HEAD
    + """
@peer.on("flights.Other")
def other(message, board):
    batch = peer.batch("flights.Flight", 3000)
    for number, each in enumerate(batch):
        each.delay = number
"""
)


@pytest.mark.parametrize(
    "messages",
    [
        "batch",
        "batch[::-1][::-1]",
        "list(batch)",
        "(each for each in batch)",
        "bytes(batch), type='flights.Flight'",
        "memoryview(batch), type=peer.type('flights.Flight')",
    ],
)
def test_many_are_sent_in_order_through_a_small_ring(host, messages):
    running = host(SENDING + f"    board.send_many({messages}, timeout=30)\npeer.run()\n", "--ring", "4096").ready()
    running.send(running.types.Other(), sender=3)
    assert [running.mail()[1].delay for _ in range(3000)] == list(range(3000))
    running.stop()


def test_numpy_makes_what_is_sent(host):
    pytest.importorskip("numpy")
    running = host(
        SENDING
        + """
    import numpy
    array = numpy.asarray(batch)
    array["delay"] *= 2
    board.send_many(array[:10:3], type="flights.Flight")
    board.send_many(batch[8:10])

peer.run()
"""
    ).ready()
    running.send(running.types.Other(), sender=3)
    assert [running.mail()[1].delay for _ in range(6)] == [0, 6, 12, 18, 16, 18]
    running.stop()


def test_how_many_were_sent_is_told_where_there_is_no_room(host):
    running = host(
        SENDING
        + """
    sent = 0
    for timeout in 0, 0.01:
        try:
            board.send_many(batch[sent:], timeout=timeout)
        except ringmail.FullError as error:
            print("full", flush=True)
            sent += error.sent
    board.send_many(batch[sent:], timeout=None)

peer.run()
""",
        "--ring",
        "4096",
    ).ready()
    running.order("deaf")
    running.send(running.types.Other(), sender=3)
    running.wait_for_output("full\nfull")
    running.order("hear")
    assert [running.mail()[1].delay for _ in range(3000)] == list(range(3000))
    running.stop()


def test_what_is_not_many_messages_is_no_batch(host):
    running = host(
        SENDING
        + """
    for given in (b"12345", "flights.Flight"), (7, None), ([7], None), (b"", 7):
        try:
            board.send_many(given[0], type=given[1])
        except (TypeError, ValueError) as error:
            print(error)

peer.run()
"""
    ).ready()
    running.send(running.types.Other(), sender=3)
    assert running.stop().splitlines() == [
        "a buffer of 5 bytes, in elements of 1, is none of flights.Flight, which has 24",
        "messages are a batch, a sequence of messages, or a buffer of a type",
        "a message is sent, not int",
        "a buffer is of messages of a type, not int",
    ]


def test_in_an_event_loop_many_are_sent_as_there_is_room(host):
    running = host(
        """
import asyncio
import ringmail
peer = ringmail.peer(pollable=True)

@peer.on("flights.Other")
async def other(message, board):
    batch = peer.batch("flights.Flight", 3000)
    for number, each in enumerate(batch):
        each.delay = number
    await board.send_many_async(batch[:1000], timeout=30)
    await board.send_many_async(list(batch[1000:2000]), timeout=30)
    await board.send_many_async(bytes(batch[2000:]), type="flights.Flight", timeout=30)

asyncio.run(peer.run_async())
""",
        "--ring",
        "4096",
    ).ready()
    running.send(running.types.Other(), sender=3)
    assert [running.mail()[1].delay for _ in range(3000)] == list(range(3000))
    running.stop()
