"""Postgres: a cursor in a read-only transaction.

Only a single SELECT can be declared as a cursor, so that the server itself refuses everything
else. Two things it does not know: that a function may have an effect in spite of the transaction
(all of these are declared volatile), and which tables the model may read. The functions are looked
up by their names before the statement runs. The tables are those on which the server holds a lock
once it has read the statement, and before it has run any of it; where the statement does not say
a table's name, it is read through a view or a partitioned table that is among them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from sqlalchemy import URL, Connection, NullPool, create_engine

from graphwright_tools.sql.dialects import CONNECT_TIMEOUT, Allowed, Rows, refused_function
from graphwright_tools.sql.lexer import POSTGRES, Token, called, check_kind, tokens
from graphwright_tools.sql.parameters import Parameters, percent_style
from graphwright_tools.sql.records import number

BATCH: Final = 20  # rows that are fetched at once
LONGEST_VALUE: Final = 100_000  # characters of a value that leave the server
BYTEA: Final = 17  # the number of its type
# Values come as text; these make data of it, by the numbers of the types.
READERS: Final[Mapping[int, Callable[[str], Any]]] = {
    16: lambda text: text == "true",
    **dict.fromkeys((20, 21, 23, 26), int),
    **dict.fromkeys((700, 701), float),
    **dict.fromkeys((114, 3802), json.loads),
    1700: number,
}
LONGEST_NAME: Final = 63  # bytes; the server cuts longer ones off

# Volatile, but they change nothing that lasts.
HARMLESS: Final = frozenset(
    {"random", "random_normal", "gen_random_uuid", "uuidv4", "uuidv7", "clock_timestamp"}
    | {"timeofday", "bernoulli", "system"}
)
# They read tables that a text names, or the server's settings and sessions; only some of them are
# declared volatile.
INDIRECT: Final = (
    "^(table|schema|database|query|cursor)_to_xml|^(ts_stat|ts_rewrite|current_setting)$"
    "|^pg_(?!(typeof|size_pretty|column_size|input_is_valid)$)"
)
# A function that is not the server's own may read any table, if it is not immutable.
FUNCTIONS: Final = """
SELECT p.proname FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.proname = ANY(%s) AND (p.provolatile = 'v' OR p.proname ~ %s
    OR (%s AND p.provolatile = 's' AND n.nspname <> 'pg_catalog'))
"""
LOCKED: Final = """
SELECT DISTINCT relation::bigint FROM pg_catalog.pg_lock_status()
WHERE locktype = 'relation' AND pid = pg_catalog.pg_backend_pid()
"""
RELATIONS: Final = """
SELECT c.relname, n.nspname, n.nspname = current_schema(),
    n.nspname ~ '^pg_' OR n.nspname = 'information_schema'
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY(%s) AND c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S')
"""

Driver = psycopg.Connection[Any]


class Postgres:
    """Reads a database of a server."""

    errors = psycopg.Error

    def connect(self, url: URL, timeout: float) -> Connection:
        """Connect."""
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            poolclass=NullPool,
            connect_args={"connect_timeout": CONNECT_TIMEOUT, "prepare_threshold": None},
        )
        return engine.connect().execution_options(postgresql_readonly=True)

    def begin(self, connection: Connection, timeout: float) -> None:
        """Begin a transaction that can only read."""
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {round(timeout * 1000)}")
        # The lexer reads backslashes in strings as the standard does.
        connection.exec_driver_sql("SET LOCAL standard_conforming_strings = on")

    @contextmanager
    def select(
        self, connection: Connection, statement: str, allowed: Allowed, parameters: Parameters
    ) -> Iterator[Rows]:
        """Declare a cursor for a statement, and read it if its tables are allowed."""
        driver = _driver(connection)
        found = tokens(statement, POSTGRES)
        check_kind(found)
        _check_functions(driver, {_cut(name) for name in called(found)}, allowed)
        with driver.cursor(name="graphwright_asked") as cursor:
            cursor.execute(*_bound(statement, parameters))
            _check_tables(driver, {_cut(token.text) for token in _names(found)}, allowed)
            columns = list(cursor.description or ())
        with driver.cursor(name="graphwright_written") as cursor:
            cursor.execute(*_bound(_written(statement, columns), parameters))
            readers = [READERS.get(column.type_code) for column in columns]
            yield Rows([column.name for column in columns], _fetched(cursor), readers)

    def stop(self, connection: Connection) -> None:
        """Ask the server to cancel the statement."""
        _driver(connection).cancel_safe(timeout=CONNECT_TIMEOUT)

    def is_stop(self, error: BaseException) -> bool:
        """Whether the statement was cancelled, by us or by its time limit."""
        return isinstance(error, psycopg.errors.QueryCanceled)

    def said(self, error: BaseException) -> str:
        """The server's message, and its hint, which often names what would be right."""
        if not isinstance(error, psycopg.Error):
            return str(error)
        parts = (error.diag.message_primary or str(error), error.diag.message_hint)
        return " ".join(part for part in parts if part)


def _driver(connection: Connection) -> Driver:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def _bound(statement: str, parameters: Parameters) -> tuple[bytes, Parameters | None]:
    if not parameters:
        return statement.encode(), None
    return percent_style(statement, parameters, POSTGRES).encode(), parameters


def _cut(name: str) -> str:
    return name.encode()[:LONGEST_NAME].decode(errors="ignore")


def _names(found: Iterable[Token]) -> Iterator[Token]:
    return (token for token in found if token.is_named)


def _check_functions(driver: Driver, names: set[str], allowed: Allowed) -> None:
    asked = sorted(names - HARMLESS - allowed.functions)
    # Rolled back, so that it leaves no locks on the tables that it reads.
    with driver.transaction(force_rollback=True):
        limited = allowed.tables is not None
        refused = driver.execute(FUNCTIONS, (asked, INDIRECT, limited)).fetchone()
    if refused:
        raise refused_function(refused[0])


def _check_tables(driver: Driver, names: set[str], allowed: Allowed) -> None:
    locked = [row[0] for row in driver.execute(LOCKED)]
    for name, schema, is_usual, is_system in driver.execute(RELATIONS, (locked,)):
        full = name if is_usual else f"{schema}.{name}"
        is_listed = allowed.tables is not None and allowed.has_table(name, schema)
        is_allowed = allowed.has_table(full) and not is_system
        if name in names and not (is_allowed or is_listed):
            raise allowed.refused_table(full)


def _written(statement: str, columns: Sequence[psycopg.Column]) -> str:
    """The statement with every value as text and cut on the server: one may have a gigabyte.

    It stands in parentheses as it is, which is safe: the server has read it as a whole query.
    """
    names = [f"c{number}" for number in range(len(columns))]
    values = [
        f"'<' || length({name}) || ' bytes>'"
        if column.type_code == BYTEA
        else f"left({name}::text, {LONGEST_VALUE})"
        for name, column in zip(names, columns, strict=True)
    ]
    return f"SELECT {', '.join(values)} FROM (\n{statement}\n) AS asked ({', '.join(names)})"


def _fetched(cursor: psycopg.ServerCursor[Any]) -> Iterator[tuple[Any, ...]]:
    while batch := cursor.fetchmany(BATCH):
        yield from batch
