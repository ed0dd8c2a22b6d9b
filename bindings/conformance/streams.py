"""What bench/languages measures of Python beside the conformance peer, as far as streams and a question go: the same without
generated code (`plain`), and by batches of messages (`batches`)."""

import sys

import ringmail

try:
    import numpy
except ImportError:
    numpy = None

BATCH = 1024
NAMES = ("conformance.Ping", "conformance.Bulk")

peer = ringmail.peer()
Payload = peer.enum("conformance.Payload")
count = 0


@peer.on("conformance.Get")
def get(message):
    return peer.new("conformance.Sum", count=count)


def number_of(payload):
    """The class of what is streamed, and how its number is set."""
    if payload == Payload.ping:
        return "conformance.Ping", lambda ping, number: ping.words.__setitem__(0, number)
    return "conformance.Bulk", lambda bulk, number: setattr(bulk, "number", number)


def plain():
    def same(message):
        global count
        if not peer.asked:
            count += 1
        return message

    for name in NAMES:
        peer.on(name)(same)

    @peer.on("conformance.Stream")
    def stream(order):
        sink = peer.mailbox("sink")
        name, set_number = number_of(order.payload)
        message = peer.new(name)
        for number in range(order.count):
            set_number(message, number)
            sink.send(message, timeout=None)


def batches():
    def look(batch, words):
        """Into each."""
        if numpy is not None:
            numbers = numpy.asarray(batch)["words" if words else "number"]
            return int((numbers[:, 0] if words else numbers).sum())
        return sum(each.words[0] if words else each.number for each in batch)

    def take(words):
        def handler(batch):
            global count
            if peer.asked:
                return batch[0]
            look(batch, words)
            count += len(batch)

        return handler

    for name in NAMES:
        peer.on(name, batch=BATCH)(take(name == NAMES[0]))

    @peer.on("conformance.Stream")
    def stream(order):
        sink = peer.mailbox("sink")
        name, set_number = number_of(order.payload)
        batch = peer.batch(name, BATCH)
        for first in range(0, order.count, BATCH):
            last = min(first + BATCH, order.count)
            if numpy is not None:
                numbers = numpy.asarray(batch)["words" if order.payload == Payload.ping else "number"]
                (numbers[:, 0] if order.payload == Payload.ping else numbers)[: last - first] = numpy.arange(first, last)
            else:
                for number in range(first, last):
                    set_number(batch[number - first], number)
            sink.send_many(batch[: last - first], timeout=None)


{"plain": plain, "batches": batches}[sys.argv[1]]()
peer.run()
