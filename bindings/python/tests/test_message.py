import copy
import math
import struct

import pytest
import schemas

import ringmail

market = schemas.Types(schemas.MARKET)


def tick(**fields):
    return market.Tick(**fields)


def test_fields_that_are_not_given_are_zero():
    message = tick()
    assert bytes(message) == bytes(120)
    assert message.symbol == "" and message.price == 0.0 and message.live is False and message.side is market.Side.bid


def test_numbers_lie_where_the_schema_says():
    message = market.Numbers(a=1, b=2, c=3, d=4, e=-5, f=-6, g=-7, h=-8, i=0.5)
    assert bytes(message) == struct.pack("<BxHIQbxhiqf4x", 1, 2, 3, 4, -5, -6, -7, -8, 0.5)
    assert list(message) == [1, 2, 3, 4, -5, -6, -7, -8, 0.5]


LIMITS = {
    "a": (0, 2**8 - 1), "b": (0, 2**16 - 1), "c": (0, 2**32 - 1), "d": (0, 2**64 - 1),
    "e": (-(2**7), 2**7 - 1), "f": (-(2**15), 2**15 - 1), "g": (-(2**31), 2**31 - 1), "h": (-(2**63), 2**63 - 1),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_integers_take_their_range_and_no_more(name):
    least, most = LIMITS[name]
    for number in (least, most):
        assert getattr(market.Numbers(**{name: number}), name) == number
    for number in (least - 1, most + 1, 10**40, -(10**40)):
        with pytest.raises(
            ValueError, match=rf"^market\.Numbers\.{name} cannot be {number}: [ui]\d+ is {least} to {most}$"
        ):
            market.Numbers(**{name: number})


def test_a_float_takes_integers_and_not_what_becomes_infinite():
    assert market.Numbers(i=3).i == 3.0
    assert math.isinf(market.Numbers(i=math.inf).i) and math.isnan(market.Numbers(i=math.nan).i)
    with pytest.raises(ValueError, match=r"market\.Numbers\.i cannot be 1e\+39: it is f32"):
        market.Numbers(i=1e39)
    with pytest.raises(ValueError, match=r"market\.Tick\.price cannot be"):
        tick(price=10**400)


@pytest.mark.parametrize(
    ("fields", "error", "text"),
    [
        ({"tim": 1}, TypeError, "market.Tick has no field 'tim'"),
        ({"time": 1.5}, TypeError, "market.Tick.time must be an integer, not float"),
        ({"price": "1"}, TypeError, "market.Tick.price must be a number, not str"),
        ({"live": 2}, ValueError, "market.Tick.live cannot be 2: it is bool"),
        ({"live": "no"}, TypeError, "market.Tick.live must be True or False, not str"),
        ({"side": 7}, ValueError, "market.Tick.side cannot be 7: market.Side declares no such value"),
        ({"symbol": b"AB"}, TypeError, "market.Tick.symbol must be a str, not bytes"),
        ({"symbol": "x" * 17}, ValueError, "it is 17 bytes, and text<16> holds 16"),
        ({"symbol": "a\0b"}, ValueError, "a text ends at its first NUL"),
        ({"codes": ["a", "four"]}, ValueError, "market.Tick.codes[1] cannot be 'four'"),
        ({"codes": ["a"]}, ValueError, "market.Tick.codes has 2 elements, and 1 were given"),
        ({"codes": "ab"}, TypeError, "market.Tick.codes must be a sequence of 2, not str"),
        ({"codes": 3}, TypeError, "market.Tick.codes must be a sequence of 2, not int"),
        ({"best": 3}, TypeError, "market.Tick.best must be a market.Leg or a dict, not int"),
        ({"best": {"ration": 3}}, TypeError, "market.Leg has no field 'ration'"),
        (
            {"legs": [{"ratio": 1}, {"ratio": 2**15}]},
            ValueError,
            "market.Leg.ratio cannot be 32768: i16 is -32768 to 32767",
        ),
        ({"sides": [0, 1, 2]}, ValueError, "market.Tick.sides[2] cannot be 2"),
    ],
)
def test_what_does_not_fit_is_refused_with_message_and_field(fields, error, text):
    with pytest.raises(error) as refused:
        tick(**fields)
    assert text in str(refused.value)


def test_fields_are_given_by_name():
    with pytest.raises(TypeError, match="its fields are given by name"):
        market.Tick(1)
    with pytest.raises(TypeError):
        ringmail.Message()


def test_text_is_utf_8_without_its_zeros():
    assert tick(symbol="Zürich").symbol == "Zürich"
    assert tick(symbol="x" * 16).symbol == "x" * 16
    data = bytearray(bytes(tick()))
    data[22:25] = b"a\xffb"
    assert market.Tick._from_bytes(data).symbol == "a\ufffdb"


def test_enums_are_members_and_still_integers():
    message = tick(side=market.Side.ask, limit=market.Limit.least, mask=2**64 - 1, sides=[0, 1, market.Side.bid])
    assert message.side is market.Side.ask and message.side == 1
    assert message.limit is market.Limit.least and message.mask is market.Mask.all
    assert message.sides == (market.Side.bid, market.Side.ask, market.Side.bid)


def test_a_number_that_an_enum_does_not_declare_reads_as_a_number():
    data = bytearray(bytes(tick()))
    data[20] = 9
    assert market.Tick._from_bytes(data).side == 9


def test_nested_messages_are_views_into_their_parent():
    message = tick(best=market.Leg(ratio=3), legs=[{"ratio": 1}, market.Leg(ratio=2, open=True)])
    assert (message.best.ratio, message.legs[1].ratio, message.legs[1].open) == (3, 2, True)
    message.legs[0].ratio = -4
    assert message.legs[0].ratio == -4
    leg = message.best
    del message
    assert leg.ratio == 3


def test_a_message_can_be_put_into_itself():
    message = tick(best={"ratio": 1}, legs=[{"ratio": 2}, {"ratio": 3}])
    message.best = message.legs[1]
    message.legs = message.legs[::-1]
    assert message.best.ratio == 3


def test_arrays_of_numbers_are_memoryviews():
    message = market.Arrays(
        a=b"abcd", b=[1, -2], c=(3, 4), d=[0.5] * 4, e=memoryview(struct.pack("4d", 1, 2, 3, 4)).cast("d")
    )
    assert [view.format for view in message] == ["B", "h", "q", "f", "d"]
    assert message.b.tolist() == [1, -2] and message.e[3] == 4.0 and bytes(message.a) == b"abcd"
    message.e[3] = 7.5
    message.a[:] = b"wxyz"
    assert message.e.tolist() == [1, 2, 3, 7.5] and bytes(message)[:4] == b"wxyz"


def test_a_buffer_of_other_numbers_is_taken_element_by_element():
    assert market.Arrays(b=memoryview(struct.pack("2i", 5, 6)).cast("i")).b.tolist() == [5, 6]
    assert market.Arrays(c=memoryview(struct.pack("2l", 5, 6)).cast("l")).c.tolist() == [5, 6]
    assert market.Arrays(e=memoryview(struct.pack("8d", *range(8))).cast("d")[::2]).e.tolist() == [0, 2, 4, 6]
    with pytest.raises(ValueError, match=r"market\.Arrays\.b\[1\] cannot be 32768"):
        market.Arrays(b=memoryview(struct.pack("2i", 5, 32768)).cast("i"))


def test_fields_can_be_set_and_not_deleted():
    message = tick()
    message.price = 2.5
    message.flags = (True, False, True)
    assert message.price == 2.5 and message.flags == (True, False, True)
    with pytest.raises(AttributeError, match=r"market\.Tick\.price cannot be deleted"):
        del message.price
    with pytest.raises(AttributeError):
        message.pirce = 1
    with pytest.raises(ValueError, match=r"market\.Tick\.quantity cannot be -1"):
        message.quantity = -1


def test_a_descriptor_reads_no_other_message():
    with pytest.raises(TypeError, match=r"market\.Tick\.mask is no field of Leg"):
        market.Tick.mask.__get__(market.Leg())
    with pytest.raises(TypeError):
        market.Tick.mask.__set__(market.Leg(), 1)
    assert repr(market.Tick.legs) == "<field legs: market.Leg[2] of market.Tick>"


def test_equality_is_that_of_the_fields():
    data = bytearray(bytes(tick(time=1, symbol="A")))
    data[24] = 7  # behind the text's first zero
    data[38] = 7  # padding
    assert market.Tick._from_bytes(data) == tick(time=1, symbol="A")
    assert tick(time=1) != tick(time=2)
    assert tick(price=-0.0) == tick(price=0.0)
    assert tick(price=math.nan) != tick(price=math.nan)
    assert tick(legs=[{"ratio": 1}, {}]) != tick()
    assert tick() != market.Reset() and tick() != 3
    with pytest.raises(TypeError, match="unhashable"):
        hash(tick())


def test_repr_shows_every_field():
    assert repr(market.Leg(ratio=1, weights=[0.5, 1])) == "market.Leg(ratio=1, weights=[0.5, 1.0], open=False)"
    assert repr(market.Reset()) == "market.Reset()"
    assert "symbol='ABC', legs=[market.Leg(ratio=0" in repr(tick(symbol="ABC"))


def test_as_dict_stays_valid():
    message = tick(time=3, legs=[{"ratio": 1}, {"ratio": 2}], codes=["a", "b"])
    fields = message._asdict()
    message.time = 4
    assert fields["time"] == 3 and fields["codes"] == ["a", "b"]
    assert fields["legs"][1] == {"ratio": 2, "weights": [0.0, 0.0], "open": False}
    assert tick(**fields) == tick(time=3, legs=[{"ratio": 1}, {"ratio": 2}], codes=["a", "b"])


def test_copies_are_independent():
    message = tick(time=1)
    for other in (message.copy(), copy.copy(message), copy.deepcopy(message)):
        other.time = 2
        assert message.time == 1 and type(other) is market.Tick


def test_words_of_python_can_be_fields():
    message = market.Words(**{"class": 1, "copy": 2, "self": 3})
    assert getattr(message, "class") == 1 and message.copy == 2 and message.self == 3
    assert copy.copy(message) == message


def test_messages_are_buffers():
    message = market.Leg(ratio=-2)
    view = memoryview(message)
    assert len(view) == 16 and not view.readonly
    view[0] = 1
    assert message.ratio == -255
    assert market.Leg._from_bytes(view) == message
    with pytest.raises(ValueError, match=r"these 3 bytes are no market\.Leg"):
        market.Leg._from_bytes(b"abc")
    with pytest.raises(TypeError):
        market.Leg._from_bytes("abc")


def test_messages_match_patterns_and_can_be_derived():
    class Leg(market.Leg):
        def doubled(self):
            return 2 * self.ratio

    match Leg(ratio=4):
        case market.Leg(ratio=ratio, open=False):
            assert ratio == 4
    assert Leg(ratio=4).doubled() == 8
    assert isinstance(Leg(ratio=4).copy(), Leg)
    with pytest.raises(TypeError, match="has no field 'x'"):
        Leg(x=1)


def test_classes_say_what_they_are():
    assert (market.Tick._name, market.Tick._size, market.Tick._fields[:2]) == ("market.Tick", 120, ("time", "price"))
    assert repr(market.Tick) == "<class 'market.Tick'>"
    with pytest.raises(TypeError):
        market.Tick._layout = market.Leg._layout


def test_shapes_that_leave_the_message_are_refused():
    from ringmail._ringmail import make_type

    for field, is_content, is_optional in (
        (("a", "Q", 0, 1, 8, None, "u64"), False, False),
        (("a", "B", 9, 0, 1, None, "u8[9]"), False, False),
        (("a", "s", 0, 0, 9, None, "text<9>"), False, False),
        (("a", "B", 0, 0, 2, None, "u8"), False, False),
        (("a", "x", 0, 0, 1, None, "x"), False, False),
        (("a", "s", 0, 0, 0, None, "text<0>"), False, False),
        (("a", "S", 0, 0, 1, None, "text"), False, False),
        (("a", "Q", 0, 0, 8, None, "u64?"), False, True),
        (("a", "B", 2, 0, 1, None, "u8[2]?"), False, True),
        (("a", "Q", 0, 1, 8, None, "list<u64>"), True, False),
        (("a", "Q", 0, 0, 8, None, "list<u64>?"), True, True),
        (("a", "S", 0, 0, 2, None, "text"), True, False),
    ):
        with pytest.raises(ringmail.SchemaError):
            make_type("a.Message", "a", "Message", 1, 8, 8, 0, (), None, ((*field, is_content, is_optional, None),))
    with pytest.raises(ringmail.SchemaError, match="cannot have its fixed size at 5"):
        content = ("a", "S", 0, 0, 1, None, "text", True, False, None)
        make_type("a.Message", "a", "Message", 1, 8, 8, 5, (), None, (content,))
