"""Deletions, in short transactions, so that nobody waits long for the write lock."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.records import Address, decode_references
from graphwright_checkpoints.serialization import DIGEST
from graphwright_checkpoints.spans import union
from graphwright_checkpoints.sqlite import shelves
from graphwright_checkpoints.sqlite.connection import Transaction
from graphwright_checkpoints.sqlite.file import File

BATCH = 500  # rows of one transaction
CHECKPOINTS = 50  # of one transaction; each has several rows
ELEMENTS = 200  # of one transaction; their digests are all over an index
PAUSE = 0.005  # seconds; who waits for SQLite's lock polls, and must find it free now and then

Item = TypeVar("Item")

TABLES = ("checkpoints", "checkpoint_writes")
"""Those that refer to elements."""

KEYS = {
    "checkpoints": "rowid",
    "checkpoint_writes": "thread, checkpoint_ns, checkpoint_id, task_id, idx",
    "checkpoint_pins": "thread, checkpoint_ns, checkpoint_id",
    "checkpoint_elements": "rowid",
}


def delete_thread(file: File, thread_id: str) -> None:
    """Leave no row of a thread. It is gone for everybody at once, its rows follow."""
    file.write(lambda transaction: _detach(transaction, thread_id))
    delete_detached(file)


def delete_detached(file: File) -> None:
    """Delete what is left of deleted threads."""
    while file.write(_delete_some_detached):
        time.sleep(PAUSE)


def delete_checkpoints(file: File, addresses: Iterable[Address]) -> None:
    """Delete checkpoints and their writes; their elements stay."""
    _in_turns(file, _delete_checkpoints, addresses, CHECKPOINTS)


def _delete_checkpoints(transaction: Transaction, batch: Sequence[Address]) -> None:
    for address in batch:
        _delete_checkpoint(transaction, address)
    # Nobody goes on referring to what only these checkpoints had: see `sweep`.
    for thread_id in {address.thread_id for address in batch}:
        _begin_epoch(transaction, thread_id)


def _in_turns(
    file: File,
    work: Callable[..., None],
    items: Iterable[Item],
    size: int,
) -> None:
    """Call `work(transaction, batch=…)` in transactions with a pause between them."""
    remaining = iter(items)
    batch = list(islice(remaining, size))
    while batch:
        file.write(partial(work, batch=batch))
        batch = list(islice(remaining, size))
        if batch:
            time.sleep(PAUSE)


def _delete_checkpoint(transaction: Transaction, address: Address) -> None:
    shelf = shelves.find(transaction, address.thread_id)
    for table in (*TABLES, "checkpoint_pins") if shelf else ():
        transaction.execute(
            f"DELETE FROM {table} WHERE thread = ? AND checkpoint_ns = ? AND checkpoint_id = ?",
            (shelf.key if shelf else 0, *address[1:]),
        )


def sweep(file: File, thread_id: str) -> None:
    """Delete the elements that nothing in the thread refers to; and the thread, if it is empty.

    To find them takes longer than anybody should wait for the write lock, and a checkpoint that
    comes meanwhile may refer to one of them. So they are hidden first, from new elements of the
    same content; what is referred to after that stays, the rest cannot be referred to any more.
    """
    doomed = file.read(lambda transaction: _unused(transaction, thread_id))
    if doomed:
        _in_turns(file, partial(_hide, thread_id=thread_id), doomed, ELEMENTS)
        unused = set(file.read(lambda transaction: _unused(transaction, thread_id)))
        gone = [rowid for rowid in doomed if rowid in unused]
        _in_turns(file, partial(_delete_elements, thread_id=thread_id), gone, ELEMENTS)
    file.write(partial(_delete_if_empty, thread_id=thread_id))


def _detach(transaction: Transaction, thread_id: str) -> None:
    transaction.ledgers.forget()
    transaction.execute(
        "UPDATE checkpoint_threads SET thread_id = NULL WHERE thread_id = ?", (thread_id,)
    )


def _delete_some_detached(transaction: Transaction) -> bool:
    row = transaction.execute(
        "SELECT key FROM checkpoint_threads WHERE thread_id IS NULL LIMIT 1"
    ).fetchone()
    if row is None:
        return False
    (key,) = row
    base = key << shelves.BITS
    for statement, values in (
        ("checkpoints WHERE thread = ?", (key,)),
        ("checkpoint_writes WHERE thread = ?", (key,)),
        ("checkpoint_pins WHERE thread = ?", (key,)),
        ("checkpoint_elements WHERE id BETWEEN ? AND ?", (base, base + 2**shelves.BITS - 1)),
    ):
        if _delete_some(transaction, statement, values):
            return True
    transaction.execute("DELETE FROM checkpoint_threads WHERE key = ?", row)
    return True


def _delete_some(transaction: Transaction, where: str, values: Sequence[object]) -> bool:
    """Delete up to a batch of a table's rows; whether there were any."""
    table = where.partition(" ")[0]
    key = KEYS[table]
    done = transaction.execute(
        f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {where} LIMIT {BATCH})", values
    )
    return done.rowcount > 0


def _unused(transaction: Transaction, thread_id: str) -> list[int]:
    """The row ids of elements that nothing refers to."""
    shelf = shelves.find(transaction, thread_id)
    if shelf is None:
        return []
    base = shelf.key << shelves.BITS
    return [
        rowid
        for start, stop in _gaps(_used(transaction, shelf))
        for (rowid,) in transaction.execute(
            "SELECT id FROM checkpoint_elements WHERE id BETWEEN ? AND ?",
            (base + start, base + stop - 1),
        )
    ]


def _hide(transaction: Transaction, batch: Sequence[int], thread_id: str) -> None:
    """Let elements be found no more, by their digest or by who remembers their number."""
    transaction.link.executemany(
        "UPDATE checkpoint_elements SET digest = CAST(digest || x'00' AS BLOB) WHERE id = ?",
        [(rowid,) for rowid in batch],
    )
    _begin_epoch(transaction, thread_id)


def _delete_elements(transaction: Transaction, batch: Sequence[int], thread_id: str) -> None:
    # Only what is hidden: the thread may be gone, and its row ids another's, since that was done.
    transaction.link.executemany(
        "DELETE FROM checkpoint_elements WHERE id = ? AND length(digest) > ?",
        [(rowid, DIGEST) for rowid in batch],
    )
    _begin_epoch(transaction, thread_id)


def _begin_epoch(transaction: Transaction, thread_id: str) -> None:
    """Let whoever remembers how something was stored look again."""
    transaction.ledgers.forget()
    transaction.execute(
        "UPDATE checkpoint_threads SET epoch = ? WHERE thread_id = ?",
        (shelves.new_epoch(), thread_id),
    )


def _used(transaction: Transaction, shelf: Shelf) -> list[range]:
    return union(
        reference.spans
        for table in TABLES
        for (refs,) in transaction.execute(
            f"SELECT refs FROM {table} WHERE thread = ? AND refs IS NOT NULL", (shelf.key,)
        )
        for reference in decode_references(refs)
    )


def _gaps(used: Iterable[range]) -> Iterator[tuple[int, int]]:
    start = 0
    for span in used:
        if start < span.start:
            yield start, span.start
        start = span.stop
    yield start, 2**shelves.BITS


def _delete_if_empty(transaction: Transaction, thread_id: str) -> None:
    shelf = shelves.find(transaction, thread_id)
    if shelf is None or _has_rows(transaction, shelf):
        return
    transaction.execute(
        "DELETE FROM checkpoint_elements WHERE id BETWEEN ? AND ?", shelves.bounds(shelf)
    )
    transaction.execute("DELETE FROM checkpoint_threads WHERE key = ?", (shelf.key,))


def _has_rows(transaction: Transaction, shelf: Shelf) -> bool:
    return any(
        transaction.execute(
            f"SELECT 1 FROM {table} WHERE thread = ? LIMIT 1", (shelf.key,)
        ).fetchone()
        for table in TABLES
    )
