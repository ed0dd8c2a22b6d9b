"""Classes that `ringmail gen --lang python` wrote: what a peer gives and takes in place of those made from the host's schema.

They know nothing of this package. What it needs of them is ringmail_name, ringmail_schema, view() and to_bytes(), and for messages
of fixed size, which the extension makes and sends itself, the attributes that view() sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeGuard

from ._ringmail import Message, SchemaError
from ._schema import find_mismatch, parse_schema

if TYPE_CHECKING:
    from ._peer import Peer


def is_generated(cls: object) -> TypeGuard[Any]:
    return isinstance(cls, type) and hasattr(cls, "ringmail_type") and hasattr(cls, "ringmail_schema")


class GeneratedTypes:
    """Those that a peer has met, each with its class of the host's schema, which it is known to agree with."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._native: dict[type, type[Message]] = {}  # the extension reads it: what is sent of these is asked for its bytes there
        peer._set_generated(self._native)
        self._agreed: set[str] = set()

    def native(self, generated: Any) -> type[Message]:
        known = self._native.get(generated)
        if known is not None:
            return known
        schema = generated.ringmail_schema
        if schema not in self._agreed:
            mismatch = find_mismatch(parse_schema(schema), self._peer.schema)
            if mismatch:
                raise SchemaError(mismatch)
            self._agreed.add(schema)
        found: type[Message] = self._peer.type(generated.ringmail_name)
        self._native[generated] = found
        return found

    def message(self, message: Any) -> Message:
        if not is_generated(type(message)):
            raise TypeError(f"a message is sent, not {type(message).__name__}")
        return self.native(type(message))._from_bytes(message.to_bytes())

    def reply(self, generated: Any, reply: Message) -> Any:
        """A reply of the host's schema as a generated one, which can be kept."""
        if not isinstance(reply, self.native(generated)):
            raise TypeError(f"{generated.ringmail_name} was expected as the reply, and {reply._name} came")
        return generated.view(reply)

    def then(self, generated: Any, then: Callable[[Any], object]) -> Callable[[Any], object]:
        """What takes a generated reply as what takes one of the host's schema."""
        native = self.native(generated)

        def call(reply: Any) -> object:
            if not isinstance(reply, native):
                return then(None)
            view = generated.view(reply)
            try:
                return then(view)
            finally:
                view._bytes.release()

        return call
