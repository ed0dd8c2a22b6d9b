"""Peers without a system: a process listens at a path, and each that attaches there is a Peer, whose host this process is."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, NamedTuple

from . import _ringmail
from ._peer import Peer, schema_text
from ._ringmail import SchemaError

_HANDSHAKES_ARE_DUE_S = 1.0  # at the latest, in an event loop
_listeners: weakref.WeakSet[Listener] = weakref.WeakSet()


class ListenerCounters(NamedTuple):
    waiting: int  # messages to peers that have ended, for the next of their names
    given_up: int  # messages that nobody will get


class Listener(_ringmail.Listener):
    """A socket that other peers attach to. It belongs to one thread at a time; each peer that it lets in may have another."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        schema: str | os.PathLike[str] | None = None,
        ring_bytes: int = 0,
    ) -> None:
        self.path = os.fspath(path)
        self._schema = schema_text(schema)
        self._end_wait: Callable[[], None] | None = None  # of accept_async()
        # A name is how others find this process; where nobody has one in mind, the place has it.
        self._open(self.path, name or os.path.basename(self.path), self._schema, ring_bytes)
        _listeners.add(self)

    def accept(self, timeout: float | None = None) -> Peer:
        """The next peer that has attached. TimeoutError if none has within so many seconds.

        One whose schema differs is not let in: a line on stderr says what differs."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            candidate = Peer._to_be_let_in()
            if not self._accept(candidate, left):
                raise TimeoutError(f"nobody attached to {self.path} within {timeout} s")
            if self._agrees_with(candidate):
                return candidate

    def __iter__(self) -> Iterator[Peer]:
        return self

    def __next__(self) -> Peer:
        try:
            if not self.closed:
                return self.accept()
        except RuntimeError:
            if not self.closed:  # else a signal handler has closed it meanwhile
                raise
        raise StopIteration

    async def accept_async(self) -> Peer:
        """accept() in an event loop."""
        if self._end_wait is not None:
            raise RuntimeError("another task accepts")
        with self._watched() as news:
            while True:
                news.clear()
                candidate = Peer._to_be_let_in()
                if not self._accept(candidate, 0):
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_HANDSHAKES_ARE_DUE_S):
                            await news.wait()
                elif self._agrees_with(candidate):
                    return candidate

    @contextlib.contextmanager
    def _watched(self) -> Iterator[asyncio.Event]:
        """Set when somebody may have come, or when this listener is closed."""
        loop = asyncio.get_running_loop()
        descriptor = self.fileno()
        news = asyncio.Event()

        def end() -> None:
            self._end_wait = None
            loop.remove_reader(descriptor)
            news.set()

        loop.add_reader(descriptor, news.set)
        self._end_wait = end
        try:
            yield news
        finally:
            if self._end_wait is not None:
                end()

    def __aiter__(self) -> Listener:
        return self

    async def __anext__(self) -> Peer:
        try:
            if not self.closed:
                return await self.accept_async()
        except RuntimeError:
            if not self.closed:  # else another task has closed it meanwhile
                raise
        raise StopAsyncIteration

    def _agrees_with(self, peer: Peer) -> bool:
        who = peer.name or "a peer"
        try:
            peer._learn(self._schema, {})
        except SchemaError as error:
            print(f"{os.path.basename(sys.argv[0] or 'python')}: {who} is not let in: {error}", file=sys.stderr)
            return False
        return True

    @property
    def counters(self) -> ListenerCounters:
        return ListenerCounters(*self._counters)

    def close(self) -> None:
        if self._end_wait is not None:
            self._end_wait()
        super().close()

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ringmail.Listener, {'closed' if self.closed else 'at ' + self.path}>"


def listen(path: str | os.PathLike[str], **options: Any) -> Listener:
    """Listens at a path, in a directory of mode 0700, which is made, for peers of this user: ringmail.peer(path=...)."""
    return Listener(path, **options)


@atexit.register
def _close_all() -> None:
    for listener in list(_listeners):
        with contextlib.suppress(RuntimeError):  # another thread still accepts
            listener.close()
