"""Messages that `ringmail gen --lang python` wrote, in place of those made from the host's schema."""

import importlib.util
import os
import pathlib
import shutil
import subprocess

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


def test_what_is_kept_of_a_generated_message_is_released_with_it(host, market):
    running = host(
        HEAD
        + """
kept = []

@peer.on(market.Tick)
def tick(message):
    kept.append(message.best)               # a message in it, and not itself
    if message.time:
        kept.append(message)
        raise ValueError("no")

def show(message):
    try:
        message.ratio if type(message) is market.Leg else message.time
    except ValueError as error:
        print(error)

try:
    peer.run()
except ValueError as error:
    print(error, len(kept))
for message in kept:
    show(message)
""",
        schema=SCHEMA,
    ).ready()
    for time in 0, 0, 1:
        running.send(native(running, "Tick", market.Tick(time=time)))
    assert running.failure().startswith("ValueError: no")
    assert running.wait_for("exit") == ["0"]
    assert running.output().splitlines() == ["no 4"] + ["operation forbidden on released memoryview object"] * 4


def test_a_handler_that_keeps_an_array_of_a_generated_message_fails(host, market):
    running = host(
        HEAD
        + """
kept = []

@peer.on(market.Tick)
def tick(message):
    kept.append(message.best.weights)

peer.run()
""",
        schema=SCHEMA,
    ).ready()
    running.send(native(running, "Tick", market.Tick()))
    assert running.failure().startswith("ReleasedError: the handler of test.market.Tick kept a memoryview of it")


def test_many_generated_messages_leave_nothing_behind(host, market):
    running = host(
        HEAD
        + """
import gc, tracemalloc

words = market.Words(class_=1)

@peer.on(market.Tick)
def tick(message, sender):
    sender.send(words)
    return message

@peer.on("test.market.Reset")
def reset(message):
    gc.collect()
    seen.append(tracemalloc.get_traced_memory()[0])

seen = []
tracemalloc.start()
peer.run()
print(seen[2] - seen[1] < 20000 or seen)
""",
        schema=SCHEMA,
    ).ready()
    tick = native(running, "Tick", market.Tick(time=9))
    for _ in range(3):
        running.send(tick, sender=3, count=3_000)
        running.send(running.types.Reset())
    assert running.stop() == "True\n"


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


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """The folder of vectors_mail.py, as the tool writes it."""
    tool = os.environ.get("RINGMAIL_TOOL") or shutil.which("ringmail")
    if not tool:
        pytest.skip("RINGMAIL_TOOL does not say where the ringmail command is")
    folder = tmp_path_factory.mktemp("vectors")
    source = pathlib.Path(__file__).resolve().parents[2] / "vectors" / "vectors.mail"
    subprocess.run([tool, "gen", "--lang", "python", source, "-o", folder / "vectors_mail.py"], check=True)
    return folder


def test_generated_messages_of_variable_length_come_and_go(host, vectors):
    spec = importlib.util.spec_from_file_location("vectors_mail", vectors / "vectors_mail.py")
    mail = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mail)
    running = host(
        f"""
import sys
sys.path.insert(0, {str(vectors)!r})
import vectors_mail as mail
import ringmail
peer = ringmail.peer(schema=mail.SCHEMA)

@peer.on(mail.Grown2)
def grown(message, sender):
    try:
        message.title = "x"
    except ValueError as error:
        print(error)
    return mail.Grown3(number=message.number, title=message.title * 2, numbers=[message.count])

@peer.on(mail.Options)
def options(message, sender):
    sender.send(mail.Content(title="abc", points=[mail.Point(x=1)]))
    with peer.loan(sender, mail.Content, title="lent", numbers=2, points=1) as lent:
        lent.numbers[1] = 5
        lent.points[0].y = -1

peer.run()
""",
        schema=mail.SCHEMA,
    ).ready()
    running.ask(native(running, "Grown2", mail.Grown2(number=3, title="two")), correlation=1)
    expected = mail.Grown3(number=3, title="twotwo", numbers=[7])
    assert running.reply() == (1, native(running, "Grown3", expected))
    running.send(running.types.Options(), sender=3)
    sent = mail.Content(title="abc", points=[mail.Point(x=1)])
    lent = mail.Content(title="lent", numbers=[0, 5], points=[mail.Point(y=-1)])
    assert [running.mail()[1] for _ in range(2)] == [native(running, "Content", each) for each in (sent, lent)]
    assert running.stop() == "vectors.Grown2 lies in bytes of another's: its content cannot become others there\n"


def test_content_of_generated_messages_is_set_and_checked(vectors):
    spec = importlib.util.spec_from_file_location("vectors_mail", vectors / "vectors_mail.py")
    mail = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mail)
    content = mail.Content(id=1, points=[mail.Point(x=1), mail.Point(x=2)])
    kept = content.points[0]
    content.points = content.points[1:]
    content.numbers = [7]
    content.title = "later"
    assert content == mail.Content(id=1, points=[mail.Point(x=2)], numbers=[7], title="later")
    with pytest.raises(ValueError, match="released"):
        _ = kept.x
    for field, value, error in (
        ("numbers", [-1], "vectors.Content.numbers cannot be"),
        ("names", ["abcd"], "vectors.Content.names cannot be 'abcd'"),
        ("points", [1], "vectors.Content.points takes elements of Point"),
    ):
        before = content.to_bytes()
        with pytest.raises(ValueError, match=error):
            setattr(content, field, value)
        assert content.to_bytes() == before
    older = mail.Grown3.view(bytearray(mail.Grown1(number=5).to_bytes()))
    assert (older.count, older.title, older.side, older.limit) == (7, "", mail.Side.ask, None)
    with pytest.raises(ValueError, match="vectors.Grown3.count was not sent, and there is no room for it"):
        older.count = 1
