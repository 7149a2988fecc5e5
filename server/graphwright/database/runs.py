"""Queries on runs. Which worker may execute one is in `claims`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from graphwright.database.connection import Connection
from graphwright.database.tables import runs

Json = dict[str, Any]

UNFINISHED = ("pending", "running")


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of an assistant on a thread. `kwargs` is what the caller asked for; `worker` is
    the process that holds the lease.
    """

    run_id: str
    tenant: str
    thread_id: str
    assistant_id: str
    status: str
    temporary: bool
    multitask_strategy: str
    metadata: Json
    kwargs: Json
    attempt: int
    position: int
    due_at: datetime
    created_at: datetime
    updated_at: datetime
    worker: str | None = None
    lease_until: datetime | None = None
    stop: str | None = None
    idempotency_key: str | None = None
    request_digest: str | None = None
    usage: Json | None = None

    @property
    def kept(self) -> bool:
        """Whether its events go into the record: not those of a run that nobody comes back to."""
        return not self.temporary or self.idempotency_key is not None


def is_unfinished(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether a row of runs, or of an alias of them, is not over."""
    # As the index on such rows says it, which no database would use for parameters.
    return table.c.status.in_([sa.literal_column(f"'{status}'") for status in UNFINISHED])


COLUMNS = [runs.c[name] for name in Run.__slots__]

# Built once: putting a statement together takes SQLAlchemy several times as long as SQLite takes
# to run it.
# An UPDATE keeps the names of its columns for the values that it sets.
_is_run = sa.and_(runs.c.run_id == sa.bindparam("id"), runs.c.tenant == sa.bindparam("owner"))
_is_on_thread = sa.and_(
    runs.c.thread_id == sa.bindparam("thread_id"), runs.c.tenant == sa.bindparam("tenant")
)
_GET = sa.select(*COLUMNS).where(_is_run)
_WITH_KEY = sa.select(*COLUMNS).where(
    runs.c.tenant == sa.bindparam("owner"), runs.c.idempotency_key == sa.bindparam("key")
)
_INSERT = sa.insert(runs)
_DELETE = sa.delete(runs).where(_is_run)
_DELETE_OF_THREAD = sa.delete(runs).where(_is_on_thread)
_OF_THREAD = sa.select(*COLUMNS).where(_is_on_thread).order_by(runs.c.position.desc())
_UNFINISHED_OF_THREAD = _OF_THREAD.where(is_unfinished(runs))
_INTERRUPT_PENDING = (
    sa.update(runs)
    .where(_is_run, runs.c.status == "pending")
    .values(status="interrupted", updated_at=sa.bindparam("now"))
)
_ASK_TO_STOP = (
    sa.update(runs)
    .where(_is_run, runs.c.status == "running")
    .values(stop=sa.bindparam("how"), updated_at=sa.bindparam("now"))
)
_HAS_UNFINISHED = sa.select(
    sa.exists().where(runs.c.thread_id == sa.bindparam("thread_id"), is_unfinished(runs))
)


async def get(connection: Connection, tenant: str, run_id: str) -> Run | None:
    """The run with this id."""
    found = await connection.execute(_GET, {"owner": tenant, "id": run_id})
    row = found.first()
    return Run(**row._asdict()) if row else None


async def with_key(connection: Connection, tenant: str, key: str) -> Run | None:
    """The run with this idempotency key."""
    found = await connection.execute(_WITH_KEY, {"owner": tenant, "key": key})
    row = found.first()
    return Run(**row._asdict()) if row else None


async def insert(connection: Connection, run: Run) -> bool:
    """Insert a run; False if its idempotency key is taken."""
    values = {name: getattr(run, name) for name in Run.__slots__}
    if run.idempotency_key is None:
        await connection.execute(_INSERT, values)
        return True
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    # Not by the row count: SQLAlchemy does not keep it of every INSERT.
    made = insert(runs).on_conflict_do_nothing().returning(runs.c.run_id)
    return (await connection.execute(made, values)).first() is not None


async def delete(connection: Connection, tenant: str, run_id: str) -> None:
    """Delete one run."""
    await connection.execute(_DELETE, {"owner": tenant, "id": run_id})


async def delete_of_thread(connection: Connection, tenant: str, thread_id: str) -> None:
    """Delete all runs of a thread."""
    await connection.execute(_DELETE_OF_THREAD, {"tenant": tenant, "thread_id": thread_id})


async def of_thread(
    connection: Connection,
    tenant: str,
    thread_id: str,
    *,
    status: str | None,
    limit: int,
    offset: int,
) -> Sequence[Run]:
    """One page of a thread's runs, newest first."""
    query = _OF_THREAD if status is None else _OF_THREAD.where(runs.c.status == status)
    found = await connection.execute(
        query.limit(limit).offset(offset), {"tenant": tenant, "thread_id": thread_id}
    )
    return [Run(**row._asdict()) for row in found]


async def unfinished(connection: Connection, tenant: str, thread_id: str) -> Sequence[Run]:
    """A thread's runs that are not over, newest first."""
    found = await connection.execute(
        _UNFINISHED_OF_THREAD, {"tenant": tenant, "thread_id": thread_id}
    )
    return [Run(**row._asdict()) for row in found]


async def edit(connection: Connection, tenant: str, run_id: str, **values: Any) -> None:
    """Set columns of one run."""
    await connection.execute(
        sa.update(runs).where(_is_run).values(**values), {"owner": tenant, "id": run_id}
    )


async def interrupt_pending(
    connection: Connection, tenant: str, run_id: str, now: datetime
) -> bool:
    """End a run that has not started; False if it has."""
    found = await connection.execute(
        _INTERRUPT_PENDING, {"owner": tenant, "id": run_id, "now": now}
    )
    return bool(found.rowcount)


async def ask_to_stop(
    connection: Connection, tenant: str, run_id: str, how: str, now: datetime
) -> None:
    """Note that a running run is to stop, whatever happens to its worker."""
    await connection.execute(_ASK_TO_STOP, {"owner": tenant, "id": run_id, "how": how, "now": now})


async def has_unfinished(connection: Connection, thread_id: str) -> bool:
    """Whether a thread, whoever's, has a run that is not over."""
    found = await connection.execute(_HAS_UNFINISHED, {"thread_id": thread_id})
    return bool(found.scalar_one())
