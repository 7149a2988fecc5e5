"""What the tools need of a kind of database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from graphwright_tools.errors import Refused
from graphwright_tools.sql.parameters import Parameters

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

CONNECT_TIMEOUT: Final = 5  # seconds


class Rows(NamedTuple):
    """The answer to a statement: the names of its columns, and its rows while they are read."""

    columns: Sequence[str]
    values: Iterable[Sequence[object]]
    readers: Sequence[Callable[[str], Any] | None] = ()
    """What makes a value of a column's text, where the server gives values as text."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a statement may name.

    Args:
        tables: Tables and views, as `name` or `schema.name` in lower case; None for all.
        functions: Names of functions in lower case, beside those that are known to be harmless.
    """

    tables: frozenset[str] | None
    functions: frozenset[str]

    def has_table(self, name: str, schema: str | None = None) -> bool:
        """Whether a table may be read; the schema is left out where it is the usual one."""
        full = f"{schema}.{name}" if schema else name
        return self.tables is None or full.lower() in self.tables

    def refused_table(self, name: str) -> Refused:
        """What is said of a table that may not be read."""
        known = "no other" if not self.tables else ", ".join(sorted(self.tables))
        listed = "no table of the system" if self.tables is None else known
        return Refused(f"{name} can't be read here. Allowed: {listed}.")


class Dialect(Protocol):
    """A kind of database, and how it is read without being changed."""

    @property
    def errors(self) -> type[Exception]:
        """What the driver raises."""
        ...

    def connect(self, url: URL, timeout: float) -> Connection:
        """A connection; nothing is done on it that takes longer than some seconds more."""
        ...

    def begin(self, connection: Connection, timeout: float) -> None:
        """See to it that nothing can be changed, and that no statement takes longer."""
        ...

    def select(
        self, connection: Connection, statement: str, allowed: Allowed, parameters: Parameters
    ) -> AbstractContextManager[Rows]:
        """Run one statement, in which `:name` stands for the parameter of that name.

        Raises:
            Refused: it is not allowed.
        """
        ...

    def stop(self, connection: Connection) -> None:
        """Stop the statement under way; called in another thread."""
        ...

    def is_stop(self, error: BaseException) -> bool:
        """Whether the driver's error says that a statement was stopped or took too long."""
        ...

    def said(self, error: BaseException) -> str:
        """What the database said, without the driver's words around it."""
        ...


def refused_function(name: str) -> Refused:
    """What is said of a function that may not be called."""
    return Refused(
        f"The function {name} is not allowed here: it may change something, wait, or read what is "
        "no table. Write the statement without it."
    )
