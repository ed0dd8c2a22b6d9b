#pragma once

#include <string_view>

namespace ringmail::tools {

// What every generated module has: it stands on the standard library alone, so each carries its own.
inline constexpr std::string_view python_prelude = R"py(
class _Message:
    """What the messages of this file have in common. One lies in a buffer, its own or another's, from `_at` on."""

    __slots__ = ("_at", "_bytes")
    __hash__ = None  # type: ignore[assignment]

    ringmail_type: ClassVar[int]
    ringmail_size: ClassVar[int]
    ringmail_name: ClassVar[str]
    ringmail_schema: ClassVar[str] = SCHEMA
    ringmail_fields: ClassVar[tuple[str, ...]]

    _grows = False  # whether one may be longer or shorter than ringmail_size
    _earlier: ClassVar[tuple[int, ...]] = ()  # the sizes that it had before fields were appended
    _new: ClassVar[Any]  # one whose appended fields are as they are where they were not sent

    _bytes: memoryview
    _at: int

    @classmethod
    def view(cls, buffer: Any) -> Self:
        """The message that lies in these bytes: nothing is copied, and it can be written where they can."""
        lying = memoryview(buffer)
        if not cls._has_size(lying):
            raise ValueError(f"these {lying.nbytes} bytes are no {cls.ringmail_name}")
        return cls._lying_in(lying, 0)

    @classmethod
    def from_bytes(cls, payload: Any) -> Self:
        """The message that these bytes are, as a copy. ValueError where they are none."""
        if not cls.ringmail_valid(payload):
            raise ValueError(f"these {memoryview(payload).nbytes} bytes are no {cls.ringmail_name}")
        lying = cls.view(bytearray(payload))
        return cls(**dict(zip(cls.ringmail_fields, lying._values(), strict=True))) if cls._grows else lying

    def to_bytes(self) -> bytes:
        return self._bytes[self._at : self._at + self.ringmail_size].tobytes()

    @classmethod
    def ringmail_valid(cls, payload: Any) -> bool:
        """Whether these bytes are one: the size, every bool 0 or 1, every enum a declared value, every reference good."""
        view = memoryview(payload)
        return cls._has_size(view) and cls._is_valid(view, 0)

    @classmethod
    def _lying_in(cls, buffer: memoryview, at: int) -> Self:
        self = cls.__new__(cls)
        self._bytes = buffer
        self._at = at
        return self

    @classmethod
    def _sent_size(cls, buffer: memoryview, at: int) -> int:
        """How much of it was sent, before content of variable length. -1: these bytes are none."""
        return buffer.nbytes - at

    @classmethod
    def _has_size(cls, payload: memoryview) -> bool:
        size = cls._sent_size(payload, 0)
        return size >= cls.ringmail_size or size in cls._earlier

    @classmethod
    def _is_valid(cls, buffer: memoryview, at: int) -> bool:
        return True

    def _having(self, offset: int) -> Self:
        """Where the field there is read: who wrote this may not have known it."""
        return self if offset < self._sent_size(self._bytes, self._at) else self._new

    def _check_having(self, offset: int, field: str) -> None:
        if self._having(offset) is not self:
            raise ValueError(f"{self.ringmail_name}.{field} was not sent, and there is no room for it")

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.ringmail_fields)

    __bytes__ = to_bytes

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if type(other) is type(self) else NotImplemented

    def __repr__(self) -> str:
        plain = (value.tolist() if isinstance(value, memoryview) else value for value in self._values())
        fields = ", ".join(f"{name}={value!r}" for name, value in zip(self.ringmail_fields, plain, strict=True))
        return f"{type(self).__name__}({fields})"


_M = TypeVar("_M", bound=_Message)


def _store(message: _Message, codec: struct.Struct, offset: int, field: str, *values: object) -> None:
    try:
        codec.pack_into(message._bytes, message._at + offset, *values)
    except struct.error as error:
        given = values[0] if len(values) == 1 else list(values)
        raise ValueError(f"{message.ringmail_name}.{field} cannot be {given!r}: {error}") from None


def _load_text(message: _Message, offset: int, length: int) -> str:
    at = message._at + offset
    return message._bytes[at : at + length].tobytes().partition(b"\0")[0].decode("utf-8", "replace")


def _text_bytes(message: _Message, length: int, field: str, text: str) -> bytes:
    content = text.encode()
    if len(content) > length or "\0" in text:
        why = f"it takes {length} bytes of UTF-8 without a zero"
        raise ValueError(f"{message.ringmail_name}.{field} cannot be {text!r}: {why}")
    return content.ljust(length, b"\0")


def _store_text(message: _Message, offset: int, length: int, field: str, text: str) -> None:
    at = message._at + offset
    message._bytes[at : at + length] = _text_bytes(message, length, field, text)


def _load_texts(message: _Message, offset: int, length: int, count: int) -> tuple[str, ...]:
    return tuple(_load_text(message, offset + i * length, length) for i in range(count))


def _store_texts(message: _Message, offset: int, length: int, field: str, texts: Sequence[str], count: int) -> None:
    if len(texts) != count:
        raise ValueError(f"{message.ringmail_name}.{field} takes {count} texts, not {len(texts)}")
    for i, text in enumerate(texts):
        _store_text(message, offset + i * length, length, field, text)


def _load_messages(message: _Message, offset: int, of: type[_M], count: int) -> tuple[_M, ...]:
    at = message._at + offset
    return tuple(of._lying_in(message._bytes, at + i * of.ringmail_size) for i in range(count))


def _store_messages(message: _Message, offset: int, of: type[_M], field: str, values: Sequence[_M], count: int) -> None:
    if len(values) != count or not all(type(value) is of for value in values):
        raise ValueError(f"{message.ringmail_name}.{field} takes {count} of {of.__name__}, not {values!r}")
    at = message._at + offset
    message._bytes[at : at + count * of.ringmail_size] = b"".join(value.to_bytes() for value in values)


def _clear(message: _Message, offset: int, size: int) -> None:
    at = message._at + offset
    message._bytes[at : at + size] = bytes(size)


def _are_bools(buffer: memoryview, at: int, count: int) -> bool:
    return all(byte < 2 for byte in buffer[at : at + count])


def _are_valid(of: type[_Message], buffer: memoryview, at: int, count: int) -> bool:
    return all(of._is_valid(buffer, at + i * of.ringmail_size) for i in range(count))
)py";

// What a module has besides, if a message of it has content of variable length.
inline constexpr std::string_view python_content_prelude = R"py(

class _Own(bytearray):
    """The bytes of a message of this process, which may get others when its content changes."""


class _Variable(_Message):
    """A message with content of variable length, behind its fixed part. It is never inside another."""

    __slots__ = ()

    _grows = True
    _fixed_size_at: ClassVar[int]
    _contents: ClassVar[tuple[tuple[int, int, int], ...]]  # where each reference is; size and alignment of an element

    def to_bytes(self) -> bytes:
        return self._bytes.tobytes()

    __bytes__ = to_bytes

    @classmethod
    def _sent_size(cls, buffer: memoryview, at: int) -> int:
        size = buffer.nbytes
        if size <= cls._fixed_size_at and size in cls._earlier:
            return size  # of a version without content
        if size < cls._fixed_size_at + 4:
            return -1
        stated: int = _word.unpack_from(buffer, cls._fixed_size_at)[0]
        return stated if cls._fixed_size_at < stated <= size else -1

    def _put(self, given: dict[int, tuple[bytes, int]]) -> None:
        """Writes content in the order of the fields, each as it is given, or as it was."""
        old = self._bytes
        if type(old.obj) is not _Own:
            raise ValueError(f"{self.ringmail_name} lies in bytes of another's: its content cannot become others there")
        new = _Own(old[: self.ringmail_size])
        _word.pack_into(new, self._fixed_size_at, self.ringmail_size)
        for offset, size, align in self._contents:
            content, count = given[offset] if offset in given else _taken(old, offset, size)
            at = -(-len(new) // align) * align if count else 0
            _reference.pack_into(new, offset, at, count)
            if count:
                new += bytes(at - len(new)) + content
        self._bytes = memoryview(new)
        old.release()  # so that who still has a part of what was before hears of it


_word = struct.Struct("<I")
_reference = struct.Struct("<II")  # offset from the start of the payload, and length
_NOTHING = (b"", 0)
_EMPTY = memoryview(bytes(8))
_Bytes = bytes | bytearray | memoryview


def _taken(buffer: memoryview, offset: int, size: int) -> tuple[bytes, int]:
    at, count = _reference.unpack_from(buffer, offset)
    return buffer[at : at + count * size].tobytes(), count


def _load_content(message: _Message, offset: int) -> str:
    at, length = _reference.unpack_from(message._bytes, offset)
    return str(message._bytes[at : at + length], "utf-8", "replace")


def _load_numbers(message: _Message, offset: int, letter: str) -> memoryview:
    at, count = _reference.unpack_from(message._bytes, offset)
    if count == 0:
        return _EMPTY.cast(letter)[:0]  # where there is nothing, nothing can be cast
    return message._bytes[at : at + count * struct.calcsize("<" + letter)].cast(letter)


def _unpack(letter: str, buffer: memoryview, at: int, count: int) -> tuple[Any, ...]:
    return struct.unpack_from(f"<{count}{letter}", buffer, at) if count else ()


def _pack_text(text: str) -> tuple[bytes, int]:
    content = text.encode()
    return content, len(content)


def _pack_bytes(content: _Bytes) -> tuple[bytes, int]:
    packed = memoryview(content).tobytes()
    return packed, len(packed)


def _pack_numbers(message: _Message, field: str, letter: str, values: Sequence[Any]) -> tuple[bytes, int]:
    if isinstance(values, memoryview) and values.format == letter:
        return values.tobytes(), len(values)
    try:
        return struct.pack(f"<{len(values)}{letter}", *values), len(values)
    except struct.error as error:
        raise ValueError(f"{message.ringmail_name}.{field} cannot be {list(values)!r}: {error}") from None


def _pack_texts(message: _Message, field: str, length: int, texts: Sequence[str]) -> tuple[bytes, int]:
    return b"".join(_text_bytes(message, length, field, text) for text in texts), len(texts)


def _pack_messages(message: _Message, field: str, of: type[_M], values: Sequence[_M]) -> tuple[bytes, int]:
    packed = b"".join(value.to_bytes() for value in values if type(value) is of)
    if len(packed) != len(values) * of.ringmail_size:
        raise ValueError(f"{message.ringmail_name}.{field} takes elements of {of.__name__}, not {values!r}")
    return packed, len(values)


def _is_content(buffer: memoryview, sent: int, offset: int, size: int, align: int) -> bool:
    at, count = _reference.unpack_from(buffer, offset)
    return count == 0 or (at % align == 0 and sent <= at and at + count * size <= buffer.nbytes)


def _are_values(declared: frozenset[Any], letter: str, buffer: memoryview, at: int, count: int) -> bool:
    return declared.issuperset(_unpack(letter, buffer, at, count))
)py";

}  // namespace ringmail::tools
