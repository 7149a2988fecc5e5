"""The two answers that last as long as a run: its events, and its result.

Both send their headers at once, so that a client knows the run's id, and something every few
seconds, so that neither a proxy nor the official SDK takes the silence for a dead connection.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graphwright.events import END, Event, name_of

HEARTBEAT_INTERVAL = 5.0  # seconds, as the official server

Disconnected = Callable[[], Awaitable[None]]


_LASTING = "graphwright.lasting"


class LastingResponses:
    """Middleware that sends what lasts, when the framework is done with the request.

    What FastAPI keeps for a request takes more memory than a reader does who waits for events.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request be handled, then send what it left to be sent."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        handled = dict(scope)  # with it goes all that the framework put there
        await self._app(handled, receive, send)
        answer = handled.get(_LASTING)
        del handled
        if answer is not None:
            await answer(receive, send)


class _Lasting(Response, ABC):
    """An answer whose body comes in pieces while somebody listens."""

    heartbeat: bytes

    def __init__(self, headers: Mapping[str, str], disconnected: Disconnected | None) -> None:
        super().__init__(headers=headers)
        # The length is not known; the server chunks the body instead. Not through `headers`, which
        # would keep them all.
        self.raw_headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        self._disconnected = disconnected

    @abstractmethod
    def pieces(self) -> AsyncIterator[bytes]:
        """The body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the headers through what the framework has put around `send`, and leave the rest to
        `LastingResponses`, which needs none of that.
        """
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        self.raw_headers = []
        scope[_LASTING] = self._answer

    async def _answer(self, receive: Receive, send: Send) -> None:
        """Send the body until it ends or the client leaves."""
        # Thousands may wait at once: each has this task, one more, and a timer.
        leaving = asyncio.ensure_future(_left(receive))
        leaving.add_done_callback(partial(_cancel, asyncio.current_task()))
        heart = _Heart(partial(send, _piece(self.heartbeat)))
        try:
            async for piece in self.pieces():
                heart.rest()
                await send(_piece(piece))
            heart.stop()  # nothing may come after the end
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except asyncio.CancelledError:
            # Otherwise the server stops: whoever listens finds the body cut off and connects again;
            # uvicorn would log a traceback for each.
            if leaving.done() and self._disconnected is not None:
                await self._disconnected()
        finally:
            heart.stop()
            leaving.cancel()


class _Heart:
    """Beats when nothing was sent for a while."""

    __slots__ = ("_beat", "_beating", "_loop", "_sent", "_timer")

    def __init__(self, beat: Callable[[], Awaitable[None]]) -> None:
        self._beat = beat
        self._loop = asyncio.get_running_loop()
        self._beating: asyncio.Future[None] | None = None
        self.rest()
        self._timer = self._loop.call_later(HEARTBEAT_INTERVAL, self._due)

    def rest(self) -> None:
        """Note that something was sent."""
        self._sent = self._loop.time()

    def stop(self) -> None:
        """Beat no more, nor what was about to begin."""
        self._timer.cancel()
        if self._beating is not None:
            self._beating.cancel()

    def _due(self) -> None:
        silence = self._loop.time() - self._sent
        if silence >= HEARTBEAT_INTERVAL:
            self._beating = asyncio.ensure_future(self._beat())
            self.rest()
            silence = 0.0
        self._timer = self._loop.call_later(HEARTBEAT_INTERVAL - silence, self._due)


class EventStream(_Lasting):
    """A run's events as server-sent events; `ids` adds the id to each, for clients that will
    resume.
    """

    media_type = "text/event-stream"
    heartbeat = b": heartbeat\r\n\r\n"

    def __init__(
        self,
        batches: AsyncIterator[Sequence[Event]],
        *,
        headers: Mapping[str, str],
        ids: bool,
        disconnected: Disconnected | None = None,
    ) -> None:
        lasting = {
            "cache-control": "no-store",
            "connection": "keep-alive",
            "x-accel-buffering": "no",
        }
        super().__init__({**headers, **lasting}, disconnected)
        self._batches = batches
        self._ids = ids

    async def pieces(self) -> AsyncIterator[bytes]:
        """What has happened since the last piece, in one."""
        async for batch in self._batches:
            if batch and name_of(batch[-1].data) == END:
                batch = batch[:-1]
            if batch:
                yield b"".join(map(self._frame, batch))

    def _frame(self, event: Event) -> bytes:
        if self._ids:
            return b"%bid: %d\r\n\r\n" % (event.data, event.id)
        return event.data + b"\r\n"


class ResultStream(_Lasting):
    """A run's result as JSON, after as many line feeds as it takes."""

    media_type = "application/json"
    heartbeat = b"\n"

    def __init__(
        self,
        result: Awaitable[bytes],
        *,
        headers: Mapping[str, str],
        disconnected: Disconnected | None = None,
    ) -> None:
        super().__init__(headers, disconnected)
        self._result = result

    async def pieces(self) -> AsyncIterator[bytes]:
        """One piece."""
        yield await self._result


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _cancel(sending: "asyncio.Task[None] | None", leaving: "asyncio.Future[None]") -> None:
    # Cancelled means that all was sent.
    if sending is not None and not leaving.cancelled():
        sending.cancel()


def _piece(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}
