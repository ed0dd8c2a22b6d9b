"""What drives a peer from an event loop of asyncio: nothing here waits but coroutines.

A step takes what has come and says to the host that the peer sleeps; the loop then watches the descriptor that the host rings.
Mail is taken by the one task that runs run_async() or iterates; answers reach their tasks also while it has a message in hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ._ringmail import AskError, FullError, HostGone, Mailbox, Stopped

if TYPE_CHECKING:
    from ._peer import Peer

BATCH = 64  # messages or answers in one turn of the loop

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


class Driver:
    """One peer in one event loop."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.loop = asyncio.get_running_loop()
        self.error: BaseException | None = None
        self._futures: set[asyncio.Future[Any]] = set()  # that somebody awaits
        self._mail: asyncio.Future[None] | None = None
        self._room: list[tuple[Mailbox, int, asyncio.Future[None]]] = []
        self._names: dict[int, asyncio.Future[int]] = {}
        self._step_is_due = False
        self._receiving = False
        self._handling: asyncio.Task[Any] | None = None  # awaits a handler
        self._safety: asyncio.TimerHandle | None = None
        self._descriptor = peer._begin_polling(self._call_step)
        self.loop.add_reader(self._descriptor, self._rang)

    def end(self) -> None:
        if self._descriptor < 0:
            return
        if not self.loop.is_closed():
            self.loop.remove_reader(self._descriptor)
        self._descriptor = -1
        if self._safety is not None:
            self._safety.cancel()
        self.peer._end_polling()
        if not self.loop.is_closed():
            self._fail_futures(self.error or RuntimeError("the peer was closed"))

    def check(self) -> None:
        if self.error is not None:
            raise self.error

    # ---- steps

    def _call_step(self) -> None:
        if not self._step_is_due:
            self._step_is_due = True
            self.loop.call_soon(self._called)

    def _called(self) -> None:
        self._step_is_due = False
        self._step()

    def _rang(self) -> None:
        try:
            self.peer._resume()
        except BaseException as error:
            self.fail(error)
        else:
            self._step()

    def _look(self) -> None:
        self._safety = None
        self._step()

    def _step(self) -> None:
        if self._descriptor < 0 or self.error is not None:
            return
        try:
            self.peer._take_answers(BATCH)
            while not self.peer.closed and (resolved := self.peer._resolved()) is not None:
                self._settle(self._names.pop(resolved[0], None), resolved[1])
            if self._descriptor < 0:
                return  # closed by what took an answer
            seconds = self.peer._prepare(self._mail is not None)
            if seconds is None:
                self._wake()
        except BaseException as error:
            self.fail(error)
            return
        if not seconds:
            self._call_step()
        elif self._safety is None:
            self._safety = self.loop.call_later(seconds, self._look)

    def _wake(self) -> None:
        """Whoever waits for what may have come looks for it himself."""
        self._settle(self._mail, None)
        self._mail = None
        # Of a task that was cancelled, too: else the ring's room would be news again and again.
        waiting, self._room = self._room, []
        for mailbox, length, future in waiting:
            if mailbox._want_room(length):
                self._settle(future, None)
            else:
                self._room.append((mailbox, length, future))

    @staticmethod
    def _settle(future: asyncio.Future[Any] | None, result: Any) -> None:
        if future is not None and not future.done():
            future.set_result(result)

    # ---- waiting

    @contextlib.contextmanager
    def receiving(self) -> Iterator[None]:
        if self._receiving:
            raise RuntimeError("another task receives the messages of this peer")
        self._receiving = True
        try:
            yield
        except BaseException as error:
            self.peer._leave(error)
            raise
        finally:
            self._receiving = False

    def future(self) -> asyncio.Future[Any]:
        future = self.loop.create_future()
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return future

    async def mail(self) -> None:
        """Until there may be some."""
        self.check()
        self._mail = self.future()
        self._call_step()
        await self._mail

    async def room(self, mailbox: Mailbox, length: int) -> None:
        self.check()
        if not mailbox._want_room(length):
            future = self.future()
            self._room.append((mailbox, length, future))
            self._call_step()
            await future

    async def lookup(self, name: str) -> int:
        self.check()
        request = self.peer._resolve(name)
        self._names[request] = future = self.future()
        self._call_step()
        try:
            return await future
        finally:
            self._names.pop(request, None)

    async def handler(self, awaitable: Any) -> Any:
        """What the handler returns. The end of the link ends it, too."""
        task = self._handling = asyncio.current_task()
        assert task is not None
        cancelling = task.cancelling()
        try:
            return await awaitable
        except asyncio.CancelledError:
            if self.error is not None and task.uncancel() <= cancelling:
                raise self.error from None
            raise
        finally:
            self._handling = None

    # ---- failing

    def fail(self, error: BaseException) -> None:
        """Whoever waits gets the error; where nobody does, it comes out of the loop, and ends the process of a peer."""
        if self.error is not None:
            return
        self.error = error
        if self._descriptor >= 0 and not self.loop.is_closed():
            self.loop.remove_reader(self._descriptor)  # what has ended can be read for ever
        receives = self._mail is not None and not self._mail.done()
        waited_for = self._fail_futures(error)
        if self._handling is not None:
            self._handling.cancel()
        elif not receives:
            self.peer._leave(error)
            if not waited_for or not isinstance(error, HostGone):
                raise error

    def _fail_futures(self, error: BaseException) -> bool:
        waiting = [future for future in self._futures if not future.done()]
        for future in waiting:
            future.set_exception(error)
        self._mail = None
        return bool(waiting)


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


async def send(peer: Peer, mailbox: Mailbox, message: Any, timeout: float | None) -> None:
    driver = peer._driven()
    await _when_there_is_room(driver, mailbox, message, timeout, lambda: mailbox.send(message, timeout=0))


async def ask(peer: Peer, mailbox: Mailbox, message: Any, timeout: float | None) -> Any:
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
                driver, mailbox, message, None, lambda: mailbox._ask_now(message, settle)
            )
            return await answered
    finally:
        answered.cancel()
        if correlation:
            peer._forget_ask(correlation)  # a late answer finds nobody


async def _when_there_is_room(
    driver: Driver, mailbox: Mailbox, message: Any, timeout: float | None, attempt: Callable[[], Any]
) -> Any:
    driver.check()
    try:
        return attempt()
    except FullError:
        if timeout == 0:
            raise
    length = len(bytes(message)) if hasattr(message, "_name") else len(message.to_bytes())
    try:
        async with asyncio.timeout(timeout):
            while True:
                await driver.room(mailbox, length)
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
