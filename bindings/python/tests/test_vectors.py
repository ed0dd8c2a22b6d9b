"""The payloads of bindings/vectors, by classes that `ringmail gen` writes and by those that are made from a schema."""

import importlib.util
import os
import pathlib
import shutil
import subprocess

import pytest
import schemas

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "vectors"
LINES = [line.split() for line in (VECTORS / "vectors.txt").read_text().splitlines() if line and line[0] != "#"]
PAYLOADS = {words[1]: bytes.fromhex(words[3].strip("-")) for words in LINES}


def of_kind(kind: str) -> list:
    return [pytest.param(*words[1:], id=words[1]) for words in LINES if words[0] == kind]


def values_of(name: str, mail) -> dict:
    """What the README says of a good vector."""
    points = [mail.Point(x=-1, y=2), mail.Point(x=3, y=-4), mail.Point(x=5, y=6)]
    bid, ask = mail.Side.bid, mail.Side.ask
    grown_2 = {"number": 5, "flag": True, "count": 9, "title": "two"}
    return {
        "numbers_most": {
            "a": 255, "b": 65535, "c": 4294967295, "d": 18446744073709551615,
            "e": -128, "f": -32768, "g": -2147483648, "h": -9223372036854775808,
            "i": 1.5, "j": -2.25, "k": True, "l": ask, "m": mail.Wide.low,
        },
        "numbers_high": {"e": 127, "f": 32767, "g": 2147483647, "h": 9223372036854775807, "l": bid, "m": mail.Wide.high},
        "empty": {},
        "arrays": {
            "numbers": [1, 2, 65535], "sides": [bid, ask], "name": "abcde", "names": ["é", "xyz"], "points": points[:2],
            "raw": [0, 1, 254, 255],
        },
        "presets_new": {},
        "presets_set": {"a": 0, "b": 0, "c": 0, "d": 0, "e": False, "f": bid, "g": "", "h": 9},
        "options_none": {},
        "options_zero": {"a": 0, "b": 0, "c": 0, "d": False, "e": bid, "f": "", "g": mail.Point()},
        "options_all": {"a": 255, "b": 18446744073709551615, "c": -0.5, "d": True, "e": ask, "f": "abc", "g": points[0]},
        "content_empty": {"id": 1},
        "content_full": {
            "id": 2, "title": "héllo", "raw": bytes([0, 255, 7]), "numbers": [1, 18446744073709551615],
            "points": points, "sides": [ask, bid, ask], "names": ["a", "", "xyz"], "flags": [True, False, True],
        },
        "content_some": {"id": 3, "numbers": [5], "flags": [True]},
        "content_two": {"id": 4, "title": "abc", "raw": b"abc"},
        "both_none": {},
        "both_empty": {"title": "", "raw": b"", "numbers": [], "limit": 0},
        "both_all": {"title": "t", "raw": b"\x09", "numbers": [1, 2, 3], "limit": 4},
        "grown_1": {"number": 5, "flag": True},
        "grown_2": grown_2,
        "grown_3": {**grown_2, "limit": 2.5, "side": bid, "numbers": [1, 2]},
        "grown_2_from_1": {"number": 5, "flag": True},
        "grown_3_from_1": {"number": 5, "flag": True},
        "grown_3_from_2": grown_2,
    }[name]  # fmt: skip


class Generated:
    """The module that `ringmail gen` writes, and how its messages come and go."""

    def __init__(self, module) -> None:
        self.__dict__.update(vars(module))

    def read(self, message: str, payload: bytes):
        return getattr(self, message).view(payload)

    def is_valid(self, message: str, payload: bytes) -> bool:
        return getattr(self, message).ringmail_valid(payload)

    def fields(self, message) -> dict | None:
        names = getattr(message, "ringmail_fields", None)
        return None if names is None else {name: getattr(message, name) for name in names}


class Made(schemas.Types):
    """Classes made from the schema."""

    def read(self, message: str, payload: bytes):
        return getattr(self, message)._from_bytes(payload)

    def is_valid(self, message: str, payload: bytes) -> bool:
        return getattr(self, message)._valid(payload)

    def fields(self, message) -> dict | None:
        names = getattr(message, "_fields", None)
        return None if names is None else {name: getattr(message, name) for name in names}


@pytest.fixture(scope="module", params=["generated", "made"])
def mail(request, tmp_path_factory):
    tool = os.environ.get("RINGMAIL_TOOL") or shutil.which("ringmail")
    if not tool:
        pytest.skip("RINGMAIL_TOOL does not say where the ringmail command is")
    file = tmp_path_factory.mktemp("vectors") / "vectors_mail.py"
    subprocess.run([tool, "gen", "--lang", "python", VECTORS / "vectors.mail", "-o", file], check=True)
    spec = importlib.util.spec_from_file_location("vectors_mail", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Generated(module) if request.param == "generated" else Made(module.SCHEMA)


def written_anew(mail, value):
    """A message by the values of its fields, and of those of messages in it."""
    if isinstance(value, tuple):
        return tuple(written_anew(mail, each) for each in value)
    fields = mail.fields(value)
    if fields is None:
        return value
    return type(value)(**{name: written_anew(mail, each) for name, each in fields.items() if each is not None})


@pytest.mark.parametrize(("name", "message", "payload"), of_kind("good"))
def test_good_vectors_are_written_and_read(mail, name, message, payload):
    payload = bytes.fromhex(payload.strip("-"))
    made = getattr(mail, message)(**values_of(name, mail))
    assert bytes(made).hex() == payload.hex()
    assert mail.is_valid(message, payload)
    read = mail.read(message, payload)
    assert read == made
    for field, value in values_of(name, mail).items():
        given = tuple(value) if isinstance(value, list) else value
        found = getattr(read, field)
        assert (tuple(found) if isinstance(found, memoryview) and isinstance(value, list) else found) == given


@pytest.mark.parametrize(("name", "message", "payload", "good"), of_kind("read"))
def test_read_vectors_hold_what_good_ones_do(mail, name, message, payload, good):
    payload = bytes.fromhex(payload.strip("-"))
    assert mail.is_valid(message, payload)
    read = mail.read(message, payload)
    assert read == mail.read(message, PAYLOADS[good])
    assert bytes(written_anew(mail, read)).hex() == PAYLOADS[good].hex()


@pytest.mark.parametrize(("name", "message", "payload"), of_kind("bad"))
def test_bad_vectors_are_refused(mail, name, message, payload):
    assert not mail.is_valid(message, bytes.fromhex(payload.strip("-")))
