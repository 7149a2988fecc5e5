"""The three tools that read a database."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Final

from langchain_core.tools import BaseTool, StructuredTool

from graphwright_tools.errors import Refused
from graphwright_tools.secrets import Secret
from graphwright_tools.sql.dialects import Allowed
from graphwright_tools.sql.stopping import Stop, in_thread
from graphwright_tools.sql.text import Limits

if TYPE_CHECKING:
    from graphwright_tools.sql.source import Source

LONGEST: Final = 20_000  # characters of a statement
MOST_TABLES: Final = 20  # that sql_schema describes at once


def sql_toolset(
    url: str,
    *,
    tables: Collection[str] | str | None = None,
    functions: Iterable[str] = (),
    limits: Limits | None = None,
    prefix: str = "sql",
) -> tuple[BaseTool, BaseTool, BaseTool]:
    """Tools that list the tables of a database, describe them, and answer a SELECT.

    Args:
        url: The name of its URL: `env:SHOP_DATABASE`. The URL begins with sqlite://, postgresql://
            or mysql://.
        tables: The tables and views that may be read; on Postgres `schema.table` where the schema
            is not the usual one. All of the database without. As `env:NAME`, the variable lists
            them, separated by commas. On SQLite the tables that a view reads must be listed too.
        functions: Functions that a statement may call beside those that are known to be harmless.
        limits: How much one answer may be.
        prefix: Of the tools' names; two databases need two.

    Raises:
        ValueError: the URL itself was given in place of its name.
    """
    reader = _Reader(Secret(url), tables, frozenset(map(str.lower, functions)), limits or Limits())
    return (
        _tool(f"{prefix}_tables", reader.tables, reader.atables),
        _tool(f"{prefix}_schema", reader.schema, reader.aschema),
        _tool(f"{prefix}_query", reader.query, reader.aquery),
    )


class _Reader:
    """What the tools call, sync and async."""

    def __init__(
        self,
        secret: Secret,
        tables: Collection[str] | str | None,
        functions: frozenset[str],
        limits: Limits,
    ) -> None:
        self._secret = secret
        self._tables = tables
        self._functions = functions
        self._limits = limits

    def tables(self) -> str:
        """List the tables and views of the database."""
        return self._source().listing(Stop())

    async def atables(self) -> str:
        return await in_thread(lambda stop: self._source().listing(stop))

    def schema(self, tables: list[str]) -> str:
        """Describe tables: their columns, types, keys and references.

        Args:
            tables: Their names, as the list of tables gives them.
        """
        return self._schema(tables, Stop())

    async def aschema(self, tables: list[str]) -> str:
        return await in_thread(lambda stop: self._schema(tables, stop))

    def query(self, statement: str) -> str:
        """Ask the database a question in SQL. It can only be read.

        Args:
            statement: One SELECT in the database's dialect. Look at the tables' columns first.
        """
        return self._query(statement, Stop())

    async def aquery(self, statement: str) -> str:
        return await in_thread(lambda stop: self._query(statement, stop))

    def _schema(self, tables: list[str], stop: Stop) -> str:
        if not 1 <= len(tables) <= MOST_TABLES:
            raise Refused(f"Name 1 to {MOST_TABLES} tables, not {len(tables)}.")
        return self._source().described(tables, stop)

    def _query(self, statement: str, stop: Stop) -> str:
        if not statement.strip("; \n"):
            raise Refused("The statement is empty. Send one SELECT.")
        if len(statement) > LONGEST:
            raise Refused(f"The statement is longer than {LONGEST} characters. Shorten it.")
        return self._source().answered(statement, stop)

    def _source(self) -> Source:
        # Imported at the first call: SQLAlchemy takes a while, and a graph may never ask.
        from graphwright_tools.sql.source import Source  # noqa: PLC0415

        allowed = Allowed(_listed(self._tables), self._functions)
        return Source(self._secret, allowed, self._limits)


def _listed(tables: Collection[str] | str | None) -> frozenset[str] | None:
    if isinstance(tables, str):
        # The names of tables are no secret, but they are named in the same way.
        variable = Secret(tables).name.partition(":")[2]
        tables = re.findall(r"[^,\s]+", os.environ.get(variable, "")) or None
    return None if tables is None else frozenset(name.lower() for name in tables)


def _tool(name: str, call: Callable[..., str], acall: Callable[..., object]) -> BaseTool:
    return StructuredTool.from_function(
        call,
        acall,  # type: ignore[arg-type]
        name=name,
        parse_docstring=True,
        handle_tool_error=True,
    )
