"""A run's log: every event once, in order, for every reader, also after the process is gone.

The newest events are in memory, where readers that keep up take them from; all of them go to an
archive, a few milliseconds late and many at once, where readers that are behind or come later find
them. A reader holds a position and nothing else, so that a slow one costs no memory.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from graphwright.errors import Unavailable
from graphwright.events import END, Event, name_of

TAIL = 1024 * 1024  # bytes of a run's events that are kept in memory, at least
DELAY = 0.01  # seconds that events wait for others to go to the archive with them
UNSAVED = 4 * TAIL  # bytes; a run that says more than the archive can take has to wait
BATCH = 256 * 1024  # bytes that a reader is given at once, about
LIMIT = 64 * 1024 * 1024  # bytes of a run's events that are kept; the oldest go first
RETRIES = 20  # of an append that failed
RETRY_INTERVAL = 0.5  # seconds
ATTEMPT = 10**9
"""What each attempt's ids are higher by: the last events before a crash may have been seen and not
be in the archive, and their ids must not be used again."""

log = logging.getLogger(__name__)


class Archive(Protocol):
    """Where logs are kept."""

    async def append(self, run: str, first: int, events: Sequence[bytes]) -> None:
        """Keep events with the ids `first`, `first` + 1, …"""
        ...

    async def read(self, run: str, after: int, size: int) -> Sequence[Event]:
        """The next events after an id, of about `size` bytes; none if there are none."""
        ...

    async def position(self, run: str) -> int:
        """The id of a run's last event; 0 if it has none."""
        ...

    async def trim(self, run: str, before: int) -> None:
        """Let go of the events whose ids are lower."""
        ...


class Log:
    """One run's log, in a process that executes it or reads it.

    `position` is the id of the last event that is in the archive already; `poll` is how often, in
    seconds, to look there for what another process appends.
    """

    def __init__(
        self, run: str, archive: Archive | None, position: int = 0, poll: float | None = None
    ) -> None:
        self._run = run
        self._archive = archive
        self._poll = poll
        self._begun = False
        self._events: list[bytes] = []
        self._first = position + 1  # id of the first event in memory
        self._size = 0  # bytes in memory
        self._saved = position  # id of the last event in the archive
        self._unsaved = 0  # bytes
        self._kept: deque[list[int]] = deque()  # first id and bytes of stretches in the archive
        self._saving: asyncio.Task[None] | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._looked = 0.0  # when a reader looked into the archive
        self.readers = 0

    @property
    def position(self) -> int:
        """The id of the last event."""
        return self._first + len(self._events) - 1

    @property
    def ended(self) -> bool:
        """Whether the last event in memory was the end."""
        return bool(self._events) and name_of(self._events[-1]) == END

    @property
    def is_idle(self) -> bool:
        """Whether nobody reads it, nobody has begun to write it, and nothing is in memory."""
        return not (self.readers or self._begun or self._events)

    async def begin(self, attempt: int) -> None:
        """Begin an attempt: its events have ids of their own."""
        self._begun = True
        start = (attempt - 1) * ATTEMPT
        if self.position < start:
            await self.saved()
            self._events, self._size = [], 0
            self._first, self._saved = start + 1, start

    async def leave(self) -> None:
        """Have readers go on with what another process appends to the archive."""
        await self.saved()
        self._begun = False
        self._first = self.position + 1
        self._events, self._size = [], 0
        self._wake()

    async def append(self, events: Sequence[bytes]) -> int:
        """Add events, for readers at once; the id of the last one.

        Once the end was added, everything is in the archive when this returns.
        """
        self._events += events
        size = sum(map(len, events))
        self._size += size
        self._wake()
        if self._archive is None:
            self._saved = self.position
            self._forget_old(LIMIT)
            return self.position
        self._unsaved += size
        if self._saving is None:
            self._saving = asyncio.create_task(self._save(self._archive, self.ended))
        if self.ended or self._unsaved > UNSAVED:
            await self.saved()
        return self.position

    async def saved(self) -> None:
        """Wait until all that was said so far is in the archive."""
        said = self.position
        while self._saving is not None and self._saved < said:
            await asyncio.shield(self._saving)

    async def next(self, after: int) -> Sequence[Event]:
        """What is there after an id, or what comes next; nothing after the end."""
        while not (batch := await self._there(after)):
            if self.ended and after >= self.position:
                return ()
            await self._growth()
        return batch

    async def _there(self, after: int) -> Sequence[Event]:
        if after + 1 < self._first and self._archive is not None:
            batch = await self._archive.read(self._run, after, BATCH)
            if batch or not self._events:
                return batch
        start = max(after + 1 - self._first, 0)
        return [
            Event(self._first + start + offset, data)
            for offset, data in enumerate(self._events[start:])
        ]

    async def _save(self, archive: Archive, at_once: bool) -> None:
        """Hand what is unsaved to the archive, until nothing is."""
        try:
            if not at_once:
                await asyncio.sleep(DELAY)
            while (first := self._saved + 1) <= self.position:
                events = self._events[first - self._first :]
                await self._keep(archive, first, events)
                self._saved += len(events)
                self._forget_old(TAIL)
        finally:
            self._saving = None

    async def _keep(self, archive: Archive, first: int, events: Sequence[bytes]) -> None:
        size = sum(map(len, events))
        self._unsaved -= size
        for is_last in (*(False,) * RETRIES, True):
            try:
                await archive.append(self._run, first, events)
                if self._is_too_long(first, size):
                    await archive.trim(self._run, self._kept[0][0])
                return
            except Exception as error:
                if is_last:
                    # The run goes on: those who come late are told that something is missing.
                    log.warning(
                        "run %s: events %d to %d are not kept: %s",
                        *(self._run, first, first + len(events) - 1, error),
                    )
                else:
                    await asyncio.sleep(RETRY_INTERVAL)

    def _is_too_long(self, first: int, size: int) -> bool:
        """Note a stretch in the archive, and forget the oldest where there are too many."""
        if self._kept and self._kept[-1][1] < TAIL:
            self._kept[-1][1] += size
        else:
            self._kept.append([first, size])
        total = sum(kept for _, kept in self._kept)
        if total <= LIMIT:
            return False
        self._kept.popleft()
        return True

    def _forget_old(self, tail: int) -> None:
        """Let go of saved events beyond the tail, of so many bytes."""
        excess, count = self._size - tail, 0
        saved = self._saved - self._first + 1
        while count < saved and excess >= len(self._events[count]):
            excess -= len(self._events[count])
            count += 1
        if count:
            self._size = excess + tail
            self._first += count
            del self._events[:count]

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, set()
        for reader in waiting:
            if not reader.done():
                reader.set_result(None)

    async def _growth(self) -> None:
        grown: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(grown)
        try:
            # Without a timeout nothing is wrapped: readers may be many. Nor is one needed where
            # this process has told something: it tells what comes next, too.
            if self._poll is None or self._events:
                await grown
            else:
                await asyncio.wait_for(grown, self._poll)
        except TimeoutError:
            await self._look(asyncio.get_running_loop().time())
        finally:
            self._waiting.discard(grown)

    async def _look(self, now: float) -> None:
        """See whether another process has appended to the archive; one reader looks for all."""
        if self._archive is None or self._poll is None or now < self._looked + self._poll / 2:
            return
        self._looked = now
        try:
            position = await self._archive.position(self._run)
        except Unavailable:  # it is looked for again
            return
        if position > self.position and not self._events:
            self._first, self._saved = position + 1, position
