"""What a worker does beside its runs: it renews their leases, and finds what was left behind."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence, Set
from datetime import UTC, datetime, timedelta

from graphwright.database import Connection, Database, claims, ended_runs, events
from graphwright.database.claims import LEASE
from graphwright.engine import RESUMABLE_LOG_TTL, Engine, Signal
from graphwright.repeating import repeatedly

SWEEP_INTERVAL = 1.0  # seconds between looks for runs that are due or were left behind
RENEW_INTERVAL = 5.0  # seconds

log = logging.getLogger(__name__)


class Chores:
    """One worker's. `under_way` tells the runs that it has now; `keep_events` is how long the
    events of runs are kept.
    """

    def __init__(
        self,
        database: Database,
        engine: Engine,
        under_way: Callable[[], Set[str]],
        keep_events: timedelta,
    ) -> None:
        self._database = database
        self._engine = engine
        self._under_way = under_way
        self._keep_events = keep_events

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Do them while the context lasts."""
        tasks = [
            asyncio.create_task(repeatedly(self._sweep, SWEEP_INTERVAL)),
            asyncio.create_task(repeatedly(self._renew, RENEW_INTERVAL)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _sweep(self) -> None:
        """Wake threads whose run became due, or lost its worker; stop runs that another process was
        asked to stop; drop what is left of temporary runs, and old events.
        """
        async with self._database.begin() as connection:
            waiting, to_stop = await self.sweep(connection, datetime.now(UTC))
        for run_id, how in to_stop:
            await self._engine.signal(run_id, Signal(how))
        for thread_id in waiting:
            await self._engine.wake(thread_id)

    async def sweep(
        self, connection: Connection, now: datetime
    ) -> tuple[Sequence[str], Sequence[tuple[str, str]]]:
        """Drop what is too old. The threads that wait for this process, and the runs of its that
        are to stop, each with how.
        """
        gone, old = now - timedelta(seconds=RESUMABLE_LOG_TTL), now - self._keep_events
        waiting = await claims.waiting_threads(connection, self._database.process, now)
        to_stop = await claims.to_stop(connection, self._database.process)
        await ended_runs.delete_temporary(
            connection, finished_before=gone, keyed_before=min(gone, old)
        )
        await events.delete_old(connection, before=old)
        return waiting, to_stop

    async def _renew(self) -> None:
        until = datetime.now(UTC) + LEASE
        async with self._database.begin() as connection:
            await claims.renew(connection, self._database.process, self._under_way(), until)
