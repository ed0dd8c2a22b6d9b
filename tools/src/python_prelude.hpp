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

    _bytes: memoryview
    _at: int

    @classmethod
    def view(cls, buffer: Any) -> Self:
        """The message that lies in these bytes: nothing is copied, and it can be written where they can."""
        lying = memoryview(buffer)
        if lying.nbytes != cls.ringmail_size:
            raise ValueError(f"{cls.ringmail_name} is {cls.ringmail_size} bytes long, not {lying.nbytes}")
        return cls._lying_in(lying, 0)

    @classmethod
    def from_bytes(cls, payload: Any) -> Self:
        """The message that these bytes are, as a copy. ValueError where they are none."""
        if not cls.ringmail_valid(payload):
            raise ValueError(f"these {memoryview(payload).nbytes} bytes are no {cls.ringmail_name}")
        return cls.view(bytearray(payload))

    def to_bytes(self) -> bytes:
        return self._bytes[self._at : self._at + self.ringmail_size].tobytes()

    @classmethod
    def ringmail_valid(cls, payload: Any) -> bool:
        """Whether these bytes are one: the size, every bool 0 or 1, every enum a declared value."""
        view = memoryview(payload)
        return view.nbytes == cls.ringmail_size and cls._is_valid(view, 0)

    @classmethod
    def _lying_in(cls, buffer: memoryview, at: int) -> Self:
        self = cls.__new__(cls)
        self._bytes = buffer
        self._at = at
        return self

    @classmethod
    def _is_valid(cls, buffer: memoryview, at: int) -> bool:
        return True

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


def _store_text(message: _Message, offset: int, length: int, field: str, text: str) -> None:
    content = text.encode()
    if len(content) > length or "\0" in text:
        why = f"it takes {length} bytes of UTF-8 without a zero"
        raise ValueError(f"{message.ringmail_name}.{field} cannot be {text!r}: {why}")
    at = message._at + offset
    message._bytes[at : at + length] = content.ljust(length, b"\0")


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


def _are_bools(buffer: memoryview, at: int, count: int) -> bool:
    return all(byte < 2 for byte in buffer[at : at + count])


def _are_valid(of: type[_Message], buffer: memoryview, at: int, count: int) -> bool:
    return all(of._is_valid(buffer, at + i * of.ringmail_size) for i in range(count))
)py";

}  // namespace ringmail::tools
