"""The system of record: assistants, threads, runs and store items, on SQLite or on Postgres.

A `Database` hands out transactions; the modules beside it hold every query, each a function of a
connection. Whoever opens a transaction decides what belongs together, and nothing below it commits.
"""

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from graphwright.database.connection import Connection, Database, shown
from graphwright.database.sqlite import SQLiteDatabase
from graphwright.database.tables import DEFAULT_TENANT
from graphwright.errors import DatabaseError

CONNECTIONS = 10  # to a database server, from one process

_EXPECTED = "expected a URL like sqlite:///file.db or postgresql://user:password@host/database"


def database_at(url: str, connections: int = CONNECTIONS) -> Database:
    """The record behind a URL, not yet opened; `connections` is for a database server.

    Raises `DatabaseError` for a URL that names no database of a kind that is served.
    """
    parsed = _parsed(url)
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return SQLiteDatabase(parsed)
    if kind in ("postgresql", "postgres"):
        # Imported late: SQLite needs neither the driver nor SQLAlchemy's part for asyncio.
        from graphwright.database.postgres import PostgresDatabase  # noqa: PLC0415

        return PostgresDatabase(parsed, connections)
    raise DatabaseError(f"database {shown(parsed)}: {_EXPECTED}")


def _parsed(url: str) -> sa.URL:
    unreadable = DatabaseError(
        f"the database's URL cannot be read: {_EXPECTED}. "
        "Signs like @ / : # in a password are written as %40 %2F %3A %23."
    )
    # Nothing of it is shown: where the password has a sign that should have been quoted, any part
    # of the URL may be part of the password.
    try:
        parsed = make_url(url)
    except (ValueError, ArgumentError):
        raise unreadable from None
    if "@" in f"{parsed.host}{parsed.database}" and parsed.host:
        raise unreadable
    return parsed


__all__ = ["CONNECTIONS", "DEFAULT_TENANT", "Connection", "Database", "database_at"]
