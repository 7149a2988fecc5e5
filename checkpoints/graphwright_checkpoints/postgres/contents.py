"""Everything that a serializer wrote, page by page, for a change of keys."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from graphwright_checkpoints.postgres.pools import Statement, Work
from graphwright_checkpoints.serialization import Encoded

PAGE = 200  # values
PAGE_SIZE = 1_000_000  # bytes; a value that is larger has a page of its own

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


class Table(NamedTuple):
    """Where a table has its content, and the columns that name a row, in their order."""

    name: str
    key: str
    content: str
    condition: str = "TRUE"


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


class Place(NamedTuple):
    """A row: the position of its table in `TABLES`, and its key."""

    table: int
    key: tuple[object, ...]

    def __str__(self) -> str:
        return f"{TABLES[self.table].name} {self.key}"


def select(after: object) -> Work[list[tuple[object, Encoded]]]:
    """The page that comes after a place, and the first one after None."""
    place = after if isinstance(after, Place) else Place(0, ())
    for number in range(place.table, len(TABLES)):
        key = place.key if number == place.table else ()
        if found := (yield from _page(number, key)):
            return found
    return []


def _page(number: int, after: Sequence[object]) -> Work[list[tuple[object, Encoded]]]:
    table = TABLES[number]
    beyond = f"AND ({table.key}) > ({_marks(after)})" if after else ""
    sql = SELECT.format(**table._asdict(), beyond=beyond)
    rows = yield Statement(sql, (*after, PAGE, PAGE_SIZE))
    return [(Place(number, tuple(key)), Encoded(type_, data)) for type_, data, *key in rows]


def update(place: object, old: Encoded, new: Encoded) -> Work[None]:
    """Put other bytes where the old ones still are."""
    assert isinstance(place, Place)
    sql = UPDATE.format(**TABLES[place.table]._asdict(), marks=_marks(place.key))
    yield Statement(sql, (*new, *place.key, old.type, hashlib.sha256(old.data).digest()))


def _marks(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))
