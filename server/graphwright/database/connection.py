"""What the service asks of a database: transactions, and statements in them."""

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import sqlalchemy as sa


class Connection(Protocol):
    """What a query needs: one transaction's statements, one after the other."""

    @property
    def dialect(self) -> sa.Dialect:
        """Tells a query which SQL to speak, where the two differ."""
        ...

    async def execute(
        self, statement: sa.Executable, parameters: dict[str, Any] | None = None, /
    ) -> sa.CursorResult[Any]:
        """Run one statement."""
        ...


class Database(Protocol):
    """The record. Between `begin()` or `connect()` and its end, await nothing but the connection:
    on SQLite others wait for it, on Postgres it is one of few.

    When a database server cannot be reached, or a file cannot be written to, each raises
    `Unavailable`.
    """

    @property
    def shared(self) -> bool:
        """Whether other processes may work on the same record."""
        ...

    @property
    def process(self) -> str:
        """What this process is called in the leases of runs."""
        ...

    def opened(self) -> AbstractAsyncContextManager[None]:
        """Keep the record open, its tables brought up to date. Raises `DatabaseError`."""
        ...

    def begin(self, lock: str | None = None) -> AbstractAsyncContextManager[Connection]:
        """A transaction that writes: committed at the end, rolled back on an exception.

        Of the transactions with the same `lock`, in whichever process, one runs at a time: what
        it reads stays so until it has written.
        """
        ...

    def connect(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for reading."""
        ...


def shown(url: sa.URL) -> str:
    """A database as errors and logs name it: a file's path, or a URL without its secrets."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.difference_update_query(["password", "sslpassword"]).render_as_string()
