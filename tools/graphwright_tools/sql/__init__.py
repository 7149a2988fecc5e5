"""Questions to an SQL database that can't change it: SQLite, Postgres, MySQL and MariaDB.

```python
from graphwright_tools.sql import sql_toolset

sql_tables, sql_schema, sql_query = sql_toolset("env:SHOP_DATABASE", tables=["orders", "products"])
```

The tools of this module's own read the database of `SQL_DATABASE`, and of its tables those that
`SQL_TABLES` lists, separated by commas; all of them without.

What keeps a database as it is, is the database: its file is opened for reading only, or the
statement runs in a read-only transaction that is rolled back. Functions that have an effect in
spite of that are refused by name. Give the account that the tools use no more than SELECT.
"""

from __future__ import annotations

from typing import Final

from langchain_core.tools import BaseTool

from graphwright_tools.sql.records import SqlClient, sql_client
from graphwright_tools.sql.text import Limits
from graphwright_tools.sql.tools import sql_toolset

__all__ = [
    "Limits",
    "SqlClient",
    "sql_client",
    "sql_query",
    "sql_schema",
    "sql_tables",
    "sql_toolset",
]

_OWN: Final[tuple[BaseTool, BaseTool, BaseTool]] = sql_toolset(
    "env:SQL_DATABASE", tables="env:SQL_TABLES"
)

sql_tables: Final = _OWN[0]
"""Gives the tables of the database that SQL_DATABASE names."""

sql_schema: Final = _OWN[1]
"""Takes the names of tables and gives their columns, keys and references."""

sql_query: Final = _OWN[2]
"""Takes one SELECT and gives its rows as text."""
