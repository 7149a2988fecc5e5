"""Checkpoints and writes on their way into the database, those of a run together.

When a run begins, LangGraph puts two checkpoints in one turn of the loop: the input, and the state
with the input applied. The first waits for the second, and so do the writes that apply it:
together they are one commit.

Where a commit is a round trip, more waits. With LangGraph's durability "async", its default, a step
is stored while the next one runs: so it is held until the next one ends, for `PAUSE` at most, and a
run of one quick node is one round trip. LangGraph puts a checkpoint when its last put has returned;
so the put of one that is held returns when a task of its step has written something: the graph goes
on then, and the next entry is not far. When a graph returns, all that it put is committed.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from threading import Lock

from graphwright_checkpoints.database import Database, Placed, Stale
from graphwright_checkpoints.entries import Entry, Put, Writes
from graphwright_checkpoints.errors import ValueNotStored

PAUSE = 0.002  # seconds that a step waits for the next one
LATE = 0.001  # seconds; a loop that calls back later than this is busy with other runs
TURNS = 12  # of a busy loop, which a step waits then: in fewer none of its runs can make a step

logger = logging.getLogger(__name__)


class Held:
    """The entries of a thread that wait for the next one."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.loop = asyncio.get_running_loop()
        self.timer: asyncio.TimerHandle | None = None

    @property
    def has_step(self) -> bool:
        """Whether there is a checkpoint, other than an input's, for which the graph goes on."""
        return any([isinstance(each, Put) and not each.is_input for each in self.entries])

    def takes_along(self, entry: Entry) -> bool:
        """Whether it is writes for an input that waits: the checkpoint that follows has both."""
        first = self.entries[0] if self.entries else entry
        return first.new.address == entry.new.address and first.is_input and entry.new.passing

    def add(self, entry: Entry) -> None:
        """Have an entry wait; the put of a checkpoint returns once there are writes for it."""
        if entry.is_awaited:  # those of an input are not
            same = [each for each in self.entries if each.new.address == entry.new.address]
            for put, writes in [(each, entry) for each in same] + [(entry, each) for each in same]:
                if isinstance(put, Put) and isinstance(writes, Writes):
                    put.settle()
        self.entries.append(entry)


class Puts:
    """Stores entries: at once, or held back for the next ones of their run."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ticks = database.ticks
        self._lock = Lock()  # of `_held` and what is in it: threads take from it
        self._held: dict[str, Held] = {}
        self._landing: dict[str, asyncio.Task[None]] = {}
        """By thread, entries that nothing followed. A failure that nobody was told stays here."""

    def store(self, entry: Entry) -> None:
        """Encode and store an entry; it is committed when this returns."""
        entry.encode()
        self.settle(entry.new.address.thread_id)
        self._store(entry)

    async def astore(self, entry: Entry) -> None:
        """`store`, on the event loop; or wait for the next entry of the run, see above."""
        if not entry.encode_inline():
            await asyncio.to_thread(entry.encode)
        thread_id = entry.new.address.thread_id
        if self._landing:
            await self._landed(thread_id)
        held = self._held.get(thread_id)
        if entry.is_input or (held is not None and held.takes_along(entry)):
            self._hold(thread_id, entry)
        elif not self._ticks and self._may_wait(held, entry):
            settled = entry.settled()
            self._hold(thread_id, entry)
            await settled
        else:
            await self._commit([*self._take(thread_id), entry])

    def settle(self, thread_id: str | None) -> None:
        """Store what is held of a thread, or of all threads."""
        for each in [thread_id] if thread_id is not None else list(self._held):
            entries = list(self._take(each))
            try:
                while entries:
                    self._store(entries[0])
                    del entries[0]
            except BaseException as error:
                _tell(entries, error)
                raise

    async def land(self, thread_id: str | None = None) -> None:
        """`settle`, on the event loop. Raises what kept an entry from being stored."""
        if not (self._held or self._landing):
            return
        known = {*self._held, *self._landing}
        for each in known if thread_id is None else known & {thread_id}:
            await self._landed(each)
            if entries := self._take(each):
                await self._commit(entries)

    def _hold(self, thread_id: str, entry: Entry) -> None:
        with self._lock:
            if (held := self._held.get(thread_id)) is None:
                held = self._held[thread_id] = Held()
                self._expect_more(thread_id, held, TURNS)
            held.add(entry)

    def _may_wait(self, held: Held | None, entry: Entry) -> bool:
        """Whether to wait for the next entry. Of two steps, the second takes the first along."""
        if not entry.may_wait:
            return False
        return isinstance(entry, Writes) or held is None or not held.has_step

    def _take(self, thread_id: str) -> Sequence[Entry]:
        if not self._held:
            return ()
        with self._lock:
            held = self._held.pop(thread_id, None)
        if held is None:
            return ()
        if held.timer is not None and held.loop is asyncio._get_running_loop():
            held.timer.cancel()
        return held.entries

    def _expect_more(self, thread_id: str, held: Held, turns: int) -> None:
        if self._ticks:
            return self._ticks.at_end(self._expire, thread_id, held, 0, 0)
        due = held.loop.time() + PAUSE
        held.timer = held.loop.call_at(due, self._expire, thread_id, held, due, turns)

    def _expire(self, thread_id: str, held: Held, due: float, turns: int) -> None:
        if self._held.get(thread_id) is not held:
            return
        if turns and held.loop.time() - due > LATE:
            self._expect_more(thread_id, held, turns - 1)
            return
        landing = held.loop.create_task(self._commit_unasked(self._take(thread_id)))
        self._landing[thread_id] = landing
        landing.add_done_callback(partial(self._arrived, thread_id))

    async def _landed(self, thread_id: str) -> None:
        if (landing := self._landing.get(thread_id)) is not None:
            try:
                await asyncio.shield(landing)
            finally:
                if landing.done():
                    self._landing.pop(thread_id, None)

    def _arrived(self, thread_id: str, landing: asyncio.Task[None]) -> None:
        if landing.cancelled() or (error := landing.exception()) is None:
            if self._landing.get(thread_id) is landing:
                del self._landing[thread_id]
        else:
            logger.warning("A checkpoint of thread %r is not stored: %s", thread_id, error)

    async def _commit_unasked(self, entries: Sequence[Entry]) -> None:
        is_awaited = any([each.is_awaited for each in entries])
        try:
            await self._commit(entries)
        except BaseException:
            if not is_awaited:
                raise

    async def _commit(self, entries: Sequence[Entry]) -> None:
        """Commit entries, and let who waits for them go on. A failure is told to all of those."""
        try:
            placed = await self._database.ainsert([each.new for each in entries])
        except BaseException as error:
            await self._commit_anyway(entries, error)
        else:
            _note(entries, placed)

    async def _commit_anyway(self, entries: Sequence[Entry], reason: BaseException) -> None:
        """Commit entries in the way that is left after a failure, or raise."""
        try:
            if isinstance(reason, Stale):
                for each in entries:
                    if not each.encode_inline(trusting=False):
                        await asyncio.to_thread(each.encode, trusting=False)
                _note(entries, await self._database.ainsert([each.new for each in entries]))
            elif isinstance(reason, ValueNotStored) and len(entries) > 1:
                # One of them is at fault: what came before it is stored.
                for each in entries:
                    await self._commit([each])
            else:
                raise reason
        except BaseException as error:
            _tell(entries, error)
            raise

    def _store(self, entry: Entry) -> None:
        try:
            placed = self._database.insert(entry.new)
        except Stale:
            entry.encode(trusting=False)
            placed = self._database.insert(entry.new)
        entry.placed(placed)


def _note(entries: Sequence[Entry], placed: Sequence[Placed]) -> None:
    for each, place in zip(entries, placed, strict=True):
        each.placed(place)


def _tell(entries: Sequence[Entry], error: BaseException) -> None:
    for each in entries:
        each.settle(error)
