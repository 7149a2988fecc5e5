"""Fresh, empty databases of each kind, and what their raw tables hold.

A new kind is one entry of `KINDS`: a context manager that gives a `Stored`. Tests run on every
kind; a module that is about some of them has a `fresh` of its own: `fresh = fresh_of(KINDS)`.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row
from tests.postgres import PostgresServer

from graphwright_checkpoints.records import decode_references
from graphwright_checkpoints.spans import expand

TABLES = ("threads", "checkpoints", "writes", "elements")

Row = dict[str, Any]


class Stored(ABC):
    """What a database holds, without asking the saver."""

    batches: Sequence[str]
    """The constants that limit how much one transaction deletes."""
    kills = 1.0
    """Which part of kills and other repetitions this kind can be given in reasonable time."""

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def rows(self, table: str) -> list[Row]:
        """All rows of one of `TABLES`, of "keys", or of "doomed_blobs".

        Of each kind of database, an element has its `thread`, `number`, `digest` and `data`; a
        checkpoint its `thread`, `checkpoint_id`, `body`, `metadata` and `refs`; a write its
        `thread` and `refs`; a key its `type`.
        """

    @abstractmethod
    def interrupt_deletion(self) -> None:
        """Leave all threads as a deletion leaves them that was killed after its first step."""

    def counts(self) -> list[int]:
        """How many rows each of `TABLES` has."""
        return [len(self.rows(table)) for table in TABLES]

    def elements(self) -> set[tuple[int, int]]:
        """Thread and number of each element."""
        return {(row["thread"], row["number"]) for row in self.rows("elements")}

    def referred(self) -> set[tuple[int, int]]:
        """Thread and number of each element that something refers to."""
        return {
            (row["thread"], number)
            for table in ("checkpoints", "writes")
            for row in self.rows(table)
            for reference in decode_references(row["refs"])
            for number in expand(reference.spans)
        }

    def content(self) -> bytes:
        """Everything that is stored, one value after the other."""
        values = [value for table in TABLES for row in self.rows(table) for value in row.values()]
        return b" ".join(v if isinstance(v, bytes) else str(v).encode() for v in values)


class StoredInSql(Stored):
    """A database of SQL."""

    prefix = ""
    """Of the tables' names."""

    @abstractmethod
    def execute(self, statement: str) -> list[Row]:
        """The rows that a statement gives."""

    def rows(self, table: str) -> list[Row]:
        name = "checkpoints" if table == "checkpoints" else f"checkpoint_{table}"
        return self.execute(f"SELECT * FROM {self.prefix}{name}")


class StoredInSqlite(StoredInSql):
    batches = tuple(
        f"graphwright_checkpoints.sqlite.deleting.{size}"
        for size in ("BATCH", "CHECKPOINTS", "ELEMENTS")
    )

    def rows(self, table: str) -> list[Row]:
        rows = super().rows(table)
        if table == "elements":
            rows = [{**r, "thread": r["id"] >> 32, "number": r["id"] & 2**32 - 1} for r in rows]
        return rows

    def interrupt_deletion(self) -> None:
        self.execute("UPDATE checkpoint_threads SET thread_id = NULL")

    def execute(self, statement: str) -> list[Row]:
        with self._link() as link, link:
            link.row_factory = sqlite3.Row
            return [dict(row) for row in link.execute(statement)]

    def _link(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self.url.removeprefix("sqlite:///")))


class StoredInPostgres(StoredInSql):
    batches = ("graphwright_checkpoints.postgres.deleting.BATCH",)
    prefix = "graphwright_"

    def interrupt_deletion(self) -> None:
        self.execute("UPDATE graphwright_checkpoint_threads SET id_hash = NULL")

    def execute(self, statement: str) -> list[Row]:
        with psycopg.connect(self.url, row_factory=dict_row) as link:
            cursor = link.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


def stored_at(url: str) -> StoredInSql:
    """What the checkpoints at a URL of SQLite or Postgres have stored."""
    return StoredInSqlite(url) if url.startswith("sqlite") else StoredInPostgres(url)


@contextmanager
def sqlite(request: pytest.FixtureRequest) -> Iterator[Stored]:
    folder: Path = request.getfixturevalue("tmp_path")
    yield StoredInSqlite(f"sqlite:///{folder}/{uuid4().hex}.db")


@contextmanager
def postgres(request: pytest.FixtureRequest) -> Iterator[Stored]:
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database() as url:
        yield StoredInPostgres(url)


KINDS: dict[str, Callable[[pytest.FixtureRequest], AbstractContextManager[Stored]]] = {
    "sqlite": sqlite,
    "postgres": postgres,
}


def fresh_of(
    kinds: Mapping[str, Callable[[pytest.FixtureRequest], AbstractContextManager[Stored]]],
) -> Any:
    """The fixture `fresh`, on some kinds of database."""

    @pytest.fixture(params=list(kinds))
    def fresh(request: pytest.FixtureRequest) -> Iterator[Callable[[], Stored]]:
        """Makes fresh, empty databases of one kind; the test runs once for each kind."""
        with ExitStack() as stack:
            yield lambda: stack.enter_context(kinds[request.param](request))

    return fresh
