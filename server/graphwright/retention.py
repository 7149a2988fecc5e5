"""The sweep: what a policy lets go is deleted, a while after the start and then every so often.

It works off the event loop, in small steps, on threads that have no run. A run that comes meanwhile
waits for the step under way, and goes first.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

from rich.filesize import decimal

from graphwright.database import Database, ended_runs, leases, usage
from graphwright.graphs import Graphs
from graphwright.holds import LEASE, Hold, held
from graphwright_checkpoints import Retention, Saver, Swept

NAME = "retention"  # of the lease that the sweeping process has
FIRST_SWEEP = timedelta(minutes=1)  # after the start, which has enough to do
NOTHING = "nothing"  # that a sweep deleted
POLL = 0.05  # seconds between looks whether a run waits for a thread that is swept
RUNS = 200  # rows that one transaction looks at

log = logging.getLogger(__name__)

Wake = Callable[[str], Awaitable[None]]


@dataclass
class Total:
    """What a sweep deleted."""

    threads: int = 0
    checkpoints: int = 0
    bytes: int = 0
    runs: int = 0
    orphans: int = 0
    """Blobs that processes which were killed had left."""
    skipped: int = 0
    """Threads that were in use; they are swept the next time."""

    def add(self, swept: Swept | None) -> None:
        """Count what was deleted of one thread."""
        if swept is not None and swept.checkpoints:
            self.threads += 1
            self.checkpoints += swept.checkpoints
            self.bytes += swept.bytes

    def __str__(self) -> str:
        parts = []
        if self.checkpoints:
            size = decimal(self.bytes)
            parts.append(f"{self.checkpoints:,} checkpoints of {self.threads:,} threads ({size})")
        if self.runs:
            parts.append(f"{self.runs:,} finished runs")
        if self.orphans:
            parts.append(f"{self.orphans:,} orphaned blobs")
        return " and ".join(parts) or NOTHING


class Sweep:
    """Applies a policy to what one database has. `wake` is told of threads whose runs waited;
    accounts of usage have an age of their own.
    """

    def __init__(
        self,
        database: Database,
        policy: Retention,
        wake: Wake,
        *,
        usage_age: timedelta | None = None,
    ) -> None:
        self._database = database
        self._policy = policy
        self._wake = wake
        self._usage_age = usage_age
        self._holder = str(uuid4())

    @contextlib.asynccontextmanager
    async def running(self, graphs: Graphs, every: timedelta) -> AsyncIterator[None]:
        """Sweep while the context lasts; checkpoints that are in memory are left alone."""
        chore = asyncio.create_task(self._repeat(graphs.saver, every))
        try:
            yield
        finally:
            chore.cancel()
            await asyncio.gather(chore, return_exceptions=True)

    async def _repeat(self, saver: object, every: timedelta) -> None:
        await asyncio.sleep(min(FIRST_SWEEP, every).total_seconds())
        while isinstance(saver, Saver):
            try:
                total = await self.once(saver)
                if total is not None and str(total) != NOTHING:
                    log.info("retention deleted %s", total)
            except Exception:  # a database that is away for a while; the next time is soon enough
                log.exception("retention stopped early and will be tried again in %s", every)
            await asyncio.sleep(every.total_seconds())

    async def once(self, saver: Saver) -> Total | None:
        """Sweep everything; None if another process is at it."""
        if not await self._lead():
            return None
        total = Total()
        try:
            threads = saver.threads()
            while (thread_id := await asyncio.to_thread(next, threads, None)) is not None:
                if await asyncio.to_thread(saver.expired, thread_id, self._policy):
                    await self._sweep(saver, thread_id, total)
                    await self._lead()
            total.runs = await self._runs(delete=True)
            total.orphans = await saver.adelete_orphans()
            await self._usage()
        finally:
            async with self._database.begin() as connection:
                await leases.release(connection, NAME, self._holder)
        return total

    async def _lead(self) -> bool:
        now = datetime.now(UTC)
        async with self._database.begin() as connection:
            return await leases.take(connection, NAME, self._holder, now, now + LEASE)

    async def _sweep(self, saver: Saver, thread_id: str, total: Total) -> None:
        async with held(self._database, thread_id) as hold:
            if hold is None:
                total.skipped += 1
                return
            total.add(await self._retain(saver, thread_id, hold))
        await self._wake(thread_id)

    async def _retain(self, saver: Saver, thread_id: str, hold: Hold) -> Swept | None:
        """Apply the policy to a thread until a run waits for it."""
        stop = threading.Event()
        proceed = partial(_is_clear, stop)
        work = asyncio.ensure_future(saver.aretain(thread_id, self._policy, proceed=proceed))
        try:
            while not (await asyncio.wait({work}, timeout=POLL))[0]:
                if not await hold.renew():
                    stop.set()
            return work.result()
        finally:
            stop.set()
            await asyncio.wait({work})  # it ends at its next step

    async def _usage(self) -> None:
        if self._usage_age is not None:
            async with self._database.begin() as connection:
                await usage.delete_old(connection, datetime.now(UTC) - self._usage_age)

    async def preview(self, saver: Saver) -> tuple[list[Swept], int]:
        """What would be deleted of each thread, and how many rows of runs."""
        found = [
            swept
            for thread_id in saver.threads()
            if (swept := await asyncio.to_thread(saver.preview, thread_id, self._policy))
        ]
        return found, await self._runs(delete=False)

    async def _runs(self, *, delete: bool) -> int:
        """The rows of runs that ended before the policy's age, except each thread's newest."""
        if self._policy.age is None:
            return 0
        before = datetime.now(UTC) - self._policy.age
        found, after = 0, ""
        while True:
            async with self._database.begin() as connection:
                page = await ended_runs.ended(connection, before, after, RUNS)
                ended = [run_id for run_id, is_ended in page if is_ended]
                if delete and ended:
                    await ended_runs.delete_some(connection, ended)
            found += len(ended)
            if len(page) < RUNS:
                return found
            after = page[-1][0]
            await asyncio.sleep(0)


def _is_clear(stop: threading.Event) -> bool:
    return not stop.is_set()
