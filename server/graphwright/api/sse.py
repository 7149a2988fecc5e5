"""The two answers that last as long as a run: its events, and its result.

Both send their headers at once, so that a client knows the run's id, and something every few
seconds, so that neither a proxy nor the official SDK takes the silence for a dead connection.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from time import monotonic

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from graphwright.events import END, Event, name_of

HEARTBEAT_INTERVAL = 5.0  # seconds, as the official server

Disconnected = Callable[[], Awaitable[None]]


class _Lasting(Response, ABC):
    """An answer whose body comes in pieces while somebody listens."""

    heartbeat: bytes

    def __init__(self, headers: Mapping[str, str], disconnected: Disconnected | None) -> None:
        super().__init__(headers=headers)
        # The length is not known; the server chunks the body instead.
        del self.headers["content-length"]
        self._disconnected = disconnected

    @abstractmethod
    def pieces(self) -> AsyncIterator[bytes]:
        """The body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the body until it ends or the client leaves."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        sending = asyncio.ensure_future(self._send(send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
            elif self._disconnected is not None:
                await self._disconnected()
        except asyncio.CancelledError:
            # The server stops. Whoever listens finds the body cut off and connects again; uvicorn
            # would log a traceback for each.
            pass
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        self._sent = monotonic()
        beating = asyncio.ensure_future(self._beat(send))
        try:
            async for piece in self.pieces():
                self._sent = monotonic()
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        finally:
            beating.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _beat(self, send: Send) -> None:
        beat = {"type": "http.response.body", "body": self.heartbeat, "more_body": True}
        while True:
            silence = monotonic() - self._sent
            if silence >= HEARTBEAT_INTERVAL:
                self._sent, silence = monotonic(), 0.0
                await send(beat)
            await asyncio.sleep(HEARTBEAT_INTERVAL - silence)


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
