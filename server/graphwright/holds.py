"""A thread held still: its runs wait while old checkpoints are deleted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from graphwright.database import Connection, Database, leases
from graphwright.database import runs as run_rows
from graphwright.database import threads as thread_rows
from graphwright.repeating import repeatedly

LEASE = timedelta(seconds=15)  # after which the hold of a process that died is over


class Hold:
    """One process's hold on a thread."""

    def __init__(self, database: Database, thread_id: str) -> None:
        self._database = database
        self._thread_id = thread_id
        self._holder = str(uuid4())

    async def take(self) -> bool:
        """Hold the thread for `LEASE` from now on; False if it has a run or another holder."""
        async with self._database.begin() as connection:
            await thread_rows.lock(connection, self._thread_id)
            if await run_rows.has_unfinished(connection, self._thread_id):
                return False
            return await self._take(connection)

    async def renew(self) -> bool:
        """Hold on; False if a run waits, and the thread should be let go soon, or if it is not held
        any more: this process stood still for longer than `LEASE`.
        """
        async with self._database.begin() as connection:
            if not await self._take(connection):
                return False
            return not await run_rows.has_unfinished(connection, self._thread_id)

    async def keep(self) -> None:
        """Hold on for ever, also where the database is away for a moment."""
        interval = LEASE.total_seconds() / 3
        await asyncio.sleep(interval)
        await repeatedly(self.renew, interval)

    async def release(self) -> None:
        """Let the thread's runs go on."""
        async with self._database.begin() as connection:
            await leases.release(connection, self._thread_id, self._holder)

    async def _take(self, connection: Connection) -> bool:
        now = datetime.now(UTC)
        return await leases.take(connection, self._thread_id, self._holder, now, now + LEASE)


@asynccontextmanager
async def held(database: Database, thread_id: str) -> AsyncIterator[Hold | None]:
    """Hold a thread for as long as the context lasts; None if it is in use."""
    hold = Hold(database, thread_id)
    if not await hold.take():
        yield None
        return
    keeping = asyncio.create_task(hold.keep())
    try:
        yield hold
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await hold.release()
