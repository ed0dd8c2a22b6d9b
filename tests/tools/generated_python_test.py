"""What `ringmail gen --lang python` wrote, used."""

import importlib.util
import pathlib
import struct

import pytest

GOLDEN = pathlib.Path(__file__).resolve().parent / "golden"


@pytest.fixture(scope="module")
def market():
    spec = importlib.util.spec_from_file_location("market_mail", GOLDEN / "market_mail.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tick(market):
    return market.Tick(
        time=2**64 - 1,
        price=-0.5,
        quantity=7,
        side=market.Side.ask,
        live=True,
        symbol="Zürich",
        legs=[market.Leg(ratio=-3, weights=[1.5, 2.5], open=True), market.Leg()],
        limit=market.Limit.least,
        mask=market.Mask.all,
        sides=[market.Side.ask] * 3,
        flags=[True, False, True],
        codes=["ab", "ü"],
        best=market.Leg(ratio=5),
    )


def test_says_its_name_id_size_and_schema(market):
    assert market.SCHEMA == (GOLDEN / "market.schema").read_text()
    assert (market.Tick.ringmail_name, market.Tick.ringmail_size) == ("test.market.Tick", 120)
    assert f"message test.market.Tick size 120 align 8 id {market.Tick.ringmail_type:#010x}\n" in market.SCHEMA
    assert market.Tick.ringmail_schema is market.SCHEMA
    assert market.Pricer.ringmail_accepts == (market.Tick, market.Reset, market.Words)


def test_fields_lie_where_the_schema_says(market, tick):
    payload = tick.to_bytes()
    assert len(payload) == 120
    assert struct.unpack_from("<QdIB?16s", payload) == (2**64 - 1, -0.5, 7, 1, True, "Zürich".encode().ljust(16, b"\0"))
    assert struct.unpack_from("<hxxff?", payload, 40) == (-3, 1.5, 2.5, True)
    assert struct.unpack_from("<qQ", payload, 72) == (-(2**63), 2**64 - 1)
    assert payload[88:100] == b"\1\1\1" + b"\1\0\1" + b"ab\0" + "ü".encode() + b"\0"
    assert payload[116:] == bytes(4)


def test_a_message_of_nothing_is_zeros(market):
    assert market.Tick().to_bytes() == bytes(120)
    assert market.Reset().to_bytes() == b""
    assert market.Tick() == market.Tick.from_bytes(bytes(120))


def test_from_bytes_and_back(market, tick):
    again = market.Tick.from_bytes(tick.to_bytes())
    assert again == tick
    assert repr(again) == repr(tick)
    assert bytes(again) == bytes(tick)
    again.best.ratio = 6
    assert again != tick and again.best != tick.best


def test_a_view_reads_and_writes_in_place(market, tick):
    buffer = bytearray(tick.to_bytes())
    view = market.Tick.view(buffer)
    view.legs[1].weights[1] = 4.0
    view.symbol = "SEA"
    view.flags = (False, True, False)
    view.best = market.Leg(ratio=9)
    assert struct.unpack_from("<f", buffer, 64) == (4.0,)
    assert buffer[22:38] == b"SEA".ljust(16, b"\0")
    assert (view.flags.tolist(), view.best.ratio, view.codes) == ([False, True, False], 9, ("ab", "ü"))
    with pytest.raises(TypeError):
        market.Tick.view(bytes(buffer)).time = 1


@pytest.mark.parametrize("name", ["side", "live", "limit", "mask", "sides", "flags", "legs"])
def test_every_bool_and_enum_is_looked_at(market, name):
    offsets = {"side": 20, "live": 21, "limit": 79, "mask": 80, "sides": 90, "flags": 93, "legs": 68}
    payload = bytearray(120)
    payload[offsets[name]] = 2
    assert not market.Tick.ringmail_valid(payload)
    with pytest.raises(ValueError, match="these 120 bytes are no test.market.Tick"):
        market.Tick.from_bytes(payload)


def test_a_shorter_one_is_no_message(market):
    assert not market.Tick.ringmail_valid(bytes(119))
    assert market.Reset.ringmail_valid(b"")
    with pytest.raises(ValueError, match="these 119 bytes are no test.market.Tick"):
        market.Tick.view(bytes(119))


def test_what_a_newer_version_has_appended_is_ignored(market, tick):
    payload = tick.to_bytes() + b"more"
    assert market.Tick.ringmail_valid(payload)
    assert market.Tick.view(payload) == tick and market.Tick.view(payload).to_bytes() == tick.to_bytes()


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("quantity", -1, "test.market.Tick.quantity cannot be -1"),
        ("quantity", "1", "test.market.Tick.quantity cannot be '1'"),
        ("symbol", "x" * 17, "it takes 16 bytes of UTF-8 without a zero"),
        ("symbol", "a\0b", "it takes 16 bytes of UTF-8 without a zero"),
        ("flags", [True], "test.market.Tick.flags cannot be"),
        ("codes", ["a"], "test.market.Tick.codes takes 2 texts, not 1"),
        ("legs", [], "test.market.Tick.legs takes 2 of Leg"),
        ("best", 3, "test.market.Tick.best takes 1 of Leg"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(market, field, value, error):
    with pytest.raises(ValueError, match=error):
        market.Tick(**{field: value})


def test_keywords_and_builtins_get_an_underscore(market):
    words = market.Words(class_=1, int_=2, errno=3)
    assert words.to_bytes() == bytes([1, 0, 2, 0, 3, 0])


def test_a_protocol_is_a_class_with_a_method_for_each_message(market):
    class Half(market.Pricer):
        def on_Reset(self, message):
            return None

    with pytest.raises(TypeError, match="on_Tick"):
        Half()


def test_a_mailbox_asks_for_the_reply_of_the_protocol(market):
    asked = []

    class Mailbox:
        def send(self, message):
            asked.append(message)

        def ask(self, message, then, **options):
            asked.append((message, then, options))

    pricer = market.PricerMailbox(Mailbox())
    pricer.send(market.Reset())
    pricer.ask(market.Tick(), print, timeout=1.0)
    assert asked == [market.Reset(), (market.Tick(), print, {"reply": market.Numbers, "timeout": 1.0})]
