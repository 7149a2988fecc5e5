"""The system of record: assistants, threads, runs and store items.

`Database` hands out transactions; the modules beside it hold every query, each a function of a
connection. Whoever opens a transaction decides what belongs together, and nothing below it commits.
"""

from graphwright.database.connection import Connection, Database
from graphwright.database.tables import DEFAULT_TENANT

__all__ = ["DEFAULT_TENANT", "Connection", "Database"]
