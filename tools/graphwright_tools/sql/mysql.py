"""MySQL and MariaDB: a read-only transaction, and names that are looked at before it begins.

The transaction refuses every change to tables, but not a function that waits or reads a file, nor
a SELECT that writes one. So a statement may call well-known functions only, may not say INTO, and
may say the name of a table only if that may be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Final

import pymysql
from pymysql.cursors import SSCursor
from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from graphwright_tools.errors import NotConfigured, Refused
from graphwright_tools.sql.dialects import CONNECT_TIMEOUT, Allowed, Rows, refused_function
from graphwright_tools.sql.lexer import MYSQL, Token, called, check_kind, tokens
from graphwright_tools.sql.mysql_names import FUNCTIONS, WORDS
from graphwright_tools.sql.parameters import Parameters, percent_style

SYSTEM: Final = frozenset({"information_schema", "performance_schema", "mysql", "sys"})
SIGN: Final = "sign"
OPEN: Final = Token(SIGN, "(")
DOT: Final = Token(SIGN, ".")
# A dot after these begins the name of a table, as in FROM .orders.
BEFORE_TABLE: Final = frozenset({"from", "join", "straight_join", "table"})
STOPPED: Final = frozenset({1317, 1969, 3024})  # interrupted, or too long for MariaDB or MySQL


class MySQL:
    """Reads a database of a server."""

    errors = pymysql.MySQLError

    def connect(self, url: URL, timeout: float) -> Connection:
        """Connect."""
        if not url.database:
            raise NotConfigured(
                "The database's URL names no database. An operator must add it, as in "
                "mysql://user:password@host/database; don't try again."
            )
        engine = create_engine(
            url.set(drivername="mysql+pymysql"),
            poolclass=NullPool,
            connect_args={
                "charset": "utf8mb4",
                "connect_timeout": CONNECT_TIMEOUT,
                "local_infile": False,
                # The server ends a statement sooner; this is for a server that is gone.
                "read_timeout": timeout + CONNECT_TIMEOUT,
            },
        )
        return engine.connect()

    def begin(self, connection: Connection, timeout: float) -> None:
        """Begin a transaction that can only read."""
        # So that the lexer reads quotation marks and backslashes as the server does.
        connection.exec_driver_sql("SET SESSION sql_mode = 'STRICT_TRANS_TABLES'")
        if "mariadb" in str(connection.exec_driver_sql("SELECT version()").scalar()).lower():
            connection.exec_driver_sql(f"SET SESSION max_statement_time = {timeout:f}")
        else:
            connection.exec_driver_sql(f"SET SESSION max_execution_time = {round(timeout * 1000)}")
        connection.exec_driver_sql("START TRANSACTION READ ONLY")

    @contextmanager
    def select(
        self, connection: Connection, statement: str, allowed: Allowed, parameters: Parameters
    ) -> Iterator[Rows]:
        """Run a statement, whose rows stay on the server until they are read."""
        found = tokens(statement, MYSQL)
        check_kind(found)
        _check_words(found)
        _check_functions(found, allowed)
        _check_tables(connection, found, allowed)
        cursor = _driver(connection).cursor(SSCursor)
        try:
            if parameters:
                cursor.execute(percent_style(statement, parameters, MYSQL), parameters)
            else:
                cursor.execute(statement)
            yield Rows([column[0] for column in cursor.description or ()], cursor)
        finally:
            self._leave(connection, cursor)

    def _leave(self, connection: Connection, cursor: SSCursor) -> None:
        # Closing the cursor reads all rows that are left: the server must send no more of them.
        with suppress(pymysql.MySQLError, DBAPIError):
            if cursor.fetchone() is not None:
                self.stop(connection)
            cursor.close()

    def stop(self, connection: Connection) -> None:
        """Tell the server, on a connection of its own, to end the statement."""
        thread = _driver(connection).thread_id()  # type: ignore[no-untyped-call]
        with connection.engine.connect() as other:
            other.exec_driver_sql(f"KILL QUERY {thread}")

    def is_stop(self, error: BaseException) -> bool:
        """Whether the statement was ended, by us or by its time limit."""
        return isinstance(error, pymysql.MySQLError) and bool(STOPPED & set(error.args[:1]))

    def said(self, error: BaseException) -> str:
        """The server's message without its number."""
        return str(error.args[-1]) if error.args else str(error)


def _driver(connection: Connection) -> pymysql.Connection[SSCursor]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, pymysql.Connection)
    return driver


def _check_words(found: Sequence[Token]) -> None:
    if Token(SIGN, ";") in found:
        raise Refused("Only one statement is allowed at a time, and no semicolon in it.")
    if Token(SIGN, "{") in found:
        raise Refused("Braces are not allowed here. Write a date as '2026-01-31'.")
    said = [token.text if token.kind == "word" else "" for token in found]
    pairs = set(pairwise(said))
    if "into" in said or "procedure" in said:
        raise Refused("INTO and PROCEDURE are not allowed here: they may write files.")
    if pairs & {("for", "update"), ("for", "share"), ("lock", "in")}:
        raise Refused("A SELECT that locks rows is not allowed here.")
    if {("next", "value"), ("previous", "value")} & pairs:
        raise Refused("A sequence's next value is not allowed here: it would be used up.")


def _check_functions(found: Sequence[Token], allowed: Allowed) -> None:
    known = FUNCTIONS | WORDS | allowed.functions
    for name in sorted(called(_without_columns(found))):
        if name.lower() not in known:
            raise refused_function(name)


def _without_columns(found: Sequence[Token]) -> list[Token]:
    """The tokens without the lists of columns in WITH name (a, b) AS (…)."""
    left: list[Token] = []
    for place, token in enumerate(found):
        before_query = found[place + 1 : place + 3] == [Token("word", "as"), OPEN]
        if token == Token(SIGN, ")") and before_query and OPEN in left:
            left = left[: len(left) - 1 - left[::-1].index(OPEN)]
        else:
            left.append(token)
    return left


def _check_tables(connection: Connection, found: Sequence[Token], allowed: Allowed) -> None:
    """Refuse every name of a table or database that may not be read, unless it is a column's."""
    own, others = _databases(connection)
    hidden = {name.lower() for name in _tables(connection) if not allowed.has_table(name)}
    for place, name in enumerate(found):
        text = name.text.lower()
        if not name.is_named:
            continue
        if text in others and found[place + 1 : place + 2] == [DOT]:
            raise allowed.refused_table(name.text)
        if text in hidden and not _is_column(found[:place], own):
            raise Refused(
                f"{allowed.refused_table(name.text)} If {name.text} is a column, write it with "
                f"its table, as in table.{name.text}."
            )


def _is_column(before: Sequence[Token], own: str) -> bool:
    """Whether a name stands after a dot, and before that the name of a table."""
    match before:
        case [*_, Token(text=table) as named, Token(kind="sign", text=".")] if named.is_named:
            return table.lower() not in {own, *BEFORE_TABLE}
    return False


def _databases(connection: Connection) -> tuple[str, set[str]]:
    """The names of the database that is read, and those of the others."""
    own = str(connection.exec_driver_sql("SELECT database()").scalar()).lower()
    names = connection.exec_driver_sql("SELECT schema_name FROM information_schema.schemata")
    return own, ({str(name).lower() for name in names.scalars()} | SYSTEM) - {own}


def _tables(connection: Connection) -> list[str]:
    names = connection.exec_driver_sql(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = database()"
    )
    return [str(name) for name in names.scalars()]
