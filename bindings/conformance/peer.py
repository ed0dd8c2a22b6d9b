"""The conformance peer in Python: generated messages over the ringmail package. bindings/README.md says what it does."""

import os
import sys

import ringmail
from conformance_mail import SCHEMA, Bulk, Fail, Get, Payload, Peer, Ping, Side, Stream, Sum, Tick


SINK = os.environ.get("CONFORMANCE_SINK", "sink")


class Handlers(Peer):
    def __init__(self, peer: ringmail.Peer, echoes: bool) -> None:
        self.peer = peer
        self.sink = peer.mailbox(SINK, timeout=None) if echoes else None
        self.sum = Sum()

    def on_Tick(self, message: Tick) -> Tick:
        tick = Tick.from_bytes(message.to_bytes())
        tick.price *= 2
        if not self.peer.asked:
            self.count(tick)
            self.sum.total += message.price
        return tick

    def on_Ping(self, message: Ping) -> Ping:
        if not self.peer.asked:
            self.count(message)
        return message

    def on_Bulk(self, message: Bulk) -> Bulk:
        if not self.peer.asked:
            self.count(message)
        return message

    def on_Get(self, message: Get) -> Sum:
        return self.sum

    def on_Fail(self, message: Fail) -> None:
        raise RuntimeError(f"failed with {message.code}")

    def on_Stream(self, message: Stream) -> None:
        sink = self.peer.mailbox(SINK)
        tick = Tick(side=Side.ask, live=True, symbol="abc")
        ping = Ping()
        bulk = Bulk()
        words = ping.words
        payload = message.payload
        for number in range(message.count):
            if payload == Payload.tick:
                tick.number = number
                tick.price = float(number)
                sink.send(tick, timeout=None)
            elif payload == Payload.ping:
                words[0] = number
                sink.send(ping, timeout=None)
            else:
                bulk.number = number
                sink.send(bulk, timeout=None)

    def count(self, echo: Tick | Ping | Bulk) -> None:
        self.sum.count += 1
        self.sum.redelivered += self.peer.redelivered
        if self.sink is not None:
            self.sink.send(echo, timeout=None)


path = os.environ.get("CONFORMANCE_PATH")
peer = ringmail.peer(schema=SCHEMA, **({"path": path, "name": "conformance"} if path else {}))
peer.follow(Handlers(peer, sys.argv[1:] == ["echo"]))
peer.run()
