"""Connections for threads and for one event loop, and what is done with them.

Work is a generator that yields statements and is sent their rows, so that the same work serves
threads and coroutines. Each statement is a round trip.
"""

import asyncio
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, TypeVar

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from graphwright_checkpoints.errors import CheckpointError
from graphwright_checkpoints.postgres import failures
from graphwright_checkpoints.postgres.wire import Rows, execute

PATIENCE = 30.0  # seconds that a call waits for a connection
CONNECTIONS = 4  # of an event loop, and as many of all threads together

# No prepared statements: behind pgbouncer, another connection would not have them.
OPTIONS: dict[str, Any] = {"autocommit": True, "prepare_threshold": None}


class Statement(NamedTuple):
    """A statement with its parameters."""

    sql: str
    values: Sequence[Any] = ()


Result = TypeVar("Result")
Work = Generator[Statement, Rows, Result]


def transaction(work: Work[Result]) -> Work[Result]:
    """Do all of `work`, or nothing of it."""
    yield Statement("BEGIN ISOLATION LEVEL READ COMMITTED")
    try:
        result = yield from work
    except Exception:
        yield Statement("ROLLBACK")
        raise
    yield Statement("COMMIT")
    return result


class Pools:
    """Does work on pooled connections. Failures are raised as errors of `errors`.

    All work can be done twice. That is why work whose connection is lost is done once more, on a
    connection that was tried: after a restart of the server every pooled one is dead.
    """

    def __init__(self, conninfo: str, place: str) -> None:
        self.conninfo = conninfo
        self.place = place
        self._loop: asyncio.AbstractEventLoop | None = None
        self._for_threads: ConnectionPool[Connection[Any]] = ConnectionPool(
            conninfo, kwargs=OPTIONS, min_size=0, max_size=CONNECTIONS, timeout=PATIENCE, open=False
        )

    def open(self) -> None:
        """Be ready for threads. Connections are made when they are needed."""
        self._for_threads.open()

    async def aopen(self) -> None:
        """Be ready for the running event loop too."""
        self.open()
        self._loop = asyncio.get_running_loop()
        self._for_loop: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            self.conninfo,
            kwargs=OPTIONS,
            min_size=0,
            max_size=CONNECTIONS,
            timeout=PATIENCE,
            open=False,
        )
        await self._for_loop.open()

    def close(self) -> None:
        """Close the threads' connections, after what is under way."""
        self._for_threads.close()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._for_loop.close()
        await asyncio.to_thread(self.close)

    def serve_this_loop(self) -> bool:
        """Whether the running event loop has connections; others do their work in threads."""
        return asyncio.get_running_loop() is self._loop

    def run(self, make: Callable[[], Work[Result]]) -> Result:
        """Do the work that `make` starts, and wait for it."""
        try:
            try:
                return self._run_once(make())
            except failures.LOST:
                self._for_threads.check()
                return self._run_once(make())
        except failures.KNOWN as error:
            raise self.explain(error) from error

    async def arun(self, make: Callable[[], Work[Result]]) -> Result:
        """`run`, on the event loop."""
        if not self.serve_this_loop():
            return await asyncio.to_thread(self.run, make)
        try:
            try:
                return await self._arun_once(make())
            except failures.LOST:
                await self._for_loop.check()
                return await self._arun_once(make())
        except failures.KNOWN as error:
            raise self.explain(error) from error

    def _run_once(self, work: Work[Result]) -> Result:
        with self._for_threads.connection() as connection:
            try:
                sql, values = next(work)
                while True:
                    try:
                        rows = connection.wait(execute(connection, sql, values))
                    except psycopg.Error as error:
                        sql, values = work.throw(failures.lost_or_not(error, connection))
                    else:
                        sql, values = work.send(rows)
            except StopIteration as done:
                result: Result = done.value
                return result

    async def _arun_once(self, work: Work[Result]) -> Result:
        async with self._for_loop.connection() as connection:
            try:
                sql, values = next(work)
                while True:
                    try:
                        rows = await connection.wait(execute(connection, sql, values))
                    except psycopg.Error as error:
                        sql, values = work.throw(failures.lost_or_not(error, connection))
                    else:
                        sql, values = work.send(rows)
            except StopIteration as done:
                result: Result = done.value
                return result

    def explain(self, error: Exception) -> CheckpointError:
        """The error to raise for one of `failures.KNOWN`."""
        return failures.explain(self.place, error)
