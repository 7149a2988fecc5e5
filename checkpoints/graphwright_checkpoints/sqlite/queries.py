"""Every statement on checkpoints and writes, one function each. All expect an open transaction."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from graphwright_checkpoints.database import Placed
from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.records import (
    Address,
    Head,
    New,
    NewCheckpoint,
    NewWrites,
    Reference,
    Selection,
    StoredCheckpoint,
    StoredWrite,
    decode_references,
    encode_references,
)
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.sqlite import shelves
from graphwright_checkpoints.sqlite.connection import Transaction
from graphwright_checkpoints.sqlite.ledgers import Ledger
from graphwright_checkpoints.templates import Templates

# What a statement is given comes at a price: of each `None`, and of all `bytes`, `sqlite3` asks
# whether somebody knows to adapt them, and that takes longer than all else that it does with them.
INSERT_CHECKPOINT = """
    INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULLIF(?, ''))
"""
# A task that runs again repeats its writes, and the first ones count; LangGraph's own writes
# (negative position) replace each other.
INSERT_WRITE = """
    INSERT INTO checkpoint_writes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULLIF(?, ''))
    ON CONFLICT DO UPDATE
    SET task_path = excluded.task_path, channel = excluded.channel,
        type = excluded.type, value = excluded.value, refs = excluded.refs
    WHERE idx < 0
"""
SELECT_HEAD = """
    SELECT key, epoch, checkpoint_id, parent_checkpoint_id, type, body, metadata, refs
    FROM checkpoint_threads CROSS JOIN checkpoints ON thread = key
    WHERE thread_id = ? AND checkpoint_ns = ?
"""
SELECT_LATEST = SELECT_HEAD + "ORDER BY checkpoint_id DESC LIMIT 1"
SELECT_ONE = SELECT_HEAD + "AND checkpoint_id = ?"
SELECT_WRITES = """
    SELECT task_id, channel, type, value, refs FROM checkpoint_writes
    WHERE thread = ? AND checkpoint_ns = ? AND checkpoint_id = ?
    ORDER BY task_path, task_id, idx
"""


def insert(transaction: Transaction, new: Iterable[New]) -> list[Placed]:
    """Store checkpoints and tasks' writes of one thread, with the elements that they bring."""
    ledger: Ledger | None = None
    placed: list[Placed] = []
    for each in new:
        if ledger is None or (each.fence is not None and each.fence != ledger.fence):
            ledger = shelves.open_for(transaction, each.address.thread_id, each.fence)
        references: Sequence[Reference] = ()
        if isinstance(each, NewCheckpoint):
            references = _insert_checkpoint(transaction, ledger, each)
        else:
            _insert_writes(transaction, ledger, each)
        placed.append((ledger.shelf, references))
    return placed


def _insert_checkpoint(
    transaction: Transaction, ledger: Ledger, new: NewCheckpoint
) -> Sequence[Reference]:
    address, parent_id, run_id, _, body, metadata, parts = new[:7]
    references = shelves.file(transaction, ledger, parts) if parts else ()
    refs = encode_references(references) if references else ""
    place = (ledger.shelf.key, *address[1:])
    content = (body.type, bytearray(body.data), metadata, refs)
    transaction.change(INSERT_CHECKPOINT, (*place, parent_id, run_id, *content))
    return references


def _insert_writes(transaction: Transaction, ledger: Ledger, new: NewWrites) -> None:
    place = (ledger.shelf.key, *new.address[1:])
    rows = []
    for task_id, position, task_path, channel, content, parts in new.writes:
        refs = encode_references(shelves.file(transaction, ledger, parts)) if parts else ""
        type_, data = content
        rows.append((*place, task_id, position, task_path, channel, type_, bytearray(data), refs))
    transaction.change_many(INSERT_WRITE, rows)


def select_head(transaction: Transaction, address: Address) -> Head | None:
    """The checkpoint at `address`, or the latest of its namespace, without its elements."""
    if address.checkpoint_id:
        row = transaction.execute(SELECT_ONE, address).fetchone()
    else:
        row = transaction.execute(SELECT_LATEST, address[:2]).fetchone()
    if row is None:
        return None
    key, epoch, checkpoint_id, parent_id, type_, body, metadata, refs = row
    return Head(
        Shelf(address.thread_id, key, epoch),
        address._replace(checkpoint_id=checkpoint_id),
        parent_id,
        Encoded(type_, body),
        metadata,
        decode_references(refs),
    )


def select_checkpoint(
    transaction: Transaction, address: Address, known: Templates, limit: int | None = None
) -> StoredCheckpoint | None:
    """The checkpoint at `address`, or the latest of its namespace, with all that it refers to.

    Raises `Taken` where more than `limit` bytes of elements would have to be read.
    """
    head = select_head(transaction, address)
    if head is None:
        return None
    writes = select_writes(transaction, head)
    references = chain(head.references, *(write.references for write in writes))
    elements = shelves.select_elements(transaction, head.shelf, references, known, limit)
    return StoredCheckpoint(*head, writes, *elements)


def select_writes(transaction: Transaction, head: Head) -> list[StoredWrite]:
    """Pending writes of a checkpoint, in the order LangGraph applies them."""
    place = (head.shelf.key, *head.address[1:])
    return [
        StoredWrite(task_id, channel, Encoded(type_, value), decode_references(refs))
        for task_id, channel, type_, value, refs in transaction.execute(SELECT_WRITES, place)
    ]


def select_run(transaction: Transaction, run_id: str) -> list[Address]:
    """The checkpoints that a run wrote."""
    rows = transaction.execute(
        "SELECT thread_id, checkpoint_ns, checkpoint_id"
        " FROM checkpoints JOIN checkpoint_threads ON key = thread"
        " WHERE run_id = ? AND thread_id IS NOT NULL",
        (run_id,),
    )
    return [Address(*row) for row in rows]


def select_addresses(transaction: Transaction, wanted: Selection) -> list[tuple[Address, str]]:
    """Addresses and metadata, newest first, of what may match.

    SQLite cannot compare all metadata as Python does, so that the caller has to compare it once
    more, and only without any is the number of rows limited here.
    """
    clauses = list(_conditions(wanted))
    limit = -1 if wanted.metadata or wanted.limit is None else max(wanted.limit, 0)  # -1: none
    where = " AND ".join(clause for clause, _ in clauses)
    rows = transaction.execute(
        "SELECT thread_id, checkpoint_ns, checkpoint_id, metadata"
        f" FROM checkpoints JOIN checkpoint_threads ON key = thread WHERE {where}"
        " ORDER BY checkpoint_id DESC, thread_id, checkpoint_ns LIMIT ?",
        [*chain(*(values for _, values in clauses)), limit],
    )
    return [(Address(*row[:3]), row[3]) for row in rows]


def _conditions(wanted: Selection) -> Iterator[tuple[str, Sequence[Any]]]:
    yield "thread_id IS NOT NULL", []  # those without are being deleted
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
