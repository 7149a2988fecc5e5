"""Everything that a serializer wrote, page by page, for a change of keys."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.sqlite.connection import Transaction

PAGE = 200  # values
PAGE_SIZE = 1_000_000  # bytes; a value that is larger has a page of its own


class Table(NamedTuple):
    """Where a table has its content, and the columns that name a row, in their order."""

    name: str
    key: str
    content: str
    condition: str = "TRUE"


TABLES = (
    Table("checkpoint_keys", "name", "value"),
    # The bytes of the others are in blobs, which keep their key.
    Table("checkpoint_elements", "id", "data", "blob IS NULL"),
    Table("checkpoints", "thread, checkpoint_ns, checkpoint_id", "body"),
    Table("checkpoint_writes", "thread, checkpoint_ns, checkpoint_id, task_id, idx", "value"),
)


class Place(NamedTuple):
    """A row: the position of its table in `TABLES`, and its key."""

    table: int
    key: tuple[object, ...]

    def __str__(self) -> str:
        return f"{TABLES[self.table].name} {self.key}"


def select(transaction: Transaction, after: object) -> list[tuple[Place, Encoded]]:
    """The page that comes after a place, and the first one after None."""
    place = after if isinstance(after, Place) else Place(0, ())
    for number in range(place.table, len(TABLES)):
        key = place.key if number == place.table else ()
        if found := list(_page(transaction, number, key)):
            return found
    return []


def _page(
    transaction: Transaction, number: int, after: Sequence[object]
) -> Iterator[tuple[Place, Encoded]]:
    table = TABLES[number]
    beyond = f" AND ({table.key}) > ({', '.join('?' * len(after))})" if after else ""
    rows = transaction.execute(
        f"SELECT type, {table.content}, {table.key} FROM {table.name}"
        f" WHERE {table.condition}{beyond}"
        f" ORDER BY {table.key} LIMIT {PAGE}",
        after,
    )
    size = 0
    for type_, data, *key in rows:
        size += len(data)
        yield Place(number, tuple(key)), Encoded(type_, data)
        if size >= PAGE_SIZE:
            break


def update(transaction: Transaction, changes: Sequence[tuple[object, Encoded, Encoded]]) -> None:
    """Put other bytes where the old ones still are."""
    for place, old, new in changes:
        assert isinstance(place, Place)
        table = TABLES[place.table]
        marks = ", ".join("?" * len(place.key))
        transaction.execute(
            f"UPDATE {table.name} SET type = ?, {table.content} = ?"
            f" WHERE ({table.key}) = ({marks}) AND type = ? AND {table.content} = ?",
            (*new, *place.key, *old),
        )
