"""One SQLite connection that any thread may use, one transaction at a time."""

import sqlite3
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from graphwright_checkpoints.elements import Element, Shelf
from graphwright_checkpoints.errors import CheckpointError, DatabaseUnavailable, ValueNotStored
from graphwright_checkpoints.sqlite.ledgers import Ledgers

Result = TypeVar("Result")


class Transaction:
    """An open transaction: its connection, and what is to be noted once it is committed."""

    __slots__ = ("execute", "ledgers", "link", "placed")

    def __init__(self, link: sqlite3.Connection, ledgers: Ledgers) -> None:
        self.link = link
        self.execute = link.execute
        self.ledgers = ledgers
        self.placed: list[tuple[Element, Shelf, int]] = []
        """Elements, and the shelf and number that they got."""

    def committed(self) -> None:
        """Let the elements know that they are stored."""
        for element, shelf, number in self.placed:
            element.place(shelf, number)
        self.placed.clear()


Work = Callable[[Transaction], Result]


class Begin(StrEnum):
    """How a transaction starts."""

    READ = "BEGIN"
    WRITE = "BEGIN IMMEDIATE"
    """Takes the write lock at once: to take it after a read can fail in a way no waiting helps."""


class Taken(Exception):
    """Somebody else holds the connection or the database's write lock."""


class Connection:
    """A connection and the lock that serialises its users.

    `patience` is in seconds and bounds the wait for another process's transaction.
    """

    def __init__(self, path: str, *, patience: float) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._link = sqlite3.connect(
            path, timeout=patience, isolation_level=None, check_same_thread=False
        )
        self._ledgers = Ledgers(self._link)

    def run(self, work: Work[Result], begin: Begin) -> Result:
        """Do `work` in a transaction, after whoever is using the connection."""
        with self._lock:
            try:
                return self._transact(work, begin)
            except Taken as error:
                raise DatabaseUnavailable(
                    f"{self.path}: another process kept it locked for too long."
                    " End that process, or give the checkpoints a file of their own."
                ) from error

    def try_run(self, work: Work[Result], begin: Begin) -> Result:
        """Do `work` in a transaction, or raise `Taken` at once rather than wait for this process.

        Nothing of `work` is kept then, so that it can be given to another connection.
        """
        if not self._lock.acquire(blocking=False):
            raise Taken
        try:
            return self._transact(work, begin)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection. Later calls raise `DatabaseUnavailable`."""
        with self._lock:
            self._link.close()

    def configure(self, *pragmas: str) -> None:
        """Run statements that cannot be part of a transaction."""
        with self._lock:
            try:
                for pragma in pragmas:
                    self._link.execute(f"PRAGMA {pragma}")
            except sqlite3.Error as error:
                raise self._explain(error) from error

    def _transact(self, work: Work[Result], begin: Begin) -> Result:
        try:
            transaction = Transaction(self._link, self._ledgers)
            self._link.execute(begin.value)
            try:
                if begin is Begin.WRITE:
                    self._ledgers.check()
                result = work(transaction)
                self._link.execute("COMMIT")
            finally:
                if self._link.in_transaction:
                    self._ledgers.forget()
                    self._link.execute("ROLLBACK")
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise self._explain(error) from error
        transaction.committed()
        return result

    def _explain(self, error: Exception) -> CheckpointError | Taken:
        if isinstance(error, UnicodeEncodeError):
            return ValueNotStored(
                "address", f"a thread id, a namespace or a name is not valid Unicode ({error})"
            )
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            return Taken()
        if "closed database" in str(error):
            return DatabaseUnavailable(
                f"{self.path}: these checkpoints are closed."
                " Use them inside the `with` block that opened them."
            )
        return DatabaseUnavailable(f"{self.path}: {error}. {_advice(error)}")


def _advice(error: Exception) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the error's family
    return {
        sqlite3.SQLITE_NOTADB: "The file is something else: move it away, or give another path.",
        sqlite3.SQLITE_CORRUPT: "The file is damaged: restore it from a backup.",
        sqlite3.SQLITE_CANTOPEN: "Its folder has to exist, and to be yours to write.",
        sqlite3.SQLITE_READONLY: "The file and its folder have to be yours to write.",
        sqlite3.SQLITE_FULL: "Free some space on that disk.",
    }.get(code, "See the error above for what SQLite said.")
