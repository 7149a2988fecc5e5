"""Everything that a serializer wrote, page by page, for a change of keys."""

import hashlib
from collections.abc import Sequence

from graphwright_checkpoints.postgres.pools import Statement, Work
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.tables import PAGE, PAGE_SIZE, Place, Table, starts

# Lengths come with a row: a value that is not of this page is not read.
SELECT = """
    SELECT type, content, {key} FROM (
        SELECT *, sum(length(content)) OVER (ORDER BY {key}) AS total FROM (
            SELECT type, {content} AS content, {key} FROM {name}
            WHERE {condition} {beyond} ORDER BY {key} LIMIT %s
        ) AS page
    ) AS sized
    WHERE total <= %s OR total = length(content) ORDER BY {key}
"""
# The old bytes by their hash: a large value goes over the network once.
UPDATE = """
    UPDATE {name} SET type = %s, {content} = %b
    WHERE ({key}) = ({marks}) AND type = %s AND sha256({content}) = %b
"""


TABLES = (
    Table("graphwright_checkpoint_keys", "name", "value"),
    # The bytes of the others are in blobs.
    Table("graphwright_checkpoint_elements", "thread, number", "data", "blob IS NULL"),
    Table("graphwright_checkpoints", "thread, checkpoint_ns, checkpoint_id", "body"),
    Table(
        "graphwright_checkpoint_writes",
        "thread, checkpoint_ns, checkpoint_id, task_id, idx",
        "value",
    ),
)


def select(after: object) -> Work[list[tuple[object, Encoded]]]:
    """The page that comes after a place, and the first one after None."""
    for start in starts(TABLES, after):
        if found := (yield from _page(start)):
            return found
    return []


def _page(after: Place) -> Work[list[tuple[object, Encoded]]]:
    table, place = after
    beyond = f"AND ({table.key}) > ({_marks(place)})" if place else ""
    sql = SELECT.format(**table._asdict(), beyond=beyond)
    rows = yield Statement(sql, (*place, PAGE, PAGE_SIZE))
    return [(Place(table, tuple(key)), Encoded(type_, data)) for type_, data, *key in rows]


def update(place: object, old: Encoded, new: Encoded) -> Work[None]:
    """Put other bytes where the old ones still are."""
    assert isinstance(place, Place)
    sql = UPDATE.format(**place.table._asdict(), marks=_marks(place.key))
    yield Statement(sql, (*new, *place.key, old.type, hashlib.sha256(old.data).digest()))


def _marks(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))
