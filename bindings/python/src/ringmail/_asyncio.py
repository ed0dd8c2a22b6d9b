"""What a peer does in coroutines: handling messages, iterating over them, asking, sending, and looking names up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._driver import BATCH, Driver
from ._ringmail import AskError, Batch, BodyLoan, Error, FullError, Mailbox, Stopped

if TYPE_CHECKING:
    from ._peer import Down, Peer

BODY_PLACE = 32  # bytes before a message with a body

_REFUSALS = {
    1: "nobody there has a handler for {}",
    2: "the handler of {} failed",
    3: "whoever was asked with {} stops",
    4: "the mailbox that {} was sent to is full",
}


def ask_error(message: Any, reason: int) -> AskError:
    name = getattr(message, "_name", None) or message.ringmail_name
    error = AskError(_REFUSALS.get(reason, _REFUSALS[2]).format(name))
    error.reason = reason
    return error


class Messages:
    """The messages of a peer, one in hand at a time: finished when the next is asked for."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._taken = 0

    def __aiter__(self) -> Messages:
        return self

    async def __anext__(self) -> Any:
        driver = self._peer._driven()
        with driver.receiving():
            self._peer._finish()
            while True:
                self._taken += 1
                if self._taken % BATCH == 0:
                    await asyncio.sleep(0)
                driver.check()
                try:
                    message = self._peer._take_message()
                except Stopped:
                    break
                if message is not None:
                    return message
                await driver.mail()
        raise StopAsyncIteration


async def handle_all(peer: Peer) -> None:
    driver = peer._driven()
    if peer._in_hand:
        raise RuntimeError("a message has not been released")
    with driver.receiving():
        await _handle_all(peer, driver)


async def _handle_all(peer: Peer, driver: Driver) -> None:
    while True:
        driver.check()
        try:
            taken = peer._take_mail(BATCH)
        except Stopped:
            return
        if taken is None:
            await driver.mail()
        elif taken is True:
            await asyncio.sleep(0)
        else:
            try:
                result = await driver.handler(taken)
            except BaseException:
                peer._conclude()
                raise
            driver.check()
            peer._conclude(result)


async def send(
    peer: Peer, mailbox: Mailbox, message: Any, timeout: float | None, body: BodyLoan | None = None
) -> None:
    driver = peer._driven()
    await _when_there_is_room(
        driver, mailbox._want_room, _length(message, body), timeout, lambda: mailbox.send(message, timeout=0, body=body)
    )


async def send_many(peer: Peer, mailbox: Mailbox, messages: Any, type: Any, timeout: float | None) -> None:
    driver = peer._driven()
    driver.check()
    if type is not None:
        count = memoryview(messages).nbytes // max(type._size, 1)
    else:
        messages = messages if isinstance(messages, Batch) else list(messages)
        count = len(messages)
    sent = 0
    try:
        async with asyncio.timeout(timeout):
            while (sent := mailbox._send_some(messages, type, sent)) < count:
                length = type._size if type is not None else _length(messages[sent])
                await driver.room(mailbox._want_room, length)
    except TimeoutError:
        error = FullError("no room in the ring to the host")
        error.sent = sent
        raise error from None


async def loan_large(peer: Peer, mailbox: Mailbox, nbytes: int, timeout: float | None) -> BodyLoan:
    driver = peer._driven()
    loan: BodyLoan = await _when_there_is_room(
        driver, mailbox._want_large, nbytes, timeout, lambda: mailbox.loan_large(nbytes, timeout=0)
    )
    return loan


async def ask(
    peer: Peer, mailbox: Mailbox, message: Any, timeout: float | None, body: BodyLoan | None = None
) -> Any:
    driver = peer._driven()
    answered = driver.future()

    def settle(reply: Any, reason: int) -> None:
        if answered.done():
            return
        if reason:
            answered.set_exception(ask_error(message, reason))
        else:
            answered.set_result(None if reply is True else reply)

    correlation = 0
    try:
        async with asyncio.timeout(timeout):
            correlation = await _when_there_is_room(
                driver, mailbox._want_room, _length(message, body), None, lambda: mailbox._ask_now(message, settle, body)
            )
            return await answered
    finally:
        if not answered.cancel() and not answered.cancelled():
            answered.exception()  # else asyncio would complain of one that nobody has seen
        if correlation:
            peer._forget_ask(correlation)  # a late answer finds nobody


async def monitor(peer: Peer, mailbox: Mailbox) -> Down:
    driver = peer._driven()
    ended = driver.future()

    def settle(down: Down) -> None:
        if not ended.done():
            ended.set_result(down)

    number = await _when_there_is_room(driver, mailbox._want_room, 0, None, lambda: peer.monitor(mailbox, settle))
    try:
        down: Down = await ended
        return down
    except asyncio.CancelledError:
        peer._monitors.pop(number, None)  # its end finds nobody, whether or not the host can be told
        with contextlib.suppress(Error, LookupError, RuntimeError):
            peer.demonitor(number)
        raise


def _length(message: Any, body: BodyLoan | None = None) -> int:
    place = 0 if body is None else BODY_PLACE
    return place + (len(bytes(message)) if hasattr(message, "_name") else len(message.to_bytes()))


async def _when_there_is_room(
    driver: Driver, want: Callable[[int], bool], length: int, timeout: float | None, attempt: Callable[[], Any]
) -> Any:
    driver.check()
    try:
        return attempt()
    except FullError:
        if timeout == 0:
            raise
    try:
        async with asyncio.timeout(timeout):
            while True:
                await driver.room(want, length)
                try:
                    return attempt()
                except FullError:
                    continue
    except TimeoutError:
        raise FullError("no room in the ring to the host") from None


async def lookup(peer: Peer, name: str, timeout: float | None) -> Mailbox:
    async with asyncio.timeout(timeout):
        number = await peer._driven().lookup(name)
    if number == 0:
        raise LookupError(f"no mailbox has the name '{name}'")
    return peer._mailbox(number, name)
