"""What a program may write, and what it may not: mypy takes this file, and says so where a mistake is none. Never run."""

import asyncio
import logging

import ringmail
from market_mail import SCHEMA, Leg, Numbers, Pricer, PricerMailbox, Reset, Side, Tick, Words

peer = ringmail.peer(schema=SCHEMA, timeout=1)


# Without generated code.
@peer.on("test.market.Tick")
def quote(message: ringmail.Message, sender: ringmail.Mailbox) -> ringmail.Message:
    reply = peer.new("test.market.Numbers", a=message.price)
    sender.send(reply, timeout=None)
    return reply


# With it.
@peer.on(Tick)
def tick(message: Tick) -> Numbers:
    symbol: str = message.symbol
    weights: list[float] = list(message.best.weights)
    side: Side = message.side
    return Numbers(a=len(symbol), d=len(weights), e=side)


mine = Tick(time=1, symbol="ABC", legs=[Leg(ratio=2), Leg()])
mine.best = Leg(ratio=3)
mine.time = 1.5  # type: ignore[assignment]
mine.side = "ask"  # type: ignore[assignment]
Tick(tyme=1)  # type: ignore[call-arg]
print(mine.tyme)  # type: ignore[attr-defined]


# A protocol as a class.
class Board(Pricer):
    def on_Tick(self, message: Tick) -> Numbers:
        return Numbers(a=message.quantity)

    def on_Reset(self, message: Reset) -> None: ...

    def on_Words(self, message: Words) -> Reset:
        return Reset()


class Lazy(Pricer):
    def on_Tick(self, message: Tick) -> Numbers:
        return Numbers()

    def on_Words(self, message: Words) -> Numbers:  # type: ignore[override]
        return Numbers()


peer.follow(Board())
peer.follow(Lazy())  # type: ignore[abstract]

# A mailbox that knows what it accepts.
board = PricerMailbox(peer.mailbox("board"))
board.send(mine)
board.ask(mine, lambda reply: print(reply.a if reply is not None else None))
board.send(Numbers())  # type: ignore[arg-type]
board.ask(Words(), lambda reply: print(reply and reply.a))  # type: ignore[attr-defined]

# One that does not.
other = peer.mailbox("other", timeout=None)
other.send(mine, timeout=0.5)
other.ask(mine, lambda numbers: print(numbers and numbers.a), reply=Numbers)
other.send("text")  # type: ignore[arg-type]
other.send(mine, 5)  # type: ignore[call-arg]
other.ask(mine, lambda numbers: print(numbers and numbers.b.c), reply=Numbers)  # type: ignore[attr-defined]


# Many at once, and in place.
@peer.on(Tick, batch=100)
def ticks(batch: ringmail.Batch) -> None:
    print(len(batch), batch[0].price, batch[1:].copy())


other.send_many(peer.batch(Tick, 100)[:50])
other.send_many([mine, Words()])
other.send_many(bytes(240), type=Tick)
other.send_many(bytes(240))  # type: ignore[arg-type]
with peer.loan(other, Tick) as lent:
    lent.price = 1.0

# Ends, the log, and bodies.
down: ringmail.Down
peer.monitor(other, lambda down: print(down.kind == ringmail.ExitKind.FAILED, down.reason))
peer.monitor(other, lambda: None)  # type: ignore[misc, arg-type]
logging.getLogger().addHandler(ringmail.LogHandler(peer))
room = other.loan_large(1000)
memoryview(room)[0] = 7
other.send(mine, body=room)
other.send(mine, body=b"abc")  # type: ignore[arg-type]
body = peer.body
print(body.nbytes)  # type: ignore[union-attr]


# In an event loop.
async def main() -> None:
    numbers = await other.ask_async(mine, timeout=1, reply=Numbers)
    print(numbers.a, numbers.tyme)  # type: ignore[attr-defined]
    async for message in peer:
        peer.reply(message)
    async for let_in in ringmail.listen("/run/user/1000/market", schema=SCHEMA):
        await let_in.run_async()
        let_in.other.send(mine)


asyncio.run(main())
