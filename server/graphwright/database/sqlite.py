"""The record in a SQLite file.

On SQLite a statement takes microseconds, less than handing it to a thread would: it runs inline on
the event loop.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from graphwright.database.connection import Connection
from graphwright.database.schema import migrate
from graphwright.database.values import from_json, to_json
from graphwright.errors import DatabaseError, Unavailable

BUSY_TIMEOUT = 5_000  # milliseconds to wait for another process that is writing
PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
"""Errors that say nothing about a statement: later it may work."""

log = logging.getLogger(__name__)


class SQLiteDatabase:
    """The `Database` of one process. SQLite has one write lock, which serves for every `lock`."""

    shared = False

    def __init__(self, url: sa.URL) -> None:
        self.process = str(uuid4())
        self._url = url
        self._write_lock = asyncio.Lock()
        self._available = True

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Keep the file open; it is created where there is none."""
        self._open()
        try:
            yield
        finally:
            self._writer.close()
            self._reader.close()
            self._engine.dispose()

    def _open(self) -> None:
        try:
            self._engine = _engine(self._url)
            self._writer = self._engine.connect()
            with self._writer.begin():
                self._writer.exec_driver_sql("BEGIN IMMEDIATE")
                migrate(self._writer)
            self._driver = cast(sqlite3.Connection, self._writer.connection.driver_connection)
            self._reader = self._engine.connect()
        except (DBAPIError, OSError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise DatabaseError(
                f"database {self._url.database}: {cause}. "
                "Check that the file is a SQLite database and that you may "
                "read and write it and its folder, or name another with --database."
            ) from error

    @asynccontextmanager
    async def begin(self, lock: str | None = None) -> AsyncIterator[Connection]:
        """A transaction that writes."""
        async with self._write_lock:
            try:
                with self._writer.begin():
                    # At once: a transaction that reads before it writes could be refused later.
                    self._driver.execute("BEGIN IMMEDIATE")
                    yield _Inline(self._writer)
            except (DBAPIError, sqlite3.Error) as error:
                self._tell(error)
                raise
            self._available = True

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        """A connection for reading."""
        try:
            with self._reader.begin():
                yield _Inline(self._reader)
        except (DBAPIError, sqlite3.Error) as error:
            self._tell(error)
            raise

    def _tell(self, error: DBAPIError | sqlite3.Error) -> None:
        """Raise `Unavailable` for an error that may pass; the log has it once, until it has."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        # Of an extended code the first byte is the kind.
        if getattr(cause, "sqlite_errorcode", 0) & 0xFF not in PASSING:
            return
        if self._available:
            log.warning("database %s: %s", self._url.database, cause)
        self._available = False
        raise Unavailable(
            f"database {self._url.database}: {cause}. Make sure that its disk has room and that no"
            " other process holds it, and try again."
        ) from error


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


def _engine(url: sa.URL) -> sa.Engine:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        json_serializer=to_json,
        json_deserializer=from_json,
        connect_args={"check_same_thread": False},
        poolclass=None if url.database else StaticPool,
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
