"""Accounts of what runs used of models: written with a run's end, asked for by tenants."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from graphwright.database import Connection, Database
from graphwright.database import threads as thread_rows
from graphwright.database import usage as rows
from graphwright.database.runs import Run
from graphwright.database.usage import Wanted
from graphwright.errors import NotFound, Unavailable
from graphwright.metering import Meter, Use

Json = dict[str, Any]


class Accounts:
    """What a tenant's runs used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def search(
        self, tenant: str, wanted: Wanted, by: Sequence[str], *, limit: int, offset: int
    ) -> Json:
        """The sums of what is wanted, and those of its groups where a grouping is asked for."""
        async with self._database.connect() as connection:
            total = await rows.total(connection, tenant, wanted)
            if not by:
                return {"total": total}
            groups = await rows.grouped(connection, tenant, wanted, by, limit=limit, offset=offset)
        return {"total": total, "groups": groups}

    async def of_thread(
        self, tenant: str, thread_id: str, by: Sequence[str], *, limit: int, offset: int
    ) -> Json:
        """What a thread used, also when it has been deleted since."""
        wanted = Wanted(thread_id=thread_id)
        found = await self.search(tenant, wanted, by, limit=limit, offset=offset)
        if not found["total"]["calls"]:
            async with self._database.connect() as connection:
                if await thread_rows.get(connection, tenant, thread_id) is None:
                    raise NotFound(f"Thread with ID {thread_id} not found")
        return found


async def record(connection: Connection, run: Run, meter: Meter, now: datetime) -> Json | None:
    """Write down what an attempt used; what the run used in all, None where it used nothing.

    To write it again changes nothing.
    """
    if uses := meter.uses():
        await rows.insert(connection, [_row(run, use, now) for use in uses])
    elif run.attempt == 1:  # nor can an attempt before have used anything
        return None
    used = await rows.of_run(connection, run.tenant, run.run_id)
    return used if used["calls"] else None


async def keep(database: Database, run: Run, meter: Meter) -> None:
    """Write down what an attempt used that is not its run's last. A stop does not wait for a
    database that is away.
    """
    with suppress(Unavailable):
        async with database.begin() as connection:
            await record(connection, run, meter, datetime.now(UTC))


def _row(run: Run, use: Use, now: datetime) -> Json:
    return {
        "tenant": run.tenant,
        "run_id": run.run_id,
        "attempt": run.attempt,
        "node": use.node,
        "model": use.model,
        "thread_id": None if run.temporary else run.thread_id,
        "graph_id": str(run.metadata["graph_id"]),
        "assistant_id": run.assistant_id,
        "calls": use.calls,
        "unmetered_calls": use.unmetered,
        "input_tokens": use.tokens.input,
        "output_tokens": use.tokens.output,
        "cache_read_tokens": use.tokens.cache_read,
        "cache_write_tokens": use.tokens.cache_write,
        "reasoning_tokens": use.tokens.reasoning,
        "cost": use.cost,
        "created_at": now,
    }
