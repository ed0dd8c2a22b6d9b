import pytest
import schemas
from ringmail._ringmail import type_id

import ringmail
from ringmail._schema import find_mismatch, find_unmet

# The example of docs/spec/message.md
SPECIFIED = """ringmail-schema 1
enum market.Side u8
  value bid 0
  value ask 1
message market.Leg size 4 align 4 id 0xaccd9e7f
  field ratio i32 offset 0
message market.Tick size 56 align 8 id 0xc67a76ec
  field time u64 offset 0
  field price f64 offset 8
  field side market.Side offset 16
  field symbol text<16> offset 17
  field legs market.Leg[4] offset 36
message market.Quote size 16 align 8 id 0x3ed1fb1f
  field bid f64 offset 0
  field ask f64 offset 8
message market.Reset size 0 align 1 id 0x281247b8
message market.Note size 64 align 8 id 0x9e7ef105
  field number u64 offset 0
  field side market.Side offset 8 default ask
  field limit f64? offset 16
  field title text offset 36
  field legs list<market.Leg> offset 44
  field author text<8> offset 56 appended default "nobody"
protocol market.Pricer
  accepts market.Tick -> market.Quote
  accepts market.Reset
"""


def test_the_specified_example_is_read():
    schema = ringmail.parse_schema(SPECIFIED)
    assert list(schema.messages) == ["market.Leg", "market.Tick", "market.Quote", "market.Reset", "market.Note"]
    tick = schema.messages["market.Tick"]
    assert (tick.size, tick.align, tick.id) == (56, 8, 0xC67A76EC)
    assert {name: (field.type, field.offset) for name, field in tick.fields.items()}["legs"] == ("market.Leg[4]", 36)
    assert schema.enums["market.Side"].values == {"bid": 0, "ask": 1}
    assert schema.protocols["market.Pricer"].accepts == {"market.Tick": "market.Quote", "market.Reset": None}
    assert schema.replies("market.Tick") == ["market.Quote"]
    assert schema.replies("market.Reset") is None


def test_content_options_defaults_and_appended_fields_are_read():
    note = ringmail.parse_schema(SPECIFIED).messages["market.Note"]
    assert (note.size, note.fixed_size_at, note.earlier_sizes) == (64, 32, (56,))
    assert [name for name, field in note.fields.items() if field.is_variable] == ["title", "legs"]
    assert [name for name, field in note.fields.items() if field.is_optional] == ["limit"]
    assert [name for name, field in note.fields.items() if field.is_appended] == ["author"]
    assert (note.fields["side"].preset, note.fields["author"].preset) == (1, "nobody")


def test_type_ids_are_those_of_the_specification():
    assert type_id("flights.Flight") == 0xEB027BF8
    assert type_id("a.Akluprfs") == 0


def test_an_empty_text_declares_nothing():
    assert ringmail.parse_schema("").messages == {}


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("ringmail-schema 1", "ringmail-schema 2", "schema:1: error: the first line is not"),
        (
            "ratio i32 offset 0",
            "ratio i32 offset 4",
            "schema:6: error: message market.Leg: field ratio cannot be at offset 4",
        ),
        ("size 56", "size 64", "message market.Tick cannot have size 64 and align 8"),
        ("id 0xc67a76ec", "id 0xc67a76ed", "message market.Tick cannot have the id 0xc67a76ed"),
        ("price f64", "price f16", "schema:9: error: unknown type f16"),
        ("text<16>", "u8<16>", "unknown type u8<16>"),
        ("text<16>", "text", "field symbol cannot be at offset 17"),
        ("list<market.Leg>", "list<text>", "list<text> has elements of no fixed size"),
        ("list<market.Leg>", "list<market.Leg", "unknown type list<market.Leg"),
        ("f64?", "f64?[2]", "unknown type f64?[2]"),
        ("offset 36\n  field legs l", "offset 32\n  field legs l", "field title cannot be at offset 32"),
        ("default ask", "default buy", "cannot read"),
        ("default ask", "preset ask", "cannot read"),
        ('"nobody"', "nobody", "cannot read"),
        ("offset 16\n", "offset 16 appended\n", "field symbol stands behind an appended one"),
        ("text<16>", "text<0>", "text<0> holds nothing"),
        ("enum market.Side u8", "enum market.Side f32", "schema:2: error: an enum cannot be a f32"),
        ("value ask 1", "value ask 0", "schema:4: error: 0 is already the number of another value"),
        ("message market.Reset", "message market.Quotes", "cannot have the id"),
        ("message market.Reset", "message market.Quote", "market.Quote is already declared"),
        ("protocol market.Pricer", "protocol market.Tick", "market.Tick is already declared"),
        ("-> market.Quote", "-> market.Quota", "unknown message market.Quota"),
        ("protocol", "procotol", "expected 'enum', 'message' or 'protocol'"),
        ("field bid f64 offset 0", "field bid f64", "cannot read"),
        ("offset 8\n  field side", "offset x\n  field side", "cannot read"),
        ("accepts market.Reset\n", "accepts market.Reset", "the last line does not end"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(old, new, error):
    assert old in SPECIFIED
    with pytest.raises(ringmail.SchemaError) as refused:
        ringmail.parse_schema(SPECIFIED.replace(old, new, 1))
    assert error in str(refused.value)


def declare(*fields: str, name: str = "a.Message") -> ringmail.Schema:
    """A schema of one message of u32 and the like, four bytes each."""
    lines = [f"  field {field} offset {4 * i}" for i, field in enumerate(fields)]
    size = 4 * len(fields)
    return ringmail.parse_schema(
        "\n".join(["ringmail-schema 1", f"message {name} size {size} align 4 id {type_id(name):#010x}", *lines, ""])
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "mismatch"),
    [
        (["delay i32"], ["delay f32"], "message a.Message: field delay is i32 here and f32 there"),
        (
            ["a u32", "b u32"],
            ["b u32", "a u32"],
            "message a.Message: field a is at offset 0 here and at offset 4 there",
        ),
        (["a u32"], ["b u32"], "message a.Message has no field a there"),
        (["a u32"], ["a u32", "b u32"], "message a.Message has no field b here"),
        (["a u32"], ["a u32"], None),
    ],
)
def test_a_mismatch_names_message_and_field(ours, theirs, mismatch):
    assert find_mismatch(declare(*ours), declare(*theirs)) == mismatch


@pytest.mark.parametrize(
    ("old", "new", "mismatch"),
    [
        ("value ask 1", "value ask 2", "enum market.Side: value ask is 1 here and 2 there"),
        ("  value ask 1\n", "", "enum market.Side has no value ask there"),
        ("-> market.Quote", "-> market.Leg", "protocol market.Pricer: the reply to market.Tick is market.Quote here and market.Leg there"),
        (" -> market.Quote", "", "protocol market.Pricer: the reply to market.Tick is market.Quote here and nothing there"),
        ("  accepts market.Reset\n", "", "protocol market.Pricer has no message market.Reset there"),
    ],
)  # fmt: skip
def test_enums_and_protocols_are_compared_too(old, new, mismatch):
    theirs = ringmail.parse_schema(SPECIFIED.replace(old, new, 1).replace(" default ask", ""))
    assert find_mismatch(ringmail.parse_schema(SPECIFIED), theirs) == mismatch


def test_what_only_one_declares_is_no_mismatch():
    assert find_mismatch(ringmail.parse_schema(SPECIFIED), ringmail.parse_schema(schemas.FLIGHTS)) is None


@pytest.mark.parametrize(
    ("expected", "unmet"),
    [
        ({"flights.Flight": {"delay": "i32", "origin": "text<3>"}}, None),
        ({"flights.Flight": {"delay": "i16"}}, "message flights.Flight: field delay is i16 here and i32 there"),
        ({"flights.Flight": {"late": "i16"}}, "message flights.Flight has no field late there"),
        ({"flights.Fright": {}}, "message flights.Fright is not declared there"),
    ],
)
def test_an_expectation_that_is_not_met_is_named(expected, unmet):
    assert find_unmet(expected, ringmail.parse_schema(schemas.FLIGHTS)) == unmet


def test_names_that_mean_something_to_enums_can_be_values():
    text = (
        "ringmail-schema 1\nenum a.Odd u8\n  value mro 0\n  value name 1\n  value value 2\n  value class 3\n"
        f"message a.Holder size 1 align 1 id {type_id('a.Holder'):#010x}\n  field odd a.Odd offset 0\n"
    )
    types = schemas.Types(text)
    assert [int(types.Holder(odd=number).odd) for number in range(4)] == [0, 1, 2, 3]
    assert types.Odd["class"] == 3 and types.Odd.mro_ == 0
