"""SQLite: a file opened for reading only, and an authorizer that sees every table and function."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, NullPool, create_engine

from graphwright_tools.errors import NotConfigured, Refused
from graphwright_tools.sql.dialects import CONNECT_TIMEOUT, Allowed, Rows, refused_function
from graphwright_tools.sql.parameters import Parameters

LONGEST_VALUE: Final = 10_000_000  # bytes of a text or blob, also on the way to a result
STEPS: Final = 10_000  # of SQLite's machine between two looks at whether to stop
OFFERED: Final = frozenset({"json_each", "json_tree"})  # functions that stand where tables do
DENIED: Final = frozenset({"load_extension", "fts3_tokenizer"})


class SqliteConnection(sqlite3.Connection):
    """A connection that can be told to stop before its statement begins, too."""

    is_stopped = False


class Sqlite:
    """Reads a database file."""

    errors = sqlite3.Error

    def connect(self, url: URL, timeout: float) -> Connection:
        """Open the file, which must be there."""
        path = url.database or ""
        if not Path(path).is_file():
            raise NotConfigured(
                "The database's file is not there. An operator must correct the URL; it has the "
                "form sqlite:////folder/file.db. Don't try again."
            )
        engine = create_engine("sqlite://", creator=lambda: _opened(path), poolclass=NullPool)
        return engine.connect()

    def begin(self, connection: Connection, timeout: float) -> None:
        """Nothing: the file is open for reading only, and `stop` ends what takes too long."""

    @contextmanager
    def select(
        self, connection: Connection, statement: str, allowed: Allowed, parameters: Parameters
    ) -> Iterator[Rows]:
        """Run a statement under an authorizer."""
        driver, refusals = _driver(connection), list[Refused]()

        def authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
            refusal = _refusal(action, first or "", second or "", allowed)
            if refusal is None:
                return sqlite3.SQLITE_OK
            refusals.append(refusal)
            return sqlite3.SQLITE_DENY

        driver.set_authorizer(authorize)
        try:
            with closing(driver.cursor()) as cursor:
                cursor.execute(statement, parameters)
                yield Rows([column[0] for column in cursor.description or ()], cursor)
        except sqlite3.Error:
            if refusals:
                raise refusals[0] from None
            raise

    def stop(self, connection: Connection) -> None:
        """Let the progress handler end the statement."""
        _driver(connection).is_stopped = True

    def is_stop(self, error: BaseException) -> bool:
        """Whether SQLite was interrupted."""
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT

    def said(self, error: BaseException) -> str:
        """SQLite's own words."""
        return str(error)


def _opened(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(Path(path).absolute()))}?mode=ro",
        uri=True,
        timeout=CONNECT_TIMEOUT,
        check_same_thread=False,
        factory=SqliteConnection,
    )
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.set_progress_handler(lambda: connection.is_stopped, STEPS)
    return connection


def _driver(connection: Connection) -> SqliteConnection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, SqliteConnection)
    return driver


def _refusal(action: int, first: str, second: str, allowed: Allowed) -> Refused | None:
    """Why SQLite may not do something, or None if it may; the names depend on the action."""
    match action:
        case sqlite3.SQLITE_SELECT | sqlite3.SQLITE_RECURSIVE:
            return None
        case sqlite3.SQLITE_READ:
            readable = first in OFFERED or allowed.has_table(first)
            return None if readable else allowed.refused_table(first)
        case sqlite3.SQLITE_FUNCTION:
            name = second.lower()
            is_denied = name in DENIED and name not in allowed.functions
            return refused_function(second) if is_denied else None
    return Refused(
        "Only a SELECT is allowed here: nothing can be changed, and there is no PRAGMA or ATTACH."
    )
