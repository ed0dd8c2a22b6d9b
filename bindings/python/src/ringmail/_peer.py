"""The public peer: decorators around the loop that _ringmail runs."""

from __future__ import annotations

import asyncio
import atexit
import builtins
import contextlib
import inspect
import os
import sys
import traceback
import weakref
from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from . import _asyncio, _ringmail
from ._driver import Driver
from ._generated import GeneratedTypes, is_generated
from ._log import host_level
from ._ringmail import Batch, BodyLoan, HostGone, Mailbox, NotSpawnedError, SchemaError
from ._schema import HEADING, find_mismatch, find_unmet, make_types, merge, parse_schema

_FDS = "RINGMAIL_FDS"
MOST_IN_BATCH = 2**31 - 1
_peers: weakref.WeakSet[Peer] = weakref.WeakSet()


class Counters(NamedTuple):
    received: int  # messages released; replies are not counted
    sent: int  # messages published; replies are not counted
    dropped: int  # messages for which there was no handler
    sleeps: int  # times that run() went to sleep
    lost_wakeups: int  # must be 0
    failed_barriers: int  # must be 0; else a seccomp filter came late, and sleeps are short


class ExitKind(IntEnum):
    NORMAL = 0  # it was asked to stop, or stopped itself
    FAILED = 1  # a handler of it threw
    UNREACHABLE = 7  # there is no such actor, or not any more
    LINKED = 8  # it was linked to one that failed
    ESCALATED = 9  # a supervisor that gave up a child


class Down(NamedTuple):
    """The actor of a mailbox has ended: for good, or until its supervisor starts it anew."""

    mailbox: Mailbox
    kind: int  # one of ExitKind, or another failure
    reason: str  # in one line


class Peer(_ringmail.Peer):
    """A link to a host. ringmail.peer() makes one. It belongs to the thread that calls run()."""

    def __init__(
        self,
        *,
        expect: Mapping[str, Mapping[str, str]] | None = None,
        schema: str | os.PathLike[str] | None = None,
        name: str | None = None,
        path: str | os.PathLike[str] | None = None,
        descriptor: int = -1,
        ring_bytes: int = 0,
        timeout: float = 10.0,
        pollable: bool = False,
        token: str | None = None,
        reconnect: float = 0.0,
    ) -> None:
        self._begin(pollable)
        text = schema_text(schema)
        self._attach(
            descriptor=descriptor,
            path=None if path is None else os.fspath(path),
            name=name,
            schema=text,
            ring_bytes=ring_bytes,
            timeout=timeout,
            pollable=pollable,
            token=token,
            reconnect=reconnect,
        )
        self._learn(text, expect or {})

    @classmethod
    def _to_be_let_in(cls) -> Peer:
        """What a listener gives a link to."""
        peer = cls.__new__(cls)
        peer._begin(pollable=True)
        return peer

    def _begin(self, pollable: bool) -> None:
        self._driver: Driver | None = None
        self._awaited: list[str] = []  # messages whose handlers are coroutine functions
        self._pollable = pollable
        self._monitors: dict[int, Callable[[Down], object]] = {}

    def _learn(self, text: str | None, expect: Mapping[str, Mapping[str, str]]) -> None:
        """The messages of the other end, which is to agree with ours."""
        _peers.add(self)
        try:
            ours = parse_schema(text or "")
            self.schema = parse_schema(self.schema_text)
            mismatch = find_mismatch(ours, self.schema) or find_unmet(expect, self.schema)
            if mismatch:
                raise SchemaError(mismatch)
            merge(self.schema, ours)
            self._prepare_types()
        except Exception as error:
            self._give_up(error)
            raise

    def _prepare_types(self) -> None:
        self._types, self._enums = make_types(self.schema)
        self._generated = GeneratedTypes(self)
        self._set_types(
            [
                (message, tuple(self._types[reply] for reply in self.schema.replies(name) or ()))
                for name, message in self._types.items()
            ]
        )

    # ---- types

    def type(self, name: str) -> Any:
        """The class of a message: peer.type("flights.Answer")(mean=1.5)."""
        found = self._types.get(name)
        if found is None:
            declared = ", ".join(sorted(self._types)) or "no message"
            raise LookupError(f"the host declares no message {name}; it declares {declared}")
        return found

    def enum(self, name: str) -> builtins.type[IntEnum]:
        found = self._enums.get(name)
        if found is None:
            declared = ", ".join(sorted(self._enums)) or "no enum"
            raise LookupError(f"the host declares no enum {name}; it declares {declared}")
        return found

    def new(self, message: str, /, **fields: Any) -> Any:
        """A message of that name: peer.new("flights.Answer", mean=1.5). Fields that are not given are zero."""
        found = self._types.get(message)
        return (self.type(message) if found is None else found)(**fields)

    def batch(self, message: str | builtins.type, count: int) -> Batch:
        """So many new messages, which lie one behind the other: to be written, by numpy.asarray() all at once, and given to
        send_many()."""
        return _ringmail.make_batch(self._native_type(message), count)

    # ---- handlers

    def on(self, message: str | builtins.type, *, batch: int | None = None) -> Callable[[Any], Any]:
        """Decorates the handler of a message: handler(message) or handler(message, sender).

        The message is named, or is a class that `ringmail gen` wrote, whose instances the handler then gets. What it
        returns is the reply, when one was asked for.

        With `batch` the handler is given up to so many at once, as a Batch: those of one sender that are there and follow
        each other. They are in hand, and finished, together; one that was asked, or comes again, comes alone."""
        found = self._native_type(message)
        if batch is not None and (batch < 1 or batch > MOST_IN_BATCH):
            raise ValueError(f"a batch cannot have {batch} messages: 1 to {MOST_IN_BATCH}")
        if batch is not None and found._format is None:
            raise TypeError(f"{found._name} has content of variable length: such messages come one by one")

        def register(handler: Any) -> Any:
            wants_sender = _wants_sender(handler, found._name)
            if inspect.iscoroutinefunction(handler):
                if not self._pollable:
                    raise TypeError(
                        f"the handler of {found._name} is a coroutine function; run() calls plain functions, "
                        "and run_async() of ringmail.peer(pollable=True) awaits it"
                    )
                self._awaited.append(found._name)
            takes_generated = is_generated(message) and batch is None
            self._set_handler(found, handler, wants_sender, batch or 0, message if takes_generated else None)
            return handler

        return register

    def follow(self, handlers: Any) -> None:
        """Registers the methods of a protocol that `ringmail gen` wrote: on_M() for each message M that it accepts."""
        for message in handlers.ringmail_accepts:
            self.on(message)(getattr(handlers, f"on_{message.ringmail_name.rpartition('.')[2]}"))

    def _native_type(self, message: str | builtins.type) -> Any:
        if isinstance(message, str):
            return self.type(message)
        return self._generated.native(message) if is_generated(message) else message

    def run(self) -> None:
        """Handles messages until the host says stop and everything it sent has been handled.

        An exception of a handler is reported to the host, and comes out of here; the message stays unfinished and is
        given to the next incarnation of this peer. HostGone when the host dies: not caught, it ends the process. Where
        the other end is a peer that a listener has let in, this returns when that has ended."""
        self._handle(None)

    def poll(self, timeout: float = 0.0) -> bool:
        """Handles what is there, after waiting up to `timeout` seconds for something. False once the host said stop.

        For programs with a loop of their own; the exceptions are those of run()."""
        return not self._handle(timeout)

    def _handle(self, timeout: float | None) -> bool:
        if self._driver is not None and self._driver.loop.is_closed():
            self._end_driver()
        self._check(timeout)
        if self._awaited:
            raise TypeError(f"the handler of {self._awaited[0]} is a coroutine function: await run_async()")
        try:
            over: bool = self._run(timeout)
            if self._is_gone:
                self._end_asks()
            return over
        except BaseException as error:
            self._leave(error)
            raise

    def _leave(self, error: BaseException) -> None:
        """The peer is over, unless it was interrupted between two messages."""
        if isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)):
            # In a handler: the message cannot be finished any more, and so neither can those behind it.
            if self._in_hand:
                self.close()
        elif isinstance(error, HostGone):
            self.close()
        elif not self.closed:
            self._give_up(error)

    # ---- asyncio

    async def run_async(self) -> None:
        """run() in an event loop: handlers may be coroutine functions, and a message is finished when its handler is.

        One message is in hand at a time; other tasks, and answers to what the handler asks, go on meanwhile. Cancelled in
        a handler, the peer is closed, and the message is given to the next incarnation."""
        await _asyncio.handle_all(self)

    def __aiter__(self) -> _asyncio.Messages:
        """`async for message in peer`, until the host says stop. A message is finished when the next is asked for."""
        return _asyncio.Messages(self)

    async def mailbox_async(self, name: str, timeout: float | None = 5.0) -> Mailbox:
        """mailbox() in an event loop."""
        return await _asyncio.lookup(self, name, timeout)

    async def _send_async(
        self, mailbox: Mailbox, message: Any, *, timeout: float | None = 5.0, body: BodyLoan | None = None
    ) -> None:
        await _asyncio.send(self, mailbox, message, timeout, body)

    async def _send_many_async(
        self, mailbox: Mailbox, messages: Any, *, type: Any = None, timeout: float | None = 5.0
    ) -> None:
        await _asyncio.send_many(self, mailbox, messages, None if type is None else self._native_type(type), timeout)

    async def _loan_large_async(self, mailbox: Mailbox, nbytes: int, *, timeout: float | None = 5.0) -> BodyLoan:
        return await _asyncio.loan_large(self, mailbox, nbytes, timeout)

    async def _ask_async(
        self,
        mailbox: Mailbox,
        message: Any,
        *,
        timeout: float | None = None,
        reply: Any = None,
        body: BodyLoan | None = None,
    ) -> Any:
        native = await _asyncio.ask(self, mailbox, message, timeout, body)
        return native if reply is None or native is None else self._generated.reply(reply, native)

    def _driven(self) -> Driver:
        """By the loop that runs."""
        driver = self._driver
        if driver is not None and driver.loop is not asyncio.get_running_loop():
            if not driver.loop.is_closed():
                raise RuntimeError("another event loop drives this peer")
            self._end_driver()
        if self._driver is None:
            self._driver = Driver(self)
        return self._driver

    def _end_driver(self) -> None:
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.end()

    def _expire_later(self, correlation: int, seconds: float) -> None:
        self._driven().loop.call_later(seconds, self._expire, correlation)

    def _expire(self, correlation: int) -> None:
        then = self._forget_ask(correlation)
        if then is None or self._driver is None:
            return
        try:
            then(None)
        except BaseException as error:
            self._driver.fail(error)

    def close(self) -> None:
        """Publishes what was sent, and leaves the host. A second call does nothing."""
        if not self.closed:
            self._end_driver()
        super().close()

    def _give_up(self, error: BaseException) -> None:
        if self._in_hand:
            attempt = f", which {self.attempt} earlier processes died with" if self.attempt else ""
            error.add_note(f"(while handling {self._in_hand}{attempt})")
        self._fail(_sendable(_failure_text(error)))
        self.close()

    def _end_asks(self) -> None:
        """Nobody is there any more who would answer. Those of tasks are futures of the driver's."""
        for then in self._abandon_asks():
            if callable(then):
                then(None)

    # ---- monitors and the log

    def monitor(self, mailbox: Mailbox, then: Callable[[Down], object], *, timeout: float | None = 5.0) -> int:
        """Has run() call then(down) once, when the actor of the mailbox ends: behind all that it sent before, and at once
        if it has ended already. Returns what demonitor() takes. FullError if there is no room in time.

        One that its supervisor starts anew has ended, too: monitor it again."""
        if not callable(then):
            raise TypeError("`then` is called with a Down: it must be callable")
        # In an event loop nothing waits but what is awaited.
        monitor: int = self._monitor(mailbox, timeout if self._driver is None else 0)
        self._monitors[monitor] = then
        return monitor

    def demonitor(self, monitor: int, *, timeout: float | None = 5.0) -> None:
        """Nothing will be called, even if the actor has ended. LookupError if it is over already."""
        self._demonitor(monitor, timeout if self._driver is None else 0)
        self._monitors.pop(monitor, None)

    async def monitor_async(self, mailbox: Mailbox) -> Down:
        """monitor() in an event loop: how the actor has ended. Cancelled, it is monitored no longer."""
        return await _asyncio.monitor(self, mailbox)

    def _down(self, monitor: int, mailbox: Mailbox, kind: int, reason: str) -> Down:
        self._monitors.pop(monitor, None)
        return Down(mailbox, kind, reason)

    def _ended(self, monitor: int, mailbox: Mailbox, kind: int, reason: str) -> None:
        then = self._monitors.pop(monitor, None)
        if then is not None:
            then(Down(mailbox, kind, reason))

    def log(self, level: int, text: str) -> bool:
        """Writes lines into the host's log, by a level of logging. False where the host is too slow, and they were left out.

        ringmail.LogHandler does so for all that is logged."""
        written: bool = self._log(host_level(level), _sendable(text))
        return written

    # ---- sending

    def mailbox(self, name: str, timeout: float | None = 5.0) -> Mailbox:
        """The mailbox that the host has published under a name. LookupError if it has none."""
        return self._lookup(name, timeout)

    @contextlib.contextmanager
    def loan(
        self, mailbox: Mailbox, message: str | builtins.type, /, *, timeout: float | None = 5.0, **fields: Any
    ) -> Iterator[Any]:
        """Writes a message straight into the ring: `with peer.loan(mailbox, "market.Book", levels=3) as book: ...`.

        It starts as a new one with these fields, is sent when the block ends, and is not sent when it ends by an
        exception. What is of variable length is given here, as it is, or as a number: so many zeroes, to be written in
        place. Nothing else may be done with the peer inside, but to log. FullError if there is no room in time, in an
        event loop at once."""
        loan = mailbox._loan(self._native_type(message), timeout, fields)
        view = message.view(loan) if is_generated(message) else None
        try:
            yield loan if view is None else view
        except BaseException:
            self._close_loan(view, False)
            raise
        self._close_loan(view, True)

    def _close_loan(self, view: Any, publish: bool) -> None:
        if view is not None:
            view._bytes.release()
        self._end_loan(publish)

    # What the extension calls with what is not of the host's schema.

    def _as_native(self, message: Any) -> Any:
        return self._generated.message(message)

    def _takes_native(self, generated: Any, then: Any) -> Any:
        return self._generated.then(generated, then)

    # ---- the rest

    @property
    def counters(self) -> Counters:
        return Counters(*self._counters)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        # Of a message that was received by hand or by iteration nobody else knows that it failed.
        if isinstance(error, Exception) and self._in_hand and not self.closed:
            self._give_up(error)
        self.close()

    def __repr__(self) -> str:
        return "<ringmail.Peer, closed>" if self.closed else f"<ringmail.Peer {self.name}>"


def peer(**options: Any) -> Peer:
    """Joins the host that spawned this process, or the one whose socket is at `path`.

    A process that nobody spawned says so in one line on stderr and exits with status 2."""
    spawned = "path" not in options and "descriptor" not in options
    try:
        joined = Peer(**options)
    except NotSpawnedError as error:
        if not spawned:
            raise
        print(f"{os.path.basename(sys.argv[0] or 'python')}: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    if spawned:
        # The descriptor has its owner now: neither a second call nor a child of this process may take it again.
        os.environ.pop(_FDS, None)
        _write_lines()
    return joined


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").replace(b"\0", b" ").decode()


def _failure_text(error: BaseException) -> str:
    """The reason, in a line, and the traceback."""
    try:
        reason = f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__
    # Of a long one the innermost frames: the host takes 16 KiB.
    trace = "".join(traceback.format_exception(error, limit=-30))
    return reason.replace("\n", " ") + "\n" + trace


def _write_lines() -> None:
    """The host logs what this process prints, line by line; what waits in a buffer dies with the process."""
    with contextlib.suppress(AttributeError, ValueError):
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def schema_text(schema: str | os.PathLike[str] | None) -> str | None:
    if schema is None or (isinstance(schema, str) and schema.startswith(HEADING)):
        return schema
    with open(schema, encoding="utf-8") as file:
        text = file.read()
    if not text.startswith(HEADING):
        raise SchemaError(f"{os.fspath(schema)}: not a canonical schema text: its first line is not '{HEADING}'")
    return text


def _wants_sender(handler: Any, message: str) -> bool:
    if not callable(handler):
        raise TypeError(f"the handler of {message} is not callable")
    try:
        signature = inspect.signature(handler)
    except ValueError:  # a builtin that does not say what it takes
        return False
    for arguments in (2, 1):
        try:
            signature.bind(*(None,) * arguments)
        except TypeError:
            continue
        return arguments == 2
    raise TypeError(f"the handler of {message} must take (message) or (message, sender)")


@atexit.register
def _close_all() -> None:
    for open_peer in list(_peers):
        with contextlib.suppress(RuntimeError):  # another thread still runs it
            open_peer.close()


def _forget_all() -> None:
    for parents in list(_peers):
        parents._forget()


os.register_at_fork(after_in_child=_forget_all)
