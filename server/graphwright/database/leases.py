"""Queries on leases: who does a chore that one process at a time may do.

A thread's id is the name of a chore too: while somebody holds it, none of its runs is claimed.
"""

from datetime import datetime

import sqlalchemy as sa

from graphwright.database.connection import Connection
from graphwright.database.tables import leases

_is_lease = leases.c.name == sa.bindparam("chore")
_is_mine = sa.and_(_is_lease, leases.c.holder == sa.bindparam("by"))
_TAKE = (
    sa.update(leases)
    .where(
        _is_lease,
        sa.or_(leases.c.until <= sa.bindparam("now"), leases.c.holder == sa.bindparam("by")),
    )
    .values(holder=sa.bindparam("by"), until=sa.bindparam("end"))
)
_INSERT = (
    sa.insert(leases)
    .from_select(
        ["name", "holder", "until"],
        sa.select(
            sa.bindparam("chore", type_=sa.Text),
            sa.bindparam("by", type_=sa.Text),
            sa.bindparam("end", type_=leases.c.until.type),
        ).where(~sa.exists().where(_is_lease)),
    )
    .returning(leases.c.name)
)  # drivers count such rows differently
_RELEASE = sa.delete(leases).where(_is_mine)


async def take(
    connection: Connection, name: str, holder: str, now: datetime, until: datetime
) -> bool:
    """Take a lease, or prolong one's own; False while somebody else has it."""
    values = {"chore": name, "by": holder, "now": now, "end": until}
    if (await connection.execute(_TAKE, values)).rowcount > 0:
        return True
    values.pop("now")
    return (await connection.execute(_INSERT, values)).first() is not None


async def release(connection: Connection, name: str, holder: str) -> None:
    """Give a lease back; one that somebody else has stays theirs."""
    await connection.execute(_RELEASE, {"chore": name, "by": holder})
