"""Everything that a serializer wrote, page by page, for a change of keys."""

from collections.abc import Iterator, Sequence

from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.sqlite.connection import Transaction
from graphwright_checkpoints.tables import PAGE, PAGE_SIZE, Place, Table, starts

TABLES = (
    Table("checkpoint_keys", "name", "value"),
    # The bytes of the others are in blobs, which keep their key.
    Table("checkpoint_elements", "id", "data", "blob IS NULL"),
    Table("checkpoints", "thread, checkpoint_ns, checkpoint_id", "body"),
    Table("checkpoint_writes", "thread, checkpoint_ns, checkpoint_id, task_id, idx", "value"),
)


def select(transaction: Transaction, after: object) -> list[tuple[Place, Encoded]]:
    """The page that comes after a place, and the first one after None."""
    for start in starts(TABLES, after):
        if found := list(_page(transaction, start)):
            return found
    return []


def _page(transaction: Transaction, after: Place) -> Iterator[tuple[Place, Encoded]]:
    table, place = after
    beyond = f" AND ({table.key}) > ({', '.join('?' * len(place))})" if place else ""
    rows = transaction.execute(
        f"SELECT type, {table.content}, {table.key} FROM {table.name}"
        f" WHERE {table.condition}{beyond}"
        f" ORDER BY {table.key} LIMIT {PAGE}",
        place,
    )
    size = 0
    for type_, data, *key in rows:
        size += len(data)
        yield Place(table, tuple(key)), Encoded(type_, data)
        if size >= PAGE_SIZE:
            break


def update(transaction: Transaction, changes: Sequence[tuple[object, Encoded, Encoded]]) -> None:
    """Put other bytes where the old ones still are."""
    for place, old, new in changes:
        assert isinstance(place, Place)
        table = place.table
        marks = ", ".join("?" * len(place.key))
        transaction.execute(
            f"UPDATE {table.name} SET type = ?, {table.content} = ?"
            f" WHERE ({table.key}) = ({marks}) AND type = ? AND {table.content} = ?",
            (*new, *place.key, *old),
        )
