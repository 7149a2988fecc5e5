"""Queries on runs that are over, for whoever deletes what is old."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from graphwright.database.connection import Connection
from graphwright.database.runs import UNFINISHED
from graphwright.database.tables import runs

_other = runs.alias()
_is_ended = sa.and_(
    runs.c.status.not_in(UNFINISHED),
    runs.c.updated_at < sa.bindparam("before"),
    sa.exists().where(_other.c.thread_id == runs.c.thread_id, _other.c.position > runs.c.position),
)
_ENDED = (
    sa.select(runs.c.run_id, _is_ended.label("is_ended"))
    .where(runs.c.run_id > sa.bindparam("after"), runs.c.run_id < sa.bindparam("youngest"))
    .order_by(runs.c.run_id)
    .limit(sa.bindparam("count"))
)
_DELETE_SOME = sa.delete(runs).where(runs.c.run_id.in_(sa.bindparam("ids", expanding=True)))
_DELETE_TEMPORARY = sa.delete(runs).where(
    runs.c.temporary,
    runs.c.status.not_in(UNFINISHED),
    runs.c.updated_at < sa.bindparam("before"),
)
_DELETE_UNKEYED = _DELETE_TEMPORARY.where(runs.c.idempotency_key.is_(None))
_DELETE_KEYED = _DELETE_TEMPORARY.where(runs.c.idempotency_key.is_not(None))


async def delete_temporary(
    connection: Connection, *, finished_before: datetime, keyed_before: datetime
) -> None:
    """Delete runs without a thread whose events nobody can read any more; those with an idempotency
    key have a time of their own.
    """
    # Each has its index, since a day's runs may have keys and are not to be looked through.
    await connection.execute(_DELETE_UNKEYED, {"before": finished_before})
    await connection.execute(_DELETE_KEYED, {"before": keyed_before})


async def ended(
    connection: Connection, before: datetime, after: str, limit: int
) -> Sequence[tuple[str, bool]]:
    """A page of the runs that were created before a time, from an id on: whether each has ended
    before it and is not its thread's newest.
    """
    # Ids tell when a run was created, and are the one order that has an index.
    moment = f"{int(before.timestamp() * 1000):012x}"
    found = await connection.execute(
        _ENDED,
        {
            "before": before,
            "after": after,
            "youngest": f"{moment[:8]}-{moment[8:]}",
            "count": limit,
        },
    )
    return [(row.run_id, bool(row.is_ended)) for row in found]


async def delete_some(connection: Connection, run_ids: Sequence[str]) -> None:
    """Delete these runs, whoever's they are."""
    await connection.execute(_DELETE_SOME, {"ids": list(run_ids)})
