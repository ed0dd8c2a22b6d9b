"""Messages that `ringmail gen --lang python` wrote, in place of those made from the host's schema."""

import importlib.util
import pathlib

import pytest
import schemas

GOLDEN = pathlib.Path(__file__).resolve().parents[3] / "tests" / "tools" / "golden"
SCHEMA = (GOLDEN / "market.schema").read_text()
HEAD = f"""
import sys
sys.path.insert(0, {str(GOLDEN)!r})
sys.dont_write_bytecode = True
import market_mail as market
import ringmail
peer = ringmail.peer(schema=market.SCHEMA)
"""


@pytest.fixture(scope="module")
def market():
    spec = importlib.util.spec_from_file_location("market_mail", GOLDEN / "market_mail.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def native(running, name: str, message):
    """A generated message as one of the test host's types."""
    return getattr(running.types, name)._from_bytes(message.to_bytes())


def test_a_handler_gets_generated_messages_and_returns_them(host, market):
    running = host(
        HEAD
        + """
kept = []

@peer.on(market.Tick)
def tick(message, sender):
    assert type(message) is market.Tick
    kept.append(message)
    return market.Numbers(a=7, e=message.time)

@peer.on("test.market.Words")
def words(message):
    return market.Reset()

peer.run()
try:
    kept[0].time
except ValueError as error:
    print(error)
""",
        schema=SCHEMA,
    ).ready()
    running.ask(native(running, "Tick", market.Tick(time=9, side=market.Side.ask)), correlation=1, sender=3)
    assert running.reply() == (1, native(running, "Numbers", market.Numbers(a=7, e=9)))
    running.ask(running.types.Words(), correlation=2)
    assert running.reply() == (2, running.types.Reset())
    assert running.stop() == "operation forbidden on released memoryview object\n"


def test_a_class_follows_a_protocol(host, market):
    running = host(
        HEAD
        + """
class Pricer(market.Pricer):
    def on_Tick(self, message, sender=None):
        return market.Numbers(a=message.side, d=len(message.legs))
    def on_Reset(self, message):
        print("reset")
    def on_Words(self, message):
        return market.Reset()

peer.follow(Pricer())
peer.run()
""",
        schema=SCHEMA,
    ).ready()
    running.ask(native(running, "Tick", market.Tick(side=market.Side.ask)), correlation=1)
    assert running.reply() == (1, native(running, "Numbers", market.Numbers(a=1, d=2)))
    running.send(running.types.Reset())
    assert running.stop() == "reset\n"


def test_generated_messages_are_sent_asked_and_lent(host, market):
    running = host(
        HEAD
        + """
def answered(reply):
    print(reply)

@peer.on("test.market.Reset")
def reset(message, sender):
    pricer = market.PricerMailbox(sender)
    pricer.send(market.Words(class_=1, int_=2), timeout=None)
    pricer.ask(market.Tick(time=5), answered)
    sender.ask(market.Words(), answered, reply=market.Reset)
    sender.ask(market.Reset(), answered)
    with peer.loan(sender, market.Numbers) as numbers:
        numbers.c = -1

peer.run()
""",
        schema=SCHEMA,
    ).ready()
    running.send(running.types.Reset(), sender=3)
    mail = [running.mail() for _ in range(5)]
    assert [message for _, message, _ in mail] == [
        native(running, name, message)
        for name, message in (
            ("Words", market.Words(class_=1, int_=2)),
            ("Tick", market.Tick(time=5)),
            ("Words", market.Words()),
            ("Reset", market.Reset()),
            ("Numbers", market.Numbers(c=-1)),
        )
    ]
    numbers = native(running, "Numbers", market.Numbers(a=3))
    running.order("answer", mail[1][2], numbers._id, bytes(numbers).hex())
    running.order("decline", mail[2][2], 1)
    running.order("answer", mail[3][2], schemas.type_id("ringmail.Done"), "-")
    assert running.stop().splitlines() == ["Numbers(a=3, b=0, c=0, d=0, e=0)", "None", "True"]


def test_a_class_that_differs_from_the_hosts_is_refused(host):
    running = host(
        HEAD.replace("schema=market.SCHEMA", "")
        + """
for attempt in (lambda: peer.on(market.Tick), lambda: peer.mailbox("board").send(market.Words())):
    try:
        attempt()
    except ringmail.SchemaError as error:
        print(error)
try:
    peer.mailbox("board").send(7)
except TypeError as error:
    print(error)
peer.run()
""",
        schema=SCHEMA.replace("field time u64", "field time i64"),
    )
    running.order("publish", "board", 5)
    running.ready()
    assert running.stop().splitlines() == [
        "message test.market.Tick: field time is u64 here and i64 there",
        "message test.market.Tick: field time is u64 here and i64 there",
        "a message is sent, not int",
    ]
