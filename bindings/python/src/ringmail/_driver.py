"""One peer in one event loop of asyncio, which it never blocks.

A step takes what has come and says to the host that the peer sleeps; the loop then watches the descriptor that the host
rings. Answers reach their tasks in steps, also while a message is in hand; whoever takes mail is woken to do so."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ._ringmail import HostGone, PeerGone

if TYPE_CHECKING:
    from ._peer import Peer

BATCH = 64  # messages or answers in one turn of the loop


class Driver:
    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.loop = asyncio.get_running_loop()
        self.error: BaseException | None = None
        self.gone: PeerGone | None = None  # the other peer has ended: its mail can still be received
        self._futures: set[asyncio.Future[Any]] = set()  # that somebody awaits
        self._mail: asyncio.Future[None] | None = None
        self._room: list[tuple[Callable[[int], bool], int, asyncio.Future[None]]] = []
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
        self._stop_watching()
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
        if self._descriptor < 0 or self.error is not None or self.gone is not None:
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
        for want, length, future in waiting:
            if want(length):
                self._settle(future, None)
            else:
                self._room.append((want, length, future))

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

    async def room(self, want: Callable[[int], bool], length: int) -> None:
        """Until there is some, by _want_room() or _want_large() of a mailbox."""
        self.check()
        if self.gone is not None:
            raise self.gone
        if not want(length):
            future = self.future()
            self._room.append((want, length, future))
            self._call_step()
            await future

    async def lookup(self, name: str) -> int:
        self.check()
        request = self.peer._resolve(name)
        future: asyncio.Future[int] = self.future()
        self._names[request] = future
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
        if isinstance(error, PeerGone) and self.peer._is_gone:
            self._part(error)
            return
        self.error = error
        self._stop_watching()
        receives = self._mail is not None and not self._mail.done()
        waited_for = self._fail_futures(error)
        if self._handling is not None:
            self._handling.cancel()
        elif not receives:
            self.peer._leave(error)
            if not waited_for or not isinstance(error, HostGone):
                raise error

    def _part(self, error: PeerGone) -> None:
        """The other peer has ended: nothing but mail is still to be had of it, and what is there can be received at once."""
        self.gone = error
        self._stop_watching()
        self._settle(self._mail, None)
        self._room = []
        self._fail_futures(error)
        try:
            self.peer._end_asks()
        except BaseException as failure:
            self.fail(failure)

    def _stop_watching(self) -> None:
        """What has ended can be read for ever."""
        if self._descriptor >= 0 and not self.loop.is_closed():
            self.loop.remove_reader(self._descriptor)

    def _fail_futures(self, error: BaseException) -> bool:
        waiting = [future for future in self._futures if not future.done()]
        for future in waiting:
            future.set_exception(error)
        self._mail = None
        return bool(waiting)
