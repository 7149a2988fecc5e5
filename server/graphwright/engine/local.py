"""The engine of one process: asyncio tasks, and logs in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from graphwright.engine import Handler, Signal
from graphwright.events import END, Event, name_of


class LocalEngine:
    """Runs everything on the event loop that it is used from."""

    def __init__(self) -> None:
        self._logs: dict[str, _Log] = {}
        self._listeners: dict[str, asyncio.Queue[Signal]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._handler: Handler | None = None
        self._slots = asyncio.Semaphore(0)

    async def start(self, handler: Handler, *, slots: int) -> None:
        """Begin to work on threads that are woken."""
        self._handler = handler
        self._slots = asyncio.Semaphore(slots)

    async def stop(self, grace: float) -> None:
        """Wait for the work under way, then cancel what is left."""
        self._handler = None
        self._again.clear()
        tasks = set(self._tasks.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def wake(self, thread: str) -> None:
        """Start a task for the thread, or have its task look once more."""
        if self._handler is None:
            return
        if thread in self._tasks:
            self._again.add(thread)
        else:
            self._tasks[thread] = asyncio.create_task(self._work(thread, self._handler))

    async def _work(self, thread: str, handler: Handler) -> None:
        try:
            async with self._slots:
                await handler(thread)
        finally:
            del self._tasks[thread]
        if thread in self._again:
            self._again.discard(thread)
            await self.wake(thread)

    async def signal(self, run: str, what: Signal) -> None:
        """Put the signal into the listener's queue."""
        if run in self._listeners:
            self._listeners[run].put_nowait(what)

    @asynccontextmanager
    async def signals(self, run: str) -> AsyncIterator[AsyncIterator[Signal]]:
        """Listen until the context ends."""
        queue = self._listeners[run] = asyncio.Queue()
        try:
            yield _drain(queue)
        finally:
            del self._listeners[run]

    async def publish(self, run: str, events: Sequence[bytes]) -> int:
        """Append and wake the readers."""
        return self._log(run).append(events)

    async def position(self, run: str) -> int:
        """The length of the log."""
        return len(self._logs[run].events) if run in self._logs else 0

    async def read(self, run: str, after: int = 0) -> AsyncIterator[Sequence[Event]]:
        """Follow the log."""
        log = self._log(run)
        while True:
            fresh = log.events[after:]
            if not fresh:
                if log.ended:
                    return
                await log.grown()
                continue
            yield [Event(after + offset, data) for offset, data in enumerate(fresh, start=1)]
            after += len(fresh)

    async def forget(self, run: str, ttl: float) -> None:
        """Drop the log later; readers that hold it read on."""
        asyncio.get_running_loop().call_later(ttl, self._logs.pop, run, None)

    def _log(self, run: str) -> "_Log":
        return self._logs.setdefault(run, _Log())


class _Log:
    """One run's events, and the readers that wait for more of them."""

    __slots__ = ("_waiting", "events")

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self._waiting: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        return bool(self.events) and name_of(self.events[-1]) == END

    def append(self, events: Sequence[bytes]) -> int:
        self.events.extend(events)
        if self._waiting is not None:
            self._waiting.set_result(None)
            self._waiting = None
        return len(self.events)

    async def grown(self) -> None:
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        # Shielded: one reader that leaves must not cancel what the others wait for.
        await asyncio.shield(self._waiting)


async def _drain(queue: "asyncio.Queue[Signal]") -> AsyncIterator[Signal]:
    while True:
        yield await queue.get()
