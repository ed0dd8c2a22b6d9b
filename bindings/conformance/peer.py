"""The conformance peer in Python: generated messages over the ringmail package. bindings/README.md says what it does."""

import logging
import os
import sys
import threading

import ringmail
from conformance_mail import (
    SCHEMA,
    Bulk,
    Consult,
    Ended,
    Fail,
    Get,
    Note,
    Outcome,
    Payload,
    Ping,
    Player,
    Say,
    Side,
    Stream,
    Sum,
    Tick,
    Unwatch,
    Watch,
)

LEVELS = [ringmail.TRACE, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL]


SINK = os.environ.get("CONFORMANCE_SINK", "sink")
LISTEN = os.environ.get("CONFORMANCE_LISTEN")
ECHOES = sys.argv[1:] == ["echo"]


class Handlers(Player):
    def __init__(self, peer: ringmail.Peer, echoes: bool) -> None:
        self.peer = peer
        self.sink = self.find_sink() if echoes else None
        self.counted = 0
        self.total = 0.0
        self.redelivered = 0

    def find_sink(self) -> ringmail.Mailbox:
        return self.peer.other if LISTEN else self.peer.mailbox(SINK, timeout=None)

    def on_Tick(self, message: Tick) -> Tick:
        tick = Tick.from_bytes(message.to_bytes())
        tick.price *= 2
        if not self.peer.asked:
            self.count(tick)
            self.total += message.price
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
        return Sum(count=self.counted, total=self.total, redelivered=self.redelivered)

    def on_Fail(self, message: Fail) -> None:
        raise RuntimeError(f"failed with {message.code}")

    def on_Stream(self, message: Stream) -> None:
        sink = self.find_sink()
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

    def on_Note(self, message: Note) -> Note:
        note = Note.from_bytes(message.to_bytes())
        note.number *= 2
        note.values = [2 * value for value in message.values]
        return note

    def on_Watch(self, message: Watch) -> None:
        self.watch = self.peer.monitor(self.peer.mailbox(message.name), self.ended)

    def on_Unwatch(self, message: Unwatch) -> None:
        self.peer.demonitor(self.watch)

    def ended(self, down: ringmail.Down) -> None:
        reason = down.reason.encode()[:64].decode(errors="ignore")
        self.peer.mailbox("sink").send(Ended(kind=down.kind, reason=reason), timeout=None)

    def on_Consult(self, message: Consult) -> None:
        number = message.number
        self.peer.mailbox("desk").ask(
            Ping(words=[number, 0, 0, 0]),
            lambda reply: self.answered(number, reply),
            timeout=message.milliseconds / 1000,
            reply=Ping,
        )

    def answered(self, number: int, reply: Ping | None) -> None:
        answered = reply is not None and reply.words[0] == number
        self.peer.mailbox("sink").send(Outcome(number=number, answered=answered), timeout=None)

    def on_Say(self, message: Say) -> None:
        logging.getLogger("conformance").log(LEVELS[message.level], message.text)

    def count(self, echo: Tick | Ping | Bulk) -> None:
        self.counted += 1
        self.redelivered += self.peer.redelivered
        if self.sink is not None:
            self.sink.send(echo, timeout=None)


def play(peer: ringmail.Peer) -> None:
    with peer:
        peer.follow(Handlers(peer, ECHOES))
        try:
            peer.run()
        except ringmail.PeerGone:
            pass  # in the middle of what it was sent


def listen() -> None:
    with ringmail.listen(LISTEN, name="conformance", schema=SCHEMA) as listener:
        for peer in listener:
            threading.Thread(target=play, args=(peer,), daemon=True).start()


def join() -> None:
    path = os.environ.get("CONFORMANCE_PATH")
    peer = ringmail.peer(schema=SCHEMA, **({"path": path, "name": "conformance"} if path else {}))
    logging.basicConfig(level=ringmail.TRACE, format="%(message)s", handlers=[ringmail.LogHandler(peer)])
    play(peer)


listen() if LISTEN else join()
