"""Opening the record, and its transactions.

On SQLite a statement takes microseconds, less than handing it to a thread would: it runs inline on
the event loop. The rule that makes this safe: between `begin()` and its end, await nothing but the
connection.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import orjson
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from graphwright.database.tables import REVISION
from graphwright.errors import DatabaseError

BUSY_TIMEOUT = 5_000  # milliseconds to wait for another process that is writing


class Connection(Protocol):
    """What a query needs: SQLAlchemy's `AsyncConnection`, or the inline one for SQLite."""

    @property
    def dialect(self) -> sa.Dialect:
        """Tells a query which SQL to speak, where the two differ."""
        ...

    async def execute(
        self, statement: sa.Executable, parameters: dict[str, Any] | None = None, /
    ) -> sa.CursorResult[Any]:
        """Run one statement."""
        ...


class Database:
    """The record behind a URL. Build it, `open` it, then use `begin` and `connect`."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        if self._url.get_backend_name() != "sqlite":
            raise DatabaseError(
                f"database {self._url.render_as_string()}: expected a URL like sqlite:///file.db"
            )
        self._write_lock = asyncio.Lock()

    def open(self) -> None:
        """Open the file, creating it where there is none, and bring its tables up to date."""
        try:
            self._engine = _sqlite_engine(self._url)
            self._writer = self._engine.connect()
            _migrate(self._writer)
            self._reader = self._engine.connect()
        except (DBAPIError, OSError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise DatabaseError(
                f"database {self._url.database}: {cause}. "
                "Check that the file is a SQLite database and that you may "
                "read and write it and its folder, or name another with --database."
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        self._writer.close()
        self._reader.close()
        self._engine.dispose()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Keep the record open."""
        self.open()
        try:
            yield
        finally:
            self.close()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Connection]:
        """A transaction that writes: committed at the end, rolled back on an exception."""
        async with self._write_lock:
            with self._writer.begin():
                # Taken at once: a transaction that reads before it writes could be refused later.
                self._writer.exec_driver_sql("BEGIN IMMEDIATE")
                yield _Inline(self._writer)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        """A connection for reading."""
        with self._reader.begin():
            yield _Inline(self._reader)


class _Inline:
    """A plain connection behind `AsyncConnection`'s words."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> sa.Dialect:
        return self._connection.dialect

    async def execute(
        self, statement: sa.Executable, parameters: dict[str, Any] | None = None, /
    ) -> sa.CursorResult[Any]:
        return self._connection.execute(statement, parameters)


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        json_serializer=_to_json,
        json_deserializer=_from_json,
        connect_args={"check_same_thread": False},
        poolclass=None if url.database else StaticPool,
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _to_json(value: Any) -> str:
    """JSON text; `orjson.Fragment` passes text that is JSON already."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # an integer past 64 bits, or a lone surrogate
        return json.dumps(value)


def _from_json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # a lone surrogate
        return json.loads(text)


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _migrate(connection: sa.Connection) -> None:
    with connection.begin():
        if sa.inspect(connection).has_table("alembic_version"):
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
            if found.scalar() == REVISION:
                return
        # Imported late: Alembic takes as long to import as the rest of the service does.
        from graphwright.database.migrations import upgrade  # noqa: PLC0415

        upgrade(connection)
