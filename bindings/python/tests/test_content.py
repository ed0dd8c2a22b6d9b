"""Content of variable length, optional values, defaults and appended fields, of messages that are made from a schema."""

import struct

import pytest
import schemas
from ringmail._ringmail import type_id

import ringmail
from ringmail._schema import find_mismatch


def schema(note: str, size: int) -> str:
    return f"""ringmail-schema 1
enum desk.Side u8
  value bid 1
  value ask 2
message desk.Leg size 8 align 4 id {type_id("desk.Leg"):#010x}
  field ratio i32 offset 0
  field side desk.Side offset 4 default ask
message desk.Note size {size} align 8 id {type_id("desk.Note"):#010x}
  field number u64 offset 0
  field first desk.Leg offset 8
  field limit f64? offset 16
  field title text offset 36
  field raw bytes offset 44
  field values list<f64> offset 52
  field legs list<desk.Leg> offset 60
{note}protocol desk.Desk
  accepts desk.Note -> desk.Note
"""


OLD = schema("", 72)
NEW = schema(
    '  field author text<8> offset 72 appended default "no \\"one"\n  field codes list<text<3>>? offset 80 appended\n', 96
)
old, new = schemas.Types(OLD), schemas.Types(NEW)


@pytest.fixture
def note():
    return new.Note(number=7, title="Zürich", raw=b"\0\1", values=[1.5, 2.5], legs=[{"ratio": 1}, {"ratio": 2}])


def test_a_new_message_holds_its_defaults():
    message = new.Note()
    assert (message.author, message.limit, message.codes, message.title) == ('no "one', None, None, "")
    assert (message.raw.tolist(), message.values.tolist(), message.legs) == ([], [], ())
    assert message.first.side == new.Side.ask and new.Note(legs=[{}]).legs[0].side == new.Side.ask
    assert new.Note._valid(bytes(message)) and len(bytes(message)) == new.Note._size == 96


def test_content_is_set_as_often_as_one_likes(note):
    note.title = "a much longer title than before"
    note.values = (1, 2, 3)
    note.legs = [new.Leg(ratio=9)]
    note.codes = ["abc", ""]
    note.limit = 0
    assert note == new.Note(
        number=7, title="a much longer title than before", raw=b"\0\1", values=[1, 2, 3], legs=[{"ratio": 9}],
        codes=["abc", ""], limit=0.0,
    )  # fmt: skip
    note.codes = note.limit = None
    assert (note.codes, note.limit) == (None, None)
    note.values[1] = 7
    assert note._asdict()["values"] == [1, 7, 3] and new.Note(**note._asdict()) == note


def test_content_stays_where_it_is_while_a_part_of_it_is_used(note):
    for part in (note.values, note.legs, note.first, memoryview(note)):
        with pytest.raises(BufferError, match=r"desk\.Note cannot become another while a part of it is used"):
            note.title = "x"
        del part
    del note
    again = new.Note(values=[1])
    again.title = "x"
    assert (again.title, again.values.tolist()) == ("x", [1.0])


def test_bytes_do_not_move_while_a_value_is_looked_at(note):
    class Number:
        def __index__(self):
            note.title = "moved"
            return 1

    with pytest.raises(BufferError):
        note.number = Number()
    note.codes = ["a"]
    assert (note.number, note.title) == (7, "Zürich")


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("title", b"abc", "desk.Note.title must be a str, not bytes"),
        ("raw", [256], r"desk.Note.raw\[0\] cannot be 256: u8 is 0 to 255"),
        ("raw", 3, "desk.Note.raw must be a sequence, not int"),
        ("values", ["1"], r"desk.Note.values\[0\] must be a number, not str"),
        ("legs", [{"ration": 1}], "desk.Leg has no field 'ration'"),
        ("codes", ["abcd"], r"desk.Note.codes\[0\] cannot be 'abcd': it is 4 bytes, and text<3> holds 3"),
        ("limit", "1", "desk.Note.limit must be a number, not str"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(note, field, value, error):
    before = bytes(note)
    with pytest.raises((TypeError, ValueError), match=error):
        setattr(note, field, value)
    assert bytes(note) == before


def test_old_and_new_understand_each_other(note):
    note.author, note.codes = "me", ["abc"]
    there = old.Note._from_bytes(bytes(note))
    assert (there.title, there.values.tolist(), len(bytes(there)) < len(bytes(note))) == ("Zürich", [1.5, 2.5], True)
    back = new.Note._from_bytes(bytes(there))
    assert (back.title, back.author, back.codes) == ("Zürich", 'no "one', None)
    back.codes = ["x"]
    assert back.copy().codes == ("x",)
    assert find_mismatch(ringmail.parse_schema(OLD), ringmail.parse_schema(NEW)) is None
    assert find_mismatch(ringmail.parse_schema(NEW), ringmail.parse_schema(OLD)) is None


@pytest.mark.parametrize(
    ("before", "after", "mismatch"),
    [
        ("field author", "field writer", "message desk.Note has no field author there"),
        ("limit f64?", "limit u64?", "message desk.Note: field limit is f64? here and u64? there"),
        ("list<f64>", "list<u64>", "message desk.Note: field values is list<f64> here and list<u64> there"),
        (' default "no \\"one"', "", None),
    ],
)  # fmt: skip
def test_what_two_schemas_disagree_in_is_named(before, after, mismatch):
    assert before in NEW
    theirs = NEW.replace(before, after)
    assert find_mismatch(ringmail.parse_schema(NEW), ringmail.parse_schema(theirs)) == mismatch


def test_a_message_that_grew_is_another_where_it_is_a_field():
    def leg(more: str, size: int) -> ringmail.Schema:
        return ringmail.parse_schema(
            f"ringmail-schema 1\nmessage a.Leg size {size} align 4 id {type_id('a.Leg'):#010x}\n  field a i32 offset 0\n{more}"
            f"message a.Book size 12 align 4 id {type_id('a.Book'):#010x}\n  field legs list<a.Leg> offset 4\n"
        )

    grown = leg("  field b i32 offset 4 appended\n", 8)
    expected = "message a.Book: field legs has elements of 4 bytes here and 8 there"
    assert find_mismatch(leg("", 4), grown) == expected


@pytest.mark.parametrize(
    ("at", "word"),
    [
        (32, 31), (32, 73), (32, 32), (32, 2**32 - 1),  # the fixed size
        (36, 95), (36, 2**32 - 1), (40, 2**32 - 1), (40, 49),  # where the title is, and how long
        (52, 105), (56, 2**29), (56, 2**32 - 1),  # alignment; a length that wraps when it is multiplied
        (60, 0), (64, 2**30),
    ],
)  # fmt: skip
def test_references_out_of_the_message_are_refused(note, at, word):
    payload = bytearray(bytes(note))
    assert new.Note._valid(payload)
    struct.pack_into("<I", payload, at, word)
    assert not new.Note._valid(payload)
    with pytest.raises(ValueError, match="bytes are no desk.Note"):
        new.Note._from_bytes(payload)


def test_bools_enums_and_options_are_looked_at(note):
    for at, byte in ((24, 2), (12, 0), (88, 2)):
        payload = bytearray(bytes(note))
        payload[at] = byte
        assert not new.Note._valid(payload)
    payload = bytearray(bytes(note))
    payload[-4] = 3  # the side of the last leg
    assert not new.Note._valid(payload)


HEAD = "import ringmail\npeer = ringmail.peer()\n"


def test_messages_of_variable_length_come_and_go(host, note):
    running = host(
        HEAD
        + """
kept = []

@peer.on("desk.Note")
def received(message, sender):
    try:
        message.title = "x"
    except AttributeError as error:
        print(error)
    kept.append(message)
    if not peer.asked:
        sender.send(message)
        with peer.loan(sender, "desk.Note", number=9, title="lent", values=2, codes=("a", "b")) as lent:
            lent.values[1] = 2.5
            lent.limit = 1
            try:
                lent.title = "x"
            except AttributeError as error:
                print(error)
        return
    answer = message.copy()
    answer.title += "!"
    answer.values = [2 * value for value in message.values]
    return answer

peer.run()
""",
        schema=NEW,
    ).ready()
    running.types = new
    running.ask(note, correlation=1)
    doubled = note.copy()
    doubled.title, doubled.values = "Zürich!", [3.0, 5.0]
    assert running.reply() == (1, doubled)
    running.ask(old.Note._from_bytes(bytes(note)), correlation=2)
    assert running.reply() == (2, doubled)
    running.send(note, sender=3)
    assert running.mail() == (3, note, 0)
    lent = new.Note(number=9, title="lent", values=[0, 2.5], limit=1, codes=["a", "b"])
    assert running.mail() == (3, lent, 0)
    assert running.stop().splitlines() == [
        *["desk.Note.title is read-only: message.copy() gives one that can be changed"] * 3,
        "the content of a loan is given to loan(): this desk.Note has its length",
    ]


def test_a_reference_out_of_the_message_is_a_fault_of_the_host(host, note):
    running = host(HEAD + "peer.on('desk.Note')(print)\npeer.run()\n", schema=NEW).ready()
    payload = bytearray(bytes(note))
    struct.pack_into("<I", payload, 40, 2**32 - 1)
    running.order("send", note._id, 0, payload.hex())
    expected = f"ProtocolError: the {len(payload)} bytes that came as a desk.Note are none"
    assert running.failure() == expected
    assert running.wait_for("exit") == ["1"]
