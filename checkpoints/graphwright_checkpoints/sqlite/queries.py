"""Every statement on the tables, one function each. All expect an open transaction."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from langgraph.checkpoint.base import ChannelVersions

from graphwright_checkpoints.records import Address, Encoded, NewCheckpoint, Write

ROWS = 100  # of one statement: fewer, longer statements are quicker, and old SQLite takes 999 "?"

INSERT_CHECKPOINT = "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_BLOBS = "INSERT OR REPLACE INTO blobs VALUES "
BLOB = "(?, ?, ?, ?, ?, ?)"
INSERT_WRITES = "INSERT INTO writes VALUES "
WRITE = "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
# A task that runs again repeats its writes, and the first ones count; LangGraph's own writes
# (negative position) replace each other.
FIRST_WRITE_COUNTS = """
    ON CONFLICT DO UPDATE
    SET task_path = excluded.task_path, channel = excluded.channel,
        type = excluded.type, blob = excluded.blob
    WHERE idx < 0
"""
SELECT_LATEST = """
    SELECT checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata FROM checkpoints
    WHERE thread_id = ? AND checkpoint_ns = ? ORDER BY checkpoint_id DESC LIMIT 1
"""
SELECT_ONE = """
    SELECT checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata FROM checkpoints
    WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?
"""
SELECT_WRITES = """
    SELECT task_id, channel, type, blob FROM writes
    WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?
    ORDER BY task_path, task_id, idx
"""


class Head(NamedTuple):
    """A row of `checkpoints`."""

    address: Address
    parent_id: str | None
    body: Encoded
    metadata: str


def insert_checkpoint(link: sqlite3.Connection, new: NewCheckpoint) -> None:
    """Store a checkpoint and the values that it brings."""
    thread_id, checkpoint_ns, _ = new.address
    values = iter(new.values)
    while batch := list(islice(values, ROWS)):
        rows = [
            (thread_id, checkpoint_ns, channel, version, *content)
            for channel, version, content in batch
        ]
        link.execute(INSERT_BLOBS + ", ".join([BLOB] * len(rows)), list(chain(*rows)))
    link.execute(
        INSERT_CHECKPOINT, (*new.address, new.parent_id, new.run_id, *new.body, new.metadata)
    )


def insert_writes(link: sqlite3.Connection, address: Address, writes: Iterable[Write]) -> None:
    """Store pending writes of the checkpoint at `address`: one statement for up to `ROWS`."""
    remaining = iter(writes)
    while batch := list(islice(remaining, ROWS)):
        rows = [(*address, *write[:-1], *write.content) for write in batch]
        link.execute(
            INSERT_WRITES + ", ".join([WRITE] * len(rows)) + FIRST_WRITE_COUNTS, list(chain(*rows))
        )


def select_checkpoint(link: sqlite3.Connection, address: Address) -> Head | None:
    """The checkpoint at `address`, or the latest of its namespace."""
    if address.checkpoint_id:
        row = link.execute(SELECT_ONE, address).fetchone()
    else:
        row = link.execute(SELECT_LATEST, address[:2]).fetchone()
    if row is None:
        return None
    found = address._replace(checkpoint_id=row[0])
    return Head(found, row[1], Encoded(row[2], row[3]), row[4])


def select_values(
    link: sqlite3.Connection, address: Address, versions: ChannelVersions
) -> list[tuple[str, Encoded]]:
    """The values that channels have at `versions`; a channel without a value is left out."""
    found: dict[str, Encoded] = {}
    pairs = iter(versions.items())
    while batch := list(islice(pairs, ROWS)):
        # The join is CROSS so that SQLite looks each pair up in the key's index.
        statement = (
            f"WITH wanted(channel, version) AS (VALUES {', '.join(['(?, ?)'] * len(batch))})"
            " SELECT blobs.channel, type, blob FROM wanted CROSS JOIN blobs"
            " ON thread_id = ? AND checkpoint_ns = ?"
            " AND blobs.channel = wanted.channel AND blobs.version = wanted.version"
        )
        flat = [part for pair in batch for part in pair]
        for channel, type_, blob in link.execute(statement, (*flat, *address[:2])):
            found[channel] = Encoded(type_, blob)
    # In the order of the versions, which is LangGraph's order of channels.
    return [(channel, found[channel]) for channel in versions if channel in found]


def select_writes(link: sqlite3.Connection, address: Address) -> list[tuple[str, str, Encoded]]:
    """Task id, channel and content of pending writes, in the order LangGraph applies them."""
    return [
        (task_id, channel, Encoded(type_, blob))
        for task_id, channel, type_, blob in link.execute(SELECT_WRITES, address)
    ]


class Selection(NamedTuple):
    """Which checkpoints `list` asks for, and how many. None means any; `before` is an id."""

    thread_id: str | None
    checkpoint_ns: str | None
    checkpoint_id: str | None
    before: str | None
    metadata: Mapping[str, Any]
    limit: int | None


def select_addresses(link: sqlite3.Connection, wanted: Selection) -> list[tuple[Address, str]]:
    """Addresses and metadata, newest first, of what may match.

    SQLite cannot compare all metadata as Python does, so that the caller has to compare it once
    more, and only without any is the number of rows limited here.
    """
    clauses = list(_conditions(wanted))
    limit = -1 if wanted.metadata or wanted.limit is None else max(wanted.limit, 0)  # -1: none
    where = " AND ".join(clause for clause, _ in clauses) or "TRUE"
    rows = link.execute(
        f"SELECT thread_id, checkpoint_ns, checkpoint_id, metadata FROM checkpoints WHERE {where}"
        " ORDER BY checkpoint_id DESC, thread_id, checkpoint_ns LIMIT ?",
        [*chain(*(values for _, values in clauses)), limit],
    )
    return [(Address(*row[:3]), row[3]) for row in rows]


def _conditions(wanted: Selection) -> Iterator[tuple[str, Sequence[Any]]]:
    for column in ("thread_id", "checkpoint_ns", "checkpoint_id"):
        if (value := getattr(wanted, column)) is not None:
            yield f"{column} = ?", [value]
    if wanted.before is not None:
        yield "checkpoint_id < ?", [wanted.before]
    for name, value in wanted.metadata.items():
        if _is_plain(name, value):
            # NaN and Infinity make metadata that SQLite does not take for JSON.
            yield (
                "(NOT json_valid(metadata) OR json_extract(metadata, ?) IS ?)",
                [f'$."{name}"', value],
            )


def _is_plain(name: str, value: Any) -> bool:
    """Whether SQLite and Python agree on what equal means for this entry."""
    if not (name.isascii() and name.isidentifier()):
        return False
    if isinstance(value, str):
        return value.isprintable()
    return isinstance(value, int) and abs(value) < 2**53


def delete_thread(link: sqlite3.Connection, thread_id: str) -> None:
    """Leave no row of a thread."""
    for table in ("checkpoints", "blobs", "writes"):
        link.execute(f"DELETE FROM {table} WHERE thread_id = ?", (thread_id,))


def copy_thread(link: sqlite3.Connection, source: str, target: str) -> None:
    """Give `target` every row of `source`; what `target` had under the same ids is replaced."""
    for table in ("checkpoints", "blobs", "writes"):
        columns = [row[1] for row in link.execute(f"PRAGMA table_info({table})")][1:]
        names = ", ".join(columns)
        link.execute(
            f"INSERT OR REPLACE INTO {table} (thread_id, {names})"
            f" SELECT ?, {names} FROM {table} WHERE thread_id = ?",
            (target, source),
        )
