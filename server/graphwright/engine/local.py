"""The engine of one process: asyncio tasks, and logs in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from graphwright.engine import Handler, Signal
from graphwright.engine.log import Archive, Log
from graphwright.events import END, Event, name_of

SAVING = 2.0  # seconds that the last events have to come into the archive at the end


class LocalEngine:
    """Runs everything on the event loop that it is used from."""

    def __init__(self, archive: Archive | None = None, *, poll: float | None = None) -> None:
        self._archive = archive
        self._poll = poll
        self._logs: dict[str, Log] = {}
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
        if tasks := set(self._tasks.values()):
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if unsaved := [asyncio.create_task(log.saved()) for log in self._logs.values()]:
            _, late = await asyncio.wait(unsaved, timeout=SAVING)
            for task in late:
                task.cancel()

    @property
    def has_room(self) -> bool:
        """Whether it works, and a slot is free."""
        return self._handler is not None and not self._slots.locked()

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
        queue = self._listeners.setdefault(run, asyncio.Queue())
        try:
            yield _drain(queue)
        finally:
            self._listeners.pop(run, None)

    async def begin(self, run: str, *, attempt: int, kept: bool) -> None:
        """Begin an attempt's part of a log, and note what is said to it from now on."""
        self._listeners.setdefault(run, asyncio.Queue())
        if run not in self._logs:
            self._logs[run] = Log(run, self._archive if kept else None, poll=self._poll)
        await self._logs[run].begin(attempt)

    async def publish(self, run: str, events: Sequence[bytes]) -> int:
        """Append and wake the readers."""
        return await (await self._log(run)).append(events)

    async def position(self, run: str) -> int:
        """Where the log ends."""
        log = self._logs.get(run)
        return log.position if log else await self._archived(run)

    async def read(self, run: str, after: int = 0) -> AsyncIterator[Sequence[Event]]:
        """Follow the log."""
        log = await self._log(run)
        log.readers += 1
        try:
            while batch := await log.next(after):
                yield batch
                after = batch[-1].id
                if name_of(batch[-1].data) == END:
                    return
        finally:
            log.readers -= 1
            self._drop(run, log)

    def _drop(self, run: str, log: Log) -> None:
        if log.is_idle and self._logs.get(run) is log:
            del self._logs[run]

    async def leave(self, run: str) -> None:
        """Let readers go on with the archive."""
        self._listeners.pop(run, None)
        if log := self._logs.get(run):
            await log.leave()
            self._drop(run, log)

    async def forget(self, run: str, ttl: float) -> None:
        """Let go of what is in memory; readers that hold it read on."""
        self._listeners.pop(run, None)
        asyncio.get_running_loop().call_later(ttl, self._logs.pop, run, None)

    async def _log(self, run: str) -> Log:
        if run not in self._logs:
            position = await self._archived(run)
            self._logs.setdefault(run, Log(run, self._archive, position, self._poll))
        return self._logs[run]

    async def _archived(self, run: str) -> int:
        return await self._archive.position(run) if self._archive else 0


async def _drain(queue: "asyncio.Queue[Signal]") -> AsyncIterator[Signal]:
    while True:
        yield await queue.get()
