"""A view does not outlive its handler unnoticed."""

HEAD = """
import ringmail
peer = ringmail.peer()
kept = []
"""


def test_a_kept_view_says_that_it_is_over(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Batch")
def batch(message, sender):
    kept.extend([message, message.legs[0], message.copy()])

@peer.on("flights.Other")
def other(message, sender):
    view, leg, copy = kept[:3]
    for use in (lambda: view.delays, lambda: leg.a, lambda: bytes(view), lambda: memoryview(leg), view.copy, leg.copy,
                view._asdict, lambda: list(view), lambda: view == copy, lambda: sender.send(view),
                lambda: peer.new("flights.Batch", legs=[leg, leg])):
        try:
            print(use())
        except ringmail.ReleasedError as error:
            last = error
    print(last)
    print(view, leg)
    print(copy)

peer.run()
"""
    ).ready()
    batch = running.types.Batch(delays=[1, 2, 3, 4], legs=[{"a": 5}, {"b": 6}])
    running.send(batch, count=2)
    running.send(running.types.Other(), sender=3)
    assert running.stop().splitlines() == [
        "this flights.Leg is over: its handler has returned. message.copy() gives one that stays",
        "<flights.Batch, released> <flights.Leg, released>",
        repr(batch),
    ]


def test_a_view_is_read_only(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Batch")
def batch(message):
    def delay(): message.delays[0] = 1
    def leg(): message.legs[0].a = 1
    def legs(): message.legs = [{}, {}]
    def whole(): memoryview(message)[0] = 1
    for change in (delay, leg, legs, whole):
        try:
            change()
            print("changed")
        except (AttributeError, TypeError) as error:
            print(error)
    changed = message.copy()
    changed.delays[0] = 9
    print(changed.delays[0], message.delays[0])

peer.run()
"""
    ).ready()
    running.send(running.types.Batch(delays=[1, 2, 3, 4]))
    assert running.stop().splitlines() == [
        "cannot modify read-only memory",
        "flights.Leg.a is read-only: message.copy() gives one that can be changed",
        "flights.Batch.legs is read-only: message.copy() gives one that can be changed",
        "cannot modify read-only memory",
        "9.0 1.0",
    ]


def test_a_kept_memoryview_fails_the_peer(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Batch")
def batch(message):
    kept.append(message.delays)

peer.run()
"""
    ).ready()
    running.send(running.types.Batch(delays=[1, 2, 3, 4]))
    failure = running.failure()
    assert failure == (
        "ReleasedError: the handler of flights.Batch kept a memoryview of it; take message.copy() or bytes(view)"
    )
    assert running.wait_for("exit") == ["1"]


def test_a_memoryview_that_a_traceback_holds_is_still_readable(host):
    running = host(
        HEAD
        + """
import sys, atexit
@peer.on("flights.Batch")
def batch(message):
    delays = message.delays
    raise ValueError("no")

try:
    peer.run()
except ValueError as error:
    frame = error.__traceback__
    while frame.tb_next:
        frame = frame.tb_next
    print(peer.closed, frame.tb_frame.f_locals["delays"].tolist(), frame.tb_frame.f_locals["message"])
"""
    ).ready()
    running.send(running.types.Batch(delays=[1, 2, 3, 4]))
    assert running.wait_for("exit") == ["0"]
    assert running.output() == "True [1.0, 2.0, 3.0, 4.0] <flights.Batch, released>\n"


def test_a_view_is_used_again_only_when_nobody_kept_it(host):
    running = host(
        HEAD
        + """
ids = []
@peer.on("flights.Flight")
def flight(message):
    ids.append(id(message))
    if message.delay == 2:
        kept.append(message)

peer.run()
print(len(set(ids)), kept)
"""
    ).ready()
    for delay in range(5):
        running.send(running.types.Flight(delay=delay))
    assert running.stop() == "2 [<flights.Flight, released>]\n"


def test_many_messages_leave_nothing_behind(host):
    running = host(
        HEAD
        + """
import gc, resource, tracemalloc

@peer.on("flights.Flight")
def flight(message, sender):
    message.origin, message.date, message.cause, message.copy(), sender
    return answer(mean=message.delay)
answer = peer.type("flights.Answer")

@peer.on("flights.Batch")
def batch(message, sender):
    message.delays.tolist(), message.legs[1].a, message._asdict(), repr(message), message == message
    sender.send(message)

seen = []
@peer.on("flights.Other")
def other(message, sender):
    gc.collect()
    seen.append((tracemalloc.get_traced_memory()[0], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))

tracemalloc.start()
peer.run()
(before, rss_before), (after, rss_after) = seen[1:3]
print(after - before < 20000 or after - before, rss_after - rss_before < 3000 or rss_after - rss_before)
"""
    ).ready()
    flight = running.types.Flight(delay=3, origin="ABE", cause=2, date=2**40)
    for _ in range(3):
        running.send(flight, sender=5, count=50_000)
        running.send(running.types.Batch(), sender=6, count=3_000)
        running.send(running.types.Other())
    assert running.stop() == "True True\n"
