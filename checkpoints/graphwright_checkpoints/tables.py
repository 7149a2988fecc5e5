"""Tables of SQL that hold what a serializer wrote, and places in them, for a change of keys."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

PAGE = 200  # values
PAGE_SIZE = 1_000_000  # bytes; a value that is larger has a page of its own


class Table(NamedTuple):
    """Where a table has its content, and the columns that name a row, in their order."""

    name: str
    key: str
    content: str
    condition: str = "TRUE"


class Place(NamedTuple):
    """A row by its key; without one, the place before the table's first row."""

    table: Table
    key: tuple[object, ...] = ()

    def __str__(self) -> str:
        return f"{self.table.name} {self.key}"


def starts(tables: Sequence[Table], after: object) -> Iterator[Place]:
    """The places after which the rows are that come after a place: one for each table.

    After None all of them come.
    """
    if isinstance(after, Place):
        yield after
        tables = tables[tables.index(after.table) + 1 :]
    yield from map(Place, tables)
