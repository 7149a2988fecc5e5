"""The record on Postgres, which several processes may share.

Everything works behind pgbouncer in transaction mode: nothing outlives a transaction on a
connection, neither prepared statements nor settings nor locks.
"""

import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from hashlib import blake2b
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from graphwright.database.connection import Connection, shown
from graphwright.database.schema import migrate
from graphwright.database.values import from_stored_json, to_stored_json
from graphwright.errors import DatabaseError, InvalidRequest, Unavailable

# Of libpq; a URL may say otherwise. A server that goes without a word is noticed within seconds.
CONNECT_ARGUMENTS = {
    "application_name": "graphwright",
    "connect_timeout": "5",  # seconds
    "keepalives_idle": "10",  # seconds
    "keepalives_interval": "5",  # seconds
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",  # milliseconds
}
POOL_TIMEOUT = 10.0  # seconds to wait for a connection that others use
# What libpq asks back about a server that refuses; what to do is said after it.
QUESTION = re.compile(r"\s*Is the server running [^?]*\?")
TOO_LARGE_FOR_INDEX = "54000"  # an SQLSTATE

UNREACHABLE = (
    "The database cannot be reached at the moment. Try again in a few seconds; "
    "if it stays so, the service's log says why."
)
UNKNOWN = (
    "The database was lost while it stored this, which may have been stored or not. "
    "Look before you try again."
)
ALL_IN_USE = (
    "All connections to the database are in use. Try again in a few seconds; "
    "if it stays so, allow more with --database-connections."
)

_LOCK = sa.select(sa.func.pg_advisory_xact_lock(sa.bindparam("key", type_=sa.BigInteger)))
_MIGRATION = "graphwright migration"

log = logging.getLogger(__name__)


class PostgresDatabase:
    """The `Database` behind a pool of connections."""

    shared = True

    def __init__(self, url: sa.URL, connections: int) -> None:
        self.process = str(uuid4())
        self._name = shown(url)
        self._engine = self._connecting(url, connections)
        # Shares the pool. A statement that only reads needs no BEGIN and COMMIT around it.
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._reachable = True

    def _connecting(self, url: sa.URL, connections: int) -> AsyncEngine:
        ours = {name: value for name, value in CONNECT_ARGUMENTS.items() if name not in url.query}
        try:
            return create_async_engine(
                url.set(drivername="postgresql+psycopg"),
                pool_size=connections,
                max_overflow=0,
                pool_timeout=POOL_TIMEOUT,
                use_native_hstore=False,
                hide_parameters=True,
                json_serializer=to_stored_json,
                json_deserializer=from_stored_json,
                connect_args={"prepare_threshold": None, **ours},
            )
        except ImportError as error:
            raise DatabaseError(
                f"database {self._name}: the driver for Postgres is not installed ({error}). "
                "Install it: pip install 'graphwright[postgres]'"
            ) from error

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Keep the pool open."""
        try:
            await self._migrate()
            yield
        finally:
            await self._engine.dispose()

    async def _migrate(self) -> None:
        try:
            async with self._engine.begin() as connection:
                # Of several processes that start together the first migrates, the others wait.
                await connection.execute(_LOCK, {"key": _lock_key(_MIGRATION)})
                await connection.run_sync(migrate)
        except (DBAPIError, OSError) as error:
            cause = _cause(error)
            raise DatabaseError(f"database {self._name}: {cause}. {_advice(cause)}") from error

    @asynccontextmanager
    async def begin(self, lock: str | None = None) -> AsyncIterator[Connection]:
        """A transaction that writes."""
        async with AsyncExitStack() as stack:
            transaction = _Transaction(self._engine, stack, self._told)
            if lock is not None:
                await transaction.execute(_LOCK, {"key": _lock_key(lock)})
            yield transaction
            await transaction.commit()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        """A connection for reading; each statement sees what is committed when it begins."""
        async with AsyncExitStack() as stack:
            yield _Transaction(self._reading, stack, self._told)

    @contextmanager
    def _told(self, message: str) -> Iterator[None]:
        """Tell the driver's errors as ours; the log has the cause, once for each time that the
        server is out of reach.
        """
        try:
            yield
        except NoConnectionFree as error:
            raise Unavailable(ALL_IN_USE) from error
        except (DBAPIError, OSError) as error:
            refused = _refused(error)
            if refused is not None:
                raise refused from error
            if isinstance(error, ProgrammingError | IntegrityError):
                raise  # ours to repair
            if self._reachable:
                log.warning("database %s: %s", self._name, _cause(error))
            self._reachable = False
            raise Unavailable(message) from error
        if not self._reachable:
            log.warning("database %s: can be reached again", self._name)
        self._reachable = True


class _Transaction:
    """A `Connection` that takes one from the pool for its first statement."""

    def __init__(
        self,
        engine: AsyncEngine,
        stack: AsyncExitStack,
        told: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._engine = engine
        self._stack = stack
        self._told = told
        self._connection: AsyncConnection | None = None

    @property
    def dialect(self) -> sa.Dialect:
        return self._engine.dialect

    async def execute(
        self, statement: sa.Executable, parameters: dict[str, Any] | None = None, /
    ) -> sa.CursorResult[Any]:
        with self._told(UNREACHABLE):
            if self._connection is None:
                return await self._execute_first(statement, parameters)
            return await self._connection.execute(statement, parameters)

    async def _execute_first(
        self, statement: sa.Executable, parameters: dict[str, Any] | None
    ) -> sa.CursorResult[Any]:
        """The pool's connections do not know that the server was restarted meanwhile. Whatever a
        first statement did is undone with its transaction, so that it can be repeated.
        """
        connection = await self._connect()
        try:
            return await connection.execute(statement, parameters)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        connection = await self._connect()
        return await connection.execute(statement, parameters)

    async def _connect(self) -> AsyncConnection:
        self._connection = await self._stack.enter_async_context(self._engine.connect())
        return self._connection

    async def commit(self) -> None:
        if self._connection is not None:
            with self._told(UNKNOWN):
                await self._connection.commit()


def _lock_key(name: str) -> int:
    """The number of an advisory lock: 64 bits, with a sign."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)


def _cause(error: DBAPIError | OSError) -> str:
    """What the driver says, on one line, without the statement."""
    told = error.orig if isinstance(error, DBAPIError) else error
    by_server = getattr(getattr(told, "diag", None), "message_primary", None)
    said = QUESTION.sub("", by_server or str(told))
    return " ".join(said.split()).rstrip(".?")


def _refused(error: DBAPIError | OSError) -> InvalidRequest | None:
    """The refusal of a value that a caller sent."""
    if isinstance(error, DataError):
        return InvalidRequest(f"Postgres cannot take a value of this request: {_cause(error)}")
    if getattr(getattr(error, "orig", None), "sqlstate", None) == TOO_LARGE_FOR_INDEX:
        return InvalidRequest(
            "A key with its namespace is too long for Postgres, which takes about 2,600 bytes: "
            f"{_cause(error)}"
        )
    return None


def _advice(cause: str) -> str:
    """What to do about a database that cannot be opened."""
    if "password" in cause:
        return "Check the user and the password in --database."
    if "permission denied" in cause:
        return (
            "The role must be allowed to make tables: give it a database of its own, "
            "or GRANT CREATE ON SCHEMA public to it."
        )
    if "database" in cause and "does not exist" in cause:
        return "Make it with createdb, or name another with --database."
    return "Check that the server runs and can be reached from here, and what --database says."
