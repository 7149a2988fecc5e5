"""The rows of a SELECT as data, for code that goes on with them.

```python
orders = sql_client("env:SHOP_DATABASE", tables=["orders"])
await orders.arecords("SELECT id, total FROM orders WHERE customer = :customer", {"customer": 7})
[{"id": 17, "total": 12.5}]
```
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from graphwright_tools.errors import TooLarge
from graphwright_tools.secrets import Secret
from graphwright_tools.sql.dialects import Allowed, Rows
from graphwright_tools.sql.lexer import may_be_query
from graphwright_tools.sql.parameters import Parameters
from graphwright_tools.sql.stopping import Stop, in_thread
from graphwright_tools.sql.text import Limits

if TYPE_CHECKING:
    from graphwright_tools.sql.source import Source

MOST_CHARACTERS: Final = 1_000_000  # of all rows, written as JSON

Record = dict[str, Any]


def sql_client(
    url: str, *, tables: Collection[str] | None = None, rows: int = 100, seconds: float = 10.0
) -> SqlClient:
    """A client that reads records from a database, which it can't change.

    Args:
        url: The name of its URL: `env:SHOP_DATABASE`.
        tables: The tables and views that may be read; all of them without.
        rows: How many an answer may have.
        seconds: How long a statement may take.

    Raises:
        ValueError: the URL itself was given in place of its name.
    """
    return SqlClient(Secret(url), tables, Limits(rows=rows, seconds=seconds))


class SqlClient:
    """Reads records from one database."""

    def __init__(self, secret: Secret, tables: Collection[str] | None, limits: Limits) -> None:
        self._secret = secret
        self._tables = None if tables is None else frozenset(map(str.lower, tables))
        self._limits = limits

    def misfit(self, statement: str) -> str | None:
        """What a statement would have to be; None for one that some database may answer."""
        return None if may_be_query(statement) else "one SELECT, since nothing can be changed here"

    def records(self, statement: str, parameters: Parameters) -> list[Record]:
        """The rows of one SELECT, in which `:name` stands for the parameter of that name.

        Values are those of JSON: a number for a decimal, ISO 8601 for dates and times.

        Raises:
            ToolError: there is no answer, or more of it than the limits allow.
        """
        return self._records(statement, parameters, Stop())

    async def arecords(self, statement: str, parameters: Parameters) -> list[Record]:
        """The same; cancelling the call stops the statement on the server."""
        return await in_thread(lambda stop: self._records(statement, parameters, stop))

    def _records(self, statement: str, parameters: Parameters, stop: Stop) -> list[Record]:
        read: Callable[[Rows], list[Record]] = lambda rows: _read(rows, self._limits)  # noqa: E731
        return self._source().read(statement, parameters, stop, read)

    def _source(self) -> Source:
        # Imported at the first call: SQLAlchemy takes a while, and a graph may never ask.
        from graphwright_tools.sql.source import Source  # noqa: PLC0415

        return Source(self._secret, Allowed(self._tables, frozenset()), self._limits)


def _read(rows: Rows, limits: Limits) -> list[Record]:
    found: list[Record] = []
    room = MOST_CHARACTERS
    for row in rows.values:
        record = {
            column: _value(value, reader)
            for column, value, reader in zip(rows.columns, row, _readers(rows), strict=True)
        }
        room -= len(json.dumps(record, ensure_ascii=False))
        if len(found) == limits.rows or room < 0:
            most = f"{limits.rows} rows" if room >= 0 else f"{MOST_CHARACTERS} characters"
            raise TooLarge(
                f"The answer has more than {most}. Ask for less: narrow it with WHERE, add it up "
                "with GROUP BY, or end it with LIMIT."
            )
        found.append(record)
    return found


def _readers(rows: Rows) -> list[Callable[[str], Any] | None]:
    return list(rows.readers) if rows.readers else [None] * len(rows.columns)


def _value(value: object, reader: Callable[[str], Any] | None) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return reader(value) if reader else value
        case Decimal():
            return number(str(value))
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case bytes() | memoryview():
            return f"<{len(value)} bytes>"
        case Mapping() | list():
            return json.loads(json.dumps(value, default=str))
    return str(value)


def number(text: str) -> int | float | str:
    """A number as JSON has it; what is none, such as NaN, stays text."""
    value = Decimal(text)
    if not value.is_finite():
        return text
    return int(value) if value == value.to_integral_value() and "." not in text else float(value)
