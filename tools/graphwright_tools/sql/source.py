"""One database that tools read, by the name of the variable that says where it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from difflib import get_close_matches
from typing import Final, TypeVar

from sqlalchemy import URL, Connection, Inspector, inspect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from graphwright_tools.errors import Failed, NotConfigured, TimedOut, ToolError, Unreachable
from graphwright_tools.secrets import Secret
from graphwright_tools.sql.dialects import Allowed, Dialect, Rows
from graphwright_tools.sql.parameters import Parameters
from graphwright_tools.sql.schema import Schema
from graphwright_tools.sql.stopping import Stop, Stopped
from graphwright_tools.sql.text import Limits, shown

# How the databases say that they know no such column or table.
UNKNOWN_COLUMN: Final = re.compile(
    r"no such column: (?P<sqlite>\S+)"
    r"|column \"?(?P<postgres>[^\"\s]+)\"? does not exist"
    r"|Unknown column '(?P<mysql>[^']+)'"
)
UNKNOWN_TABLE: Final = re.compile(
    r"no such table: (?P<sqlite>\S+)"
    r"|relation \"(?P<postgres>[^\"]+)\" does not exist"
    r"|Table '(?P<mysql>[^']+)' doesn't exist"
)

Result = TypeVar("Result")


class Source:
    """A database, and what of it may be read.

    Args:
        secret: The name of its URL.
        allowed: What a statement may name.
        limits: How much one answer may be.
    """

    def __init__(self, secret: Secret, allowed: Allowed, limits: Limits) -> None:
        self._secret = secret
        self._allowed = allowed
        self._limits = limits

    def listing(self, stop: Stop) -> str:
        """The tables and views."""
        return self._ask(stop, lambda connection, _: self._schema(connection).listing())

    def described(self, names: list[str], stop: Stop) -> str:
        """The columns of tables."""
        return self._ask(stop, lambda connection, _: self._schema(connection).described(names))

    def answered(self, statement: str, stop: Stop) -> str:
        """The rows of a SELECT, as text."""
        return self.read(statement, {}, stop, lambda rows: shown(rows, self._limits))

    def read(
        self,
        statement: str,
        parameters: Parameters,
        stop: Stop,
        take: Callable[[Rows], Result],
    ) -> Result:
        """What `take` makes of the rows of a SELECT, while they are read."""
        # Which most models put there; the drivers differ in whether they take it.
        plain = statement.strip().rstrip("; \n")

        def select(connection: Connection, dialect: Dialect) -> Result:
            with dialect.select(connection, plain, self._allowed, parameters) as rows:
                return take(rows)

        try:
            return self._ask(stop, select)
        except Failed as failure:
            raise Failed(f"{failure}{self._hint(str(failure), plain, stop)}") from None

    def _ask(self, stop: Stop, ask: Callable[[Connection, Dialect], Result]) -> Result:
        dialect, url = self._place()
        errors = (dialect.errors, DBAPIError)
        with ExitStack() as stack:
            connection = stack.enter_context(self._connected(dialect, url))
            try:
                stack.enter_context(
                    stop.acting(lambda: dialect.stop(connection), self._limits.seconds)
                )
                return ask(connection, dialect)
            except Stopped:
                raise self._late() from None
            except errors as error:
                cause = _cause(error)
                if stop.is_set or dialect.is_stop(cause):
                    raise self._late() from None
                raise Failed(f"The database answered: {dialect.said(cause)}") from None

    @contextmanager
    def _connected(self, dialect: Dialect, url: URL) -> Iterator[Connection]:
        with ExitStack() as stack:
            try:
                connection = dialect.connect(url, self._limits.seconds)
                stack.callback(_close, connection, dialect)
                dialect.begin(connection, self._limits.seconds)
            except (dialect.errors, DBAPIError) as error:
                kind = type(_cause(error)).__name__
                # No more of the error: where the URL is wrong, it may say parts of the password.
                raise Unreachable(
                    f"There is no connection to the database of {self._secret.name} ({kind}). Try "
                    "again later; if it stays so, an operator must act."
                ) from None
            yield connection

    def _place(self) -> tuple[Dialect, URL]:
        try:
            url = make_url(self._secret.reveal())
        except (ArgumentError, ValueError):
            raise self._misconfigured() from None
        return self._dialect(url), url

    def _dialect(self, url: URL) -> Dialect:
        """Each dialect's module is imported where it is used: it imports a driver."""
        kind = url.drivername.partition("+")[0]
        try:
            match kind:
                case "sqlite":
                    from graphwright_tools.sql.sqlite import Sqlite  # noqa: PLC0415

                    return Sqlite()
                case "postgresql" | "postgres":
                    from graphwright_tools.sql.postgres import Postgres  # noqa: PLC0415

                    return Postgres()
                case "mysql" | "mariadb":
                    from graphwright_tools.sql.mysql import MySQL  # noqa: PLC0415

                    return MySQL()
        except ImportError:
            extra = "mysql" if kind in ("mysql", "mariadb") else "postgres"
            raise NotConfigured(
                "The driver of this database is not installed. An operator must install "
                f"graphwright[{extra}]; don't try again."
            ) from None
        raise self._misconfigured()

    def _misconfigured(self) -> NotConfigured:
        return NotConfigured(
            f"{self._secret.name} is no URL of a database that can be read here: it must begin "
            "with sqlite://, postgresql:// or mysql://, and signs such as @ and / in a password "
            "must be written as %40 and %2F. An operator must correct it; don't try again."
        )

    def _late(self) -> TimedOut:
        return TimedOut(
            f"The database took longer than {self._limits.seconds:g} s, and was stopped. Ask for "
            "less: narrow it with WHERE, join fewer tables, or read fewer rows."
        )

    def _schema(self, connection: Connection) -> Schema:
        inspector: Inspector = inspect(connection)
        return Schema(inspector, self._allowed)

    def _hint(self, message: str, statement: str, stop: Stop) -> str:
        """What the statement may have meant by a name that is not there."""
        table, column = UNKNOWN_TABLE.search(message), UNKNOWN_COLUMN.search(message)
        unknown = table or column
        if unknown is None:
            return ""
        known: list[str] = []

        def look(connection: Connection, _: Dialect) -> str:
            schema = self._schema(connection)
            known.extend(schema.names() if table else schema.columns(statement))
            return ""

        with suppress(ToolError):  # then there is no hint; the first error is what matters
            self._ask(stop, look)
        return _nearest(unknown[unknown.lastgroup or 0], known, whole=bool(table))


def _cause(error: Exception) -> BaseException:
    """The driver's own error."""
    return error.orig if isinstance(error, DBAPIError) and error.orig else error


def _close(connection: Connection, dialect: Dialect) -> None:
    with suppress(dialect.errors, DBAPIError):
        connection.close()


def _nearest(unknown: str, known: list[str], *, whole: bool) -> str:
    """A hint at the nearest names; a column's table is left out of the comparison."""
    last = unknown.rpartition(".")[2].lower()
    plain = {name: name.rpartition(".")[2].lower() for name in known}
    near = get_close_matches(last, plain.values(), n=3)
    meant = [name for name, end in plain.items() if end in near]
    listed, what = ", ".join((meant or known)[:20]), "tables" if whole else "columns"
    if not known:
        return " Use sql_tables and sql_schema to see what there is."
    return f" Did you mean {listed}?" if meant else f" The {what} are: {listed}."
