"""One database file (or memory) and the ways into it.

A thread hop per call is what makes the official async saver cost 8.6 times the run it protects, so
coroutines read and write on the event loop, and hop only where that could hold the loop.
"""

import asyncio
import sqlite3
import time

from graphwright_checkpoints.errors import CheckpointError, DatabaseTooNew, DatabaseUnavailable
from graphwright_checkpoints.sqlite.connection import READ, WRITE, Connection, Result, Taken, Work

PATIENCE = 30.0  # seconds that a thread waits for another process's transaction
OPENING = 5.0  # seconds within which processes that open one file together get their turn


class File:
    """Transactions on one database, for threads and for event loops, any number of each.

    `read` and `write` wait; coroutines use `read_soon` and `batches.Batches`. With `synchronous`
    "FULL" a commit waits for the disk and survives a power cut; with "NORMAL" it survives the end
    of its process only.
    """

    def __init__(self, path: str, synchronous: str = "NORMAL") -> None:
        self.path = path
        self._synchronous = synchronous
        self._writer = _connect(path, PATIENCE)
        # A database in memory belongs to one connection: everybody shares it.
        alone = path == ":memory:"
        self._reader = self._writer if alone else _connect(path, PATIENCE)
        self.inline = self._writer if alone else _connect(path, 0.0)

    def open(self, migrate: Work[Result]) -> Result:
        """Make or migrate the tables. Closes everything again when that fails."""
        try:
            _configure(self._writer, "journal_mode = WAL")
            for connection in self._connections():
                # What is deleted, or encrypted anew, is not to be found in the file's free space.
                _configure(
                    connection,
                    *(f"synchronous = {self._synchronous}", "foreign_keys = OFF"),
                    "secure_delete = ON",
                )
            # SQLite copies its log back, and waits for the disk, in the commit that finds the log
            # long. That must not be a commit on the loop: see `Batches`.
            if self.inline is not self._writer:
                _configure(self.inline, "wal_autocheckpoint = 0")
            return self._writer.run(migrate, WRITE)
        except CheckpointError as error:
            self.close()
            raise _explain_opening(self.path, error) from error

    def close(self) -> None:
        """Close the database. Calls under way end first."""
        for connection in self._connections():
            connection.close()

    def read(self, work: Work[Result]) -> Result:
        """Do `work` on one consistent view of the database."""
        return self._reader.run(work, READ)

    def write(self, work: Work[Result]) -> Result:
        """Do `work` and commit, or raise and leave the database as it was."""
        return self._writer.run(work, WRITE)

    async def read_soon(self, quick: Work[Result], thorough: Work[Result]) -> Result:
        """`read` on the event loop, where nobody else is using its connection, else in a thread.

        A `quick` work that sees that it would take long raises `Taken`; the thread does the
        `thorough` one.
        """
        try:
            # The connection that wrote last has the pages at hand.
            return self.inline.try_run(quick, READ)
        except Taken:
            return await asyncio.to_thread(self.read, thorough)

    def _connections(self) -> set[Connection]:
        return {self._writer, self.inline, self._reader}


def _connect(path: str, patience: float) -> Connection:
    try:
        return Connection(path, patience=patience)
    except sqlite3.Error as error:
        raise DatabaseUnavailable(
            f"{path}: {error}. Its folder has to exist, and to be yours to write."
        ) from error


def _configure(connection: Connection, *pragmas: str) -> None:
    # SQLite does not always wait here as it does elsewhere, and `inline` never does: those who open
    # a file that is new, or that the last one just closed, would see "database is locked".
    deadline = time.monotonic() + OPENING
    while True:
        try:
            return connection.configure(*pragmas)
        except Taken:
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"{connection.path}: another process locked it."
                ) from None
            time.sleep(0.01)


def _explain_opening(path: str, error: CheckpointError) -> CheckpointError:
    if isinstance(error, DatabaseTooNew):
        return DatabaseTooNew(f"{path}: {error}")
    if "already exists" in str(error):
        return DatabaseUnavailable(
            f"{path}: it has tables of another program (langgraph-checkpoint-sqlite names its own"
            " `checkpoints` and `writes` too). Give the checkpoints a file of their own;"
            f" `graphwright db import sqlite:///{path}` copies those of that package into it."
        )
    return error
