"""The events of runs, kept for readers that come later than the process that told them.

A row holds what was told within a few milliseconds, its events one after the other as they are on
the wire: each is two lines. A run's events are found by its id alone: whoever reads them has found
the run by its tenant.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain

import sqlalchemy as sa

from graphwright.database.connection import Connection, Database
from graphwright.database.tables import events, runs
from graphwright.events import Event

ROWS = 16  # that one read takes at most

_is_run = events.c.run_id == sa.bindparam("run")
_INSERT = sa.insert(events)
# The row that has the event, or the first one after it.
_START = sa.func.coalesce(
    sa.select(sa.func.max(events.c.first))
    .where(_is_run, events.c.first <= sa.bindparam("next"))
    .scalar_subquery(),
    sa.bindparam("next"),
)
_READ = (
    sa.select(events.c.first, events.c["count"].label("size"), events.c.data)
    .where(_is_run, events.c.first >= _START)
    .order_by(events.c.first)
    .limit(ROWS)
)
_POSITION = (
    sa.select(events.c.first + events.c["count"] - 1)
    .where(_is_run)
    .order_by(events.c.first.desc())
    .limit(1)
)
_TRIM = sa.delete(events).where(_is_run, events.c.first < sa.bindparam("before"))
_DELETE_OLD = sa.delete(events).where(events.c.created_at < sa.bindparam("before"))
_DELETE_OF_RUN = sa.delete(events).where(_is_run)
_DELETE_OF_THREAD = sa.delete(events).where(
    events.c.run_id.in_(
        sa.select(runs.c.run_id).where(
            runs.c.thread_id == sa.bindparam("thread"), runs.c.tenant == sa.bindparam("owner")
        )
    )
)


class EventArchive:
    """The `Archive` of logs in the record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, run: str, first: int, events: Sequence[bytes]) -> None:
        """Keep events under consecutive ids."""
        row = {"run_id": run, "first": first, "count": len(events), "data": b"".join(events)}
        async with self._database.begin() as connection:
            await connection.execute(_INSERT, {**row, "created_at": datetime.now(UTC)})

    async def read(self, run: str, after: int, size: int) -> Sequence[Event]:
        """The next events after an id."""
        async with self._database.connect() as connection:
            found = await connection.execute(_READ, {"run": run, "next": after + 1})
            rows = found.all()
        taken: list[Event] = []
        for row in rows:
            if row.first + row.size > after + 1:
                taken += [event for event in _split(row.first, row.data) if event.id > after]
                size -= len(row.data)
            if size <= 0:
                break
        return taken

    async def position(self, run: str) -> int:
        """The id of a run's last event."""
        async with self._database.connect() as connection:
            found = await connection.execute(_POSITION, {"run": run})
            return int(found.scalar() or 0)

    async def trim(self, run: str, before: int) -> None:
        """Let go of a run's oldest events."""
        async with self._database.begin() as connection:
            await connection.execute(_TRIM, {"run": run, "before": before})


async def delete_old(connection: Connection, *, before: datetime) -> None:
    """Delete what was told before a moment."""
    await connection.execute(_DELETE_OLD, {"before": before})


async def delete_of_run(connection: Connection, run_id: str) -> None:
    """Delete the events of one run."""
    await connection.execute(_DELETE_OF_RUN, {"run": run_id})


async def delete_of_thread(connection: Connection, tenant: str, thread_id: str) -> None:
    """Delete the events of a thread's runs, before the runs themselves."""
    await connection.execute(_DELETE_OF_THREAD, {"owner": tenant, "thread": thread_id})


def _split(first: int, data: bytes) -> list[Event]:
    lines = data.split(b"\r\n")[:-1]
    pairs = zip(lines[::2], lines[1::2], strict=True)
    return [
        Event(first + offset, b"\r\n".join(chain(pair, (b"",))))
        for offset, pair in enumerate(pairs)
    ]
