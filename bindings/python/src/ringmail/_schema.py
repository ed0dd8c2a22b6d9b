"""The canonical schema text (docs/spec/message.md): read, compared, and made into Python types."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ._canonical import fits, is_qualified_name, is_word, preset_text
from ._ringmail import SchemaError, make_type, type_id

_T = TypeVar("_T")

HEADING = "ringmail-schema 1"

# name: letter of the struct module, bytes
NUMBERS = {
    "u8": ("B", 1), "u16": ("H", 2), "u32": ("I", 4), "u64": ("Q", 8),
    "i8": ("b", 1), "i16": ("h", 2), "i32": ("i", 4), "i64": ("q", 8),
    "f32": ("f", 4), "f64": ("d", 8), "bool": ("?", 1),
}  # fmt: skip

_TYPE = re.compile(
    r"(?P<list>list<)?(?P<name>[A-Za-z][\w.]*)(?:<(?P<length>0|[1-9][0-9]*)>)?(?(list)>)"
    r"(?:(?P<optional>\?)|\[(?P<count>0|[1-9][0-9]*)\])?",
    re.ASCII,
)
_TEXT = re.compile(r'"(?:[ !#-\[\]-~]|\\["\\])*"')  # of a default
_LONGEST = 524_288  # bytes of a text
_LARGEST = 65_536  # bytes of a message
_DEEPEST = 32  # a message that contains no other has depth 1
_REFERENCE = 8  # bytes, aligned to 4: where content of variable length is, and how much


@dataclass(frozen=True)
class Field:
    name: str
    type: str  # as the schema has it: "market.Leg[4]"
    offset: int
    element: str  # of an array or list its element: "market.Leg", "text", "u8"
    text_length: int  # N of text<N>, otherwise 0
    count: int  # elements of an array; 0: no array
    is_list: bool
    is_optional: bool
    is_appended: bool
    preset: int | float | str | None  # the default; of an enum its number
    element_size: int = 0
    size: int = 0  # in the fixed part of the message

    @property
    def is_variable(self) -> bool:
        """Whether it is a reference to content behind the fixed part of the message."""
        return self.is_list or self.element == "bytes" or (self.element == "text" and self.text_length == 0)


@dataclass(frozen=True)
class Enum:
    name: str
    underlying: str
    values: dict[str, int]


@dataclass(frozen=True)
class Message:
    name: str
    size: int
    align: int
    id: int
    fields: dict[str, Field]
    fixed_size_at: int | None  # where its fixed size stands, if it has content of variable length
    earlier_sizes: tuple[int, ...]  # before each of the appended fields


@dataclass(frozen=True)
class Protocol:
    name: str
    accepts: dict[str, str | None]  # message: reply


@dataclass
class Schema:
    """What a schema text declares, by qualified name, in its order."""

    enums: dict[str, Enum] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    protocols: dict[str, Protocol] = field(default_factory=dict)

    def noun(self, name: str) -> str | None:
        for noun, declared in (("an enum", self.enums), ("a message", self.messages), ("a protocol", self.protocols)):
            if name in declared:
                return noun
        return None

    def replies(self, message: str) -> list[str] | None:
        """What the protocols allow as a reply to a message; None where one of them says nothing about it."""
        allowed = [protocol.accepts[message] for protocol in self.protocols.values() if message in protocol.accepts]
        return [reply for reply in allowed if reply] if allowed and all(allowed) else None


# ---- reading


def _round_up(size: int, align: int) -> int:
    return -(-size // align) * align


class _Reader:
    """Refuses what a `.mail` file could not declare, and each line that is not the canonical one of what it declares."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.at = 1
        self.schema = Schema()
        self.depths: dict[str, int] = {}  # of messages that nest

    def error(self, text: str, at: int = 0) -> SchemaError:
        return SchemaError(f"schema:{at or self.at}: error: {text}")

    def read(self) -> Schema:
        if self.lines[0] != HEADING or len(self.lines) == 1:
            raise self.error(f"the first line is not '{HEADING}'")
        if self.lines[-1] != "":
            raise self.error("the last line does not end", len(self.lines))
        declarations = {"enum": self.enum, "message": self.message, "protocol": self.protocol}
        order = list(declarations)
        while self.at < len(self.lines) - 1:
            words = self.next_line()
            if words[0] not in declarations:
                raise self.error("expected 'enum', 'message' or 'protocol'")
            if words[0] not in order:
                raise self.error("enums stand before messages, and these before protocols")
            del order[: order.index(words[0])]
            try:
                declarations[words[0]](words)
            except (LookupError, ValueError):
                raise self.error(f"cannot read '{' '.join(words)}'") from None
        return self.schema

    def next_line(self) -> list[str]:
        self.at += 1
        return self.lines[self.at - 1].split(" ")

    def members(self, keyword: str) -> Iterator[list[str]]:
        """The words of each line below the declaration, without the keyword."""
        while self.lines[self.at].startswith(f"  {keyword} "):
            yield self.next_line()[3:]

    def compare(self, line: str, at: int = 0) -> None:
        if self.lines[(at or self.at) - 1] != line:
            raise self.error(f"the canonical line is '{line}'", at)

    def declare(self, name: str) -> str:
        if self.schema.noun(name):
            raise self.error(f"{name} is already declared")
        if "." not in name:
            raise self.error(f"the name '{name}' has no namespace")
        if not is_qualified_name(name):
            raise self.error(f"'{name}' is no name")
        return name

    def member(self, name: str, others: Mapping[str, object], is_value: bool = False) -> str:
        if not is_word(name) or not (is_value or name[0].islower()):
            raise self.error(f"'{name}' is no name")
        if name in others:
            raise self.error(f"{name} is declared twice")
        return name

    def enum(self, words: list[str]) -> None:
        _, name, underlying = words
        self.declare(name)
        if underlying not in NUMBERS or underlying[0] not in "ui":
            raise self.error(f"an enum cannot be a {underlying}")
        values: dict[str, int] = {}
        at = self.at
        for value, text in self.members("value"):
            number = int(text)
            if not fits(number, underlying):
                raise self.error(f"{number} does not fit {underlying}")
            if number in values.values():
                raise self.error(f"{number} is already the number of another value")
            values[self.member(value, values, is_value=True)] = number
            self.compare(f"  value {value} {number}")
        if not values:
            raise self.error(f"enum {name} has no values", at)
        self.schema.enums[name] = Enum(name, underlying, values)

    def message(self, words: list[str]) -> None:
        _, name, _, size, _, align, _, identity = words
        self.declare(name)
        at = self.at
        fields: dict[str, Field] = {}
        end, largest = 0, 1
        fixed_size_at: int | None = None
        earlier: list[int] = []
        for field_name, type_text, _, offset, *more in self.members("field"):
            parsed = self.parse_field(self.member(field_name, fields), type_text, int(offset), more)
            parsed, field_align = self.size_and_align(parsed)
            if parsed.is_appended:
                end = _round_up(end, largest)
                earlier.append(end)
            elif earlier:
                raise self.error(f"message {name}: field {field_name} stands behind an appended one")
            if parsed.is_variable and fixed_size_at is None:
                fixed_size_at = _round_up(end, 4)
                end = fixed_size_at + 4
            if parsed.offset != _round_up(end, field_align):
                raise self.error(f"message {name}: field {field_name} cannot be at offset {offset}")
            end = parsed.offset + parsed.size
            largest = max(largest, field_align)
            fields[field_name] = parsed
            self.compare(self.line_of(parsed))
        message = Message(
            name, _round_up(end, largest), largest, type_id(name), fields, fixed_size_at, tuple(earlier)
        )
        if [size, align] != [str(message.size), str(message.align)] or message.size > _LARGEST:
            raise self.error(f"message {name} cannot have size {size} and align {align}", at)
        if message.id == 0 or identity != f"{message.id:#010x}":
            raise self.error(f"message {name} cannot have the id {identity}", at)
        if any(other.id == message.id for other in self.schema.messages.values()):
            raise self.error(f"message {name} has the id of another one", at)
        self.compare(f"message {name} size {size} align {align} id {identity}", at)
        self.schema.messages[name] = message
        self.depths[name] = 1 + max((self.depths.get(part.element, 0) for part in fields.values()), default=0)

    def parse_field(self, name: str, text: str, offset: int, more: list[str]) -> Field:
        match = _TYPE.fullmatch(text)
        if not match or (match["name"] != "text" and match["length"] is not None):
            raise self.error(f"unknown type {text}")
        if match["length"] == "0" or match["count"] == "0":
            raise self.error(f"{text} holds nothing")
        element, length, count = match["name"], int(match["length"] or 0), int(match["count"] or 0)
        is_variable = element == "bytes" or (element == "text" and length == 0)
        if is_variable and (match["list"] or count):
            raise self.error(f"{text} has elements of no fixed size")
        if match["list"] and count:
            raise self.error(f"{text} is an array of lists")
        is_appended = more[:1] == ["appended"]
        default = more[is_appended:]
        if default and (match["list"] or is_variable or match["optional"] or count):
            raise self.error(f"a field of type {text} has no default of its own")
        preset = self.parse_preset(element, length, default)
        return Field(
            name, text, offset, element, length, count, bool(match["list"]), bool(match["optional"]), is_appended, preset
        )

    def parse_preset(self, element: str, length: int, words: list[str]) -> int | float | str | None:
        if not words:
            return None
        text = " ".join(words[1:])
        if words[0] == "default" and element == "text" and _TEXT.fullmatch(text):
            preset = re.sub(r"\\(.)", r"\1", text[1:-1])
            if len(preset) > length:
                raise self.error(f"the default does not fit text<{length}>")
            return preset
        if words[0] != "default" or element not in NUMBERS | self.schema.enums:
            raise self.error(f"cannot read '{' '.join(words)}'")
        if element in self.schema.enums:
            return self.schema.enums[element].values[text]
        if element == "bool":
            return {"false": 0, "true": 1}[text]
        number = float(text) if element in ("f32", "f64") else int(text)
        if not fits(number, element):
            raise self.error(f"{text} does not fit {element}")
        return number

    def line_of(self, parsed: Field) -> str:
        line = f"  field {parsed.name} {parsed.type} offset {parsed.offset}"
        if parsed.is_appended:
            line += " appended"
        if parsed.preset is None:
            return line
        if parsed.element in self.schema.enums:
            values = self.schema.enums[parsed.element].values
            return line + f" default {next(name for name, number in values.items() if number == parsed.preset)}"
        return line + f" default {preset_text(parsed.element, parsed.preset)}"

    def size_and_align(self, parsed: Field) -> tuple[Field, int]:
        element_size, align = self.element_size_and_align(parsed)
        size = element_size * (parsed.count or 1)
        if size > _LARGEST:
            raise self.error(f"{parsed.type} is larger than the largest message, {_LARGEST} bytes")
        if parsed.is_variable:
            size, align = _REFERENCE, 4
        if parsed.is_optional:
            size = _round_up(size + 1, align)
        return replace(parsed, element_size=element_size, size=size), align

    def element_size_and_align(self, parsed: Field) -> tuple[int, int]:
        element = parsed.element
        if element in ("text", "bytes"):
            return parsed.text_length, 1
        if element in self.schema.enums:
            element = self.schema.enums[element].underlying
        if element in NUMBERS:
            size = NUMBERS[element][1]
            return size, size
        if element in self.schema.messages:
            message = self.schema.messages[element]
            if message.size == 0:
                raise self.error(f"{element} is empty, and an empty message cannot be a field")
            if message.fixed_size_at is not None:
                raise self.error(f"{element} has content of variable length, and cannot be a field")
            if self.depths[element] >= _DEEPEST:
                raise self.error(f"messages nest deeper than {_DEEPEST}")
            return message.size, message.align
        raise self.error(f"unknown type {element}")

    def protocol(self, words: list[str]) -> None:
        _, name = words
        self.declare(name)
        accepts: dict[str, str | None] = {}
        for line in self.members("accepts"):
            message, reply = (line[0], None) if len(line) == 1 else (line[0], line[2])
            for known in (message, reply):
                if known is not None and known not in self.schema.messages:
                    raise self.error(f"unknown message {known}")
            if message in accepts:
                raise self.error(f"{message} is accepted twice")
            accepts[message] = reply
            self.compare(f"  accepts {message}" + (f" -> {reply}" if reply else ""))
        self.schema.protocols[name] = Protocol(name, accepts)


def parse_schema(text: str) -> Schema:
    """Reads a canonical schema text. Raises SchemaError with the line of what it cannot read."""
    if len(text) > _LONGEST:
        raise SchemaError(f"schema:1: error: the schema is larger than {_LONGEST} bytes")
    return _Reader(text).read() if text else Schema()


# ---- comparing: "here" is what this process expects, "there" is the host


def _compare_items(
    owner: str, noun: str, ours: Mapping[str, object], theirs: Mapping[str, object], same: Callable[[str], str | None]
) -> str | None:
    for name in ours:
        if name not in theirs:
            return f"{owner} has no {noun} {name} there"
    for name in theirs:
        if name not in ours:
            return f"{owner} has no {noun} {name} here"
    return next(filter(None, map(same, ours)), None)


def _differ(what: str, ours: object, theirs: object) -> str | None:
    return None if ours == theirs else f"{what} is {ours} here and {theirs} there"


def _compare_enums(ours: Enum, theirs: Enum) -> str | None:
    owner = f"enum {ours.name}"
    return _differ(owner, ours.underlying, theirs.underlying) or _compare_items(
        owner,
        "value",
        ours.values,
        theirs.values,
        lambda name: _differ(f"{owner}: value {name}", ours.values[name], theirs.values[name]),
    )


def _common_fields(message: Message, other: Message) -> dict[str, Field]:
    """Without those that the message has appended, and the other does without."""
    fields = list(message.fields.items())
    while len(fields) > len(other.fields) and fields[-1][1].is_appended:
        fields.pop()
    return dict(fields)


def _compare_messages(ours: Message, theirs: Message) -> str | None:
    owner = f"message {ours.name}"
    here, there = _common_fields(ours, theirs), _common_fields(theirs, ours)

    def types(name: str) -> str | None:
        return _differ(f"{owner}: field {name}", here[name].type, there[name].type)

    def places(name: str) -> str | None:
        a, b = here[name], there[name]
        what = f"{owner}: field {name}"
        if a.offset != b.offset:
            return _differ(what, f"at offset {a.offset}", f"at offset {b.offset}")
        if a.size != b.size:
            return f"{what} has {a.size} bytes here and {b.size} there"
        if a.element_size != b.element_size:
            return f"{what} has elements of {a.element_size} bytes here and {b.element_size} there"
        return None

    # Types first: one other type moves every field behind it, and is what the user wants to read.
    return _compare_items(owner, "field", here, there, types) or _compare_items(owner, "field", here, there, places)


def _compare_protocols(ours: Protocol, theirs: Protocol) -> str | None:
    owner = f"protocol {ours.name}"

    def replies(name: str) -> str | None:
        return _differ(
            f"{owner}: the reply to {name}", ours.accepts[name] or "nothing", theirs.accepts[name] or "nothing"
        )

    return _compare_items(owner, "message", ours.accepts, theirs.accepts, replies)


def find_mismatch(ours: Schema, theirs: Schema) -> str | None:
    """The first difference in what both declare, in one line. What only one declares is no difference."""
    for name in (*ours.enums, *ours.messages, *ours.protocols):
        there = theirs.noun(name)
        if there and (mismatch := _differ(name, ours.noun(name), there)):
            return mismatch
    return (
        _first(_compare_enums, ours.enums, theirs.enums)
        or _first(_compare_messages, ours.messages, theirs.messages)
        or _first(_compare_protocols, ours.protocols, theirs.protocols)
    )


def _first(compare: Callable[[_T, _T], str | None], ours: Mapping[str, _T], theirs: Mapping[str, _T]) -> str | None:
    return next(filter(None, (compare(ours[name], theirs[name]) for name in ours if name in theirs)), None)


def find_unmet(expected: Mapping[str, Mapping[str, str]], theirs: Schema) -> str | None:
    """The first expectation that the host does not meet. Fields that are not named are not compared."""
    for name, fields in expected.items():
        message = theirs.messages.get(name)
        if message is None:
            return f"message {name} is not declared there"
        for field_name, type_text in fields.items():
            if field_name not in message.fields:
                return f"message {name} has no field {field_name} there"
            mismatch = _differ(f"message {name}: field {field_name}", type_text, message.fields[field_name].type)
            if mismatch:
                return mismatch
    return None


def merge(into: Schema, other: Schema) -> None:
    """Adds what only the other declares. The two must agree."""
    for name, declared in other.enums.items():
        into.enums.setdefault(name, declared)
    for name, message in other.messages.items():
        into.messages.setdefault(name, message)
    for name, protocol in other.protocols.items():
        into.protocols.setdefault(name, protocol)


# ---- types


def make_types(schema: Schema) -> tuple[dict[str, type], dict[str, type[enum.IntEnum]]]:
    """The classes of all messages and enums by qualified name."""
    enums: dict[str, type[enum.IntEnum]] = {}
    for declared in schema.enums.values():
        space, _, word = declared.name.rpartition(".")
        # `mro` is the one name that enum.Enum cannot have as a member.
        members = [(name + "_" if name == "mro" else name, number) for name, number in declared.values.items()]
        enums[declared.name] = enum.IntEnum(word, members, module=space)  # type: ignore[assignment]

    types: dict[str, type] = {}
    for message in schema.messages.values():
        space, _, word = message.name.rpartition(".")
        fields = tuple(_describe(schema, types, enums, part) for part in message.fields.values())
        types[message.name] = make_type(
            message.name, space, word, message.id, message.size, message.align, message.fixed_size_at or 0,
            message.earlier_sizes, _format_of(schema, message), fields,
        )  # fmt: skip
    return types, enums


def _format_of(schema: Schema, message: Message) -> str | None:
    """The message as the buffer protocol describes a structure; None where it has content of variable length.

    The byte that says whether an optional field is there has the field's name with a `?`."""
    if message.fixed_size_at is not None:
        return None
    parts = []
    end = 0

    def add(name: str, offset: int, size: int, form: str, count: int | None = None) -> None:
        nonlocal end
        if offset > end:
            parts.append(f"{offset - end}x")
        # The order of bytes stands once, at the beginning, but NumPy wants it behind a shape.
        order = "" if parts else "<"
        parts.append(f"({count}){order}{form}:{name}:" if count else f"{order}{form}:{name}:")
        end = offset + size

    for part in message.fields.values():
        if part.element == "text":
            form, size = f"{part.text_length}s", part.text_length
        elif part.element in schema.messages:
            nested = schema.messages[part.element]
            form, size = _format_of(schema, nested) or "", nested.size
        else:
            declared = schema.enums.get(part.element)
            form, size = NUMBERS[declared.underlying if declared else part.element]
        add(part.name, part.offset, size * (part.count or 1), form, part.count)
        if part.is_optional:
            add(part.name + "?", part.offset + size, 1, "?")
    if message.size > end:
        parts.append(f"{message.size - end}x")
    return "T{" + "".join(parts) + "}"


def _describe(
    schema: Schema, types: dict[str, type], enums: dict[str, type[enum.IntEnum]], part: Field
) -> tuple[str, str, int, int, int, object, str, bool, bool, object]:
    extra: object = None
    if part.element == "text":
        letter, size = ("s", part.text_length) if part.text_length else ("S", 1)
    elif part.element == "bytes":
        letter, size = "B", 1
    elif part.element in enums:
        letter, size = NUMBERS[schema.enums[part.element].underlying]
        extra = enums[part.element]
    elif part.element in types:
        letter, size = "M", schema.messages[part.element].size
        extra = types[part.element]
    else:
        letter, size = NUMBERS[part.element]
    return (
        part.name, letter, part.count, part.offset, size, extra, part.type, part.is_variable, part.is_optional,
        part.preset,
    )  # fmt: skip
