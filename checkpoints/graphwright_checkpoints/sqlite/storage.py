"""Every statement about what threads keep and how much room it takes. All expect an open
transaction.
"""

from collections.abc import Collection, Iterator

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.records import Address, decode_references
from graphwright_checkpoints.spans import Spans
from graphwright_checkpoints.sqlite import shelves
from graphwright_checkpoints.sqlite.connection import Transaction
from graphwright_checkpoints.storage import Amount, Outline, Usage, weigh

CHECKPOINT_SIZE = "length(body) + length(metadata) + coalesce(length(refs), 0)"
WRITE_SIZE = "length(value) + coalesce(length(refs), 0)"
OUTLINE = f"""
    SELECT checkpoint_ns, checkpoint_id, parent_checkpoint_id, metadata,
        {CHECKPOINT_SIZE} + coalesce((SELECT sum({WRITE_SIZE}) FROM checkpoint_writes AS w
            WHERE (w.thread, w.checkpoint_ns, w.checkpoint_id)
                = (c.thread, c.checkpoint_ns, c.checkpoint_id)), 0),
        EXISTS (SELECT 1 FROM checkpoint_pins AS p
            WHERE (p.thread, p.checkpoint_ns, p.checkpoint_id)
                = (c.thread, c.checkpoint_ns, c.checkpoint_id))
    FROM checkpoints AS c
    WHERE thread = ? AND (checkpoint_ns, checkpoint_id) > (?, ?)
    ORDER BY checkpoint_ns, checkpoint_id LIMIT ?
"""


def select_threads(transaction: Transaction, after: str, limit: int) -> list[str]:
    """Ids of threads, in their order, that come after one."""
    rows = transaction.execute(
        "SELECT thread_id FROM checkpoint_threads WHERE thread_id > ? ORDER BY thread_id LIMIT ?",
        (after, limit),
    )
    return [thread_id for (thread_id,) in rows]


def select_outline(
    transaction: Transaction, thread_id: str, after: tuple[str, str], limit: int
) -> list[Outline]:
    """A thread's checkpoints that come after a namespace and id."""
    shelf = shelves.find(transaction, thread_id)
    rows = transaction.execute(OUTLINE, (shelf.key, *after, limit)) if shelf else ()
    return [
        Outline(
            Address(thread_id, checkpoint_ns, checkpoint_id),
            parent_id,
            metadata,
            size,
            bool(pinned),
        )
        for checkpoint_ns, checkpoint_id, parent_id, metadata, size, pinned in rows
    ]


def select_usage(transaction: Transaction, thread_id: str) -> Usage:
    """What a thread takes; nothing, if there is none of that name."""
    shelf = shelves.find(transaction, thread_id)
    if shelf is None:
        return Usage(Amount(), Amount(), Amount(), None, None)
    count, size, oldest, newest = transaction.execute(
        f"SELECT count(*), coalesce(sum({CHECKPOINT_SIZE}), 0), min(checkpoint_id),"
        " max(checkpoint_id) FROM checkpoints WHERE thread = ?",
        (shelf.key,),
    ).fetchone()
    writes = transaction.execute(
        f"SELECT count(*), coalesce(sum({WRITE_SIZE}), 0) FROM checkpoint_writes WHERE thread = ?",
        (shelf.key,),
    ).fetchone()
    elements = transaction.execute(
        "SELECT count(*), coalesce(sum(length(data)), 0)"
        " FROM checkpoint_elements WHERE id BETWEEN ? AND ?",
        shelves.bounds(shelf),
    ).fetchone()
    return Usage(Amount(count, size), Amount(*writes), Amount(*elements), oldest, newest)


def select_elements(
    transaction: Transaction, thread_id: str, without: Collection[Address]
) -> dict[str, Amount]:
    """The elements of each channel, and their bytes, if some checkpoints were not there.

    One that two channels have counts for the first of them.
    """
    shelf = shelves.find(transaction, thread_id)
    if shelf is None:
        return {}
    base = shelf.key << shelves.BITS
    weights = {
        rowid - base: weight
        for rowid, weight in transaction.execute(
            "SELECT id, length(data) FROM checkpoint_elements WHERE id BETWEEN ? AND ?",
            shelves.bounds(shelf),
        )
    }
    used: dict[str, list[Spans]] = {}
    for channel, spans in _references(transaction, shelf, without):
        used.setdefault(channel, []).append(spans)
    return weigh(used, weights)


def _references(
    transaction: Transaction, shelf: Shelf, without: Collection[Address]
) -> Iterator[tuple[str, Spans]]:
    for table in ("checkpoints", "checkpoint_writes"):
        rows = transaction.execute(
            f"SELECT checkpoint_ns, checkpoint_id, refs FROM {table}"
            " WHERE thread = ? AND refs IS NOT NULL",
            (shelf.key,),
        )
        for checkpoint_ns, checkpoint_id, refs in rows:
            if Address(shelf.thread_id, checkpoint_ns, checkpoint_id) not in without:
                for reference in decode_references(refs):
                    yield reference.channel, reference.spans


def pin(transaction: Transaction, address: Address, pinned: bool) -> bool:
    """Pin a checkpoint, or let it go; False if there is none."""
    shelf = shelves.find(transaction, address.thread_id)
    if shelf is None:
        return False
    place = (shelf.key, *address[1:])
    if not pinned:
        statement = (
            "DELETE FROM checkpoint_pins"
            " WHERE thread = ? AND checkpoint_ns = ? AND checkpoint_id = ?"
        )
        return transaction.execute(statement, place).rowcount > 0
    statement = (
        "INSERT OR REPLACE INTO checkpoint_pins SELECT thread, checkpoint_ns, checkpoint_id"
        " FROM checkpoints WHERE thread = ? AND checkpoint_ns = ? AND checkpoint_id = ?"
    )
    return transaction.execute(statement, place).rowcount > 0
