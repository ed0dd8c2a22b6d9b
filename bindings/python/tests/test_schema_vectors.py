"""What bindings/vectors/schemas.txt says of canonical texts. Its sources are for the tool alone, which reads them."""

import pathlib
import re
import urllib.parse

import pytest
from ringmail._ringmail import type_id

import ringmail
from ringmail._schema import find_mismatch

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "vectors"
LINES = [line.split() for line in (VECTORS / "schemas.txt").read_text().splitlines() if line[0] != "#"]
MARKET = (VECTORS / "schemas/market.schema").read_text()


def of_kind(verb: str, *first: str) -> list:
    chosen = [words for words in LINES if words[0] == verb and tuple(words[2 : 2 + len(first)]) == first]
    assert chosen
    return [pytest.param(*words[1:2], *words[2 + len(first) :], id=words[1]) for words in chosen]


def text_of(word: str) -> str:
    """Pieces that are joined by `+`, each of which may be repeated by `*`. What is not UTF-8 is kept as a peer's schema is."""
    parts = (piece.partition("*") for piece in word.split("+") if word != "-")
    whole = b"".join(urllib.parse.unquote_to_bytes(piece) * int(times or 1) for piece, _, times in parts)
    return whole.decode("utf-8", "surrogateescape")


def changed(old: str, new: str) -> str:
    assert old == "-" or text_of(old) in MARKET
    return text_of(new) if old == "-" else MARKET.replace(text_of(old), text_of(new), 1)


@pytest.mark.parametrize("name", of_kind("good"))
def test_what_the_tool_writes_is_read(name):
    schema = ringmail.parse_schema((VECTORS / f"schemas/{name}.schema").read_text())
    assert schema.messages and find_mismatch(schema, schema) is None


@pytest.mark.parametrize(("name", "number"), of_kind("id"))
def test_type_ids(name, number):
    assert type_id(name) == int(number, 16)


@pytest.mark.parametrize(("name", "lines", "old", "new"), of_kind("bad", "text"))
def test_what_is_not_canonical_is_refused_with_its_line(name, lines, old, new):
    with pytest.raises(ringmail.SchemaError) as refused:
        ringmail.parse_schema(changed(old, new))
    assert re.match(r"schema:(\d+): error: [^\n]+$", str(refused.value))[1] in lines.split(","), refused.value


@pytest.mark.parametrize(("name", "old", "new", "line"), of_kind("differ"))
def test_the_difference_is_told_as_by_the_host(name, old, new, line):
    assert find_mismatch(ringmail.parse_schema(MARKET), ringmail.parse_schema(changed(old, new))) == text_of(line)


@pytest.mark.parametrize(("name", "old", "new"), of_kind("agree"))
def test_what_may_differ(name, old, new):
    assert find_mismatch(ringmail.parse_schema(MARKET), ringmail.parse_schema(changed(old, new))) is None
