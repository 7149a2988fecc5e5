"""What may be deleted, and what must stay for the rest to be readable.

Each step is a short transaction of its own, so that nobody waits long for the write lock: a
deletion that is interrupted has deleted some, and can be done again.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from langgraph.checkpoint.base import Checkpoint

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.records import Address, decode_references
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.spans import union
from graphwright_checkpoints.sqlite import queries, shelves
from graphwright_checkpoints.sqlite.connection import Transaction
from graphwright_checkpoints.sqlite.database import Database

BATCH = 500  # rows of one transaction

ReadBody = Callable[[Encoded], Checkpoint]
"""Decodes the body of a checkpoint."""

TABLES = ("checkpoints", "checkpoint_writes")


def delete_thread(database: Database, thread_id: str) -> None:
    """Leave no row of a thread. It is gone for everybody at once, its rows follow."""
    database.write(lambda transaction: _detach(transaction, thread_id))
    delete_detached(database)


def delete_detached(database: Database) -> None:
    """Delete what is left of deleted threads."""
    while database.write(_delete_some_detached):
        pass


def delete_for_runs(database: Database, run_ids: Iterable[str]) -> None:
    """Delete what the runs wrote; elements that other checkpoints have stay."""
    for run_id in run_ids:
        found = database.read(partial(_of_run, run_id=run_id))
        _delete_checkpoints(database, found)
        for thread_id in sorted({address.thread_id for address in found}):
            sweep(database, thread_id)


def keep_latest(database: Database, thread_id: str, read: ReadBody) -> None:
    """Keep each namespace's newest checkpoint, and the ancestors its delta channels start from."""
    _delete_checkpoints(
        database, database.read(lambda transaction: _superseded(transaction, thread_id, read))
    )
    sweep(database, thread_id)


def sweep(database: Database, thread_id: str) -> None:
    """Delete the elements that nothing in the thread refers to; and the thread, if it is empty."""
    while database.write(lambda transaction: _sweep_some(transaction, thread_id)):
        pass


def _detach(transaction: Transaction, thread_id: str) -> None:
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
        ("checkpoint_elements WHERE id BETWEEN ? AND ?", (base, base + 2**shelves.BITS - 1)),
    ):
        if _delete_some(transaction, statement, values):
            return True
    transaction.execute("DELETE FROM checkpoint_threads WHERE key = ?", row)
    return True


def _delete_some(transaction: Transaction, where: str, values: Sequence[object]) -> bool:
    """Delete up to a batch of a table's rows; whether there were any."""
    table = where.partition(" ")[0]
    keys = "thread, checkpoint_ns, checkpoint_id, task_id, idx"
    name = f"({keys})" if table == "checkpoint_writes" else "rowid"
    columns = name.strip("()")
    done = transaction.execute(
        f"DELETE FROM {table} WHERE {name} IN (SELECT {columns} FROM {where} LIMIT {BATCH})",
        values,
    )
    return done.rowcount > 0


def _of_run(transaction: Transaction, run_id: str) -> list[Address]:
    rows = transaction.execute(
        "SELECT thread_id, checkpoint_ns, checkpoint_id"
        " FROM checkpoints JOIN checkpoint_threads ON key = thread"
        " WHERE run_id = ? AND thread_id IS NOT NULL",
        (run_id,),
    )
    return [Address(*row) for row in rows]


def _superseded(transaction: Transaction, thread_id: str, read: ReadBody) -> list[Address]:
    wanted = queries.Selection(thread_id, None, None, None, {}, None)
    stored = [address for address, _ in queries.select_addresses(transaction, wanted)]
    kept: set[Address] = set()
    for checkpoint_ns in {address.checkpoint_ns for address in stored}:
        kept |= _lineage(transaction, Address(thread_id, checkpoint_ns, ""), read)
    return [address for address in stored if address not in kept]


def _lineage(transaction: Transaction, address: Address, read: ReadBody) -> set[Address]:
    """A checkpoint, and its ancestors back to where each of its delta channels has a value.

    LangGraph names the delta channels with writes since their last snapshot in the metadata.
    """
    kept: set[Address] = set()
    head = queries.select_head(transaction, address)
    unresolved = (
        set(json.loads(head.metadata).get("counters_since_delta_snapshot", ())) if head else set()
    )
    while head is not None and head.address not in kept:
        kept.add(head.address)
        unresolved -= set(read(head.body)["channel_values"])
        if not (unresolved and head.parent_id):
            break
        head = queries.select_head(transaction, head.address._replace(checkpoint_id=head.parent_id))
    return kept


def _delete_checkpoints(database: Database, addresses: Sequence[Address]) -> None:
    for start in range(0, len(addresses), BATCH):
        batch = addresses[start : start + BATCH]

        def work(transaction: Transaction, batch: Sequence[Address] = batch) -> None:
            for address in batch:
                shelf = shelves.find(transaction, address.thread_id)
                for table in TABLES if shelf else ():
                    transaction.execute(
                        f"DELETE FROM {table}"
                        " WHERE thread = ? AND checkpoint_ns = ? AND checkpoint_id = ?",
                        (shelf.key if shelf else 0, *address[1:]),
                    )

        database.write(work)


def _sweep_some(transaction: Transaction, thread_id: str) -> bool:
    shelf = shelves.find(transaction, thread_id)
    if shelf is None:
        return False
    # What is in use is read in the transaction that deletes: a checkpoint may have come meanwhile.
    base = shelf.key << shelves.BITS
    doomed: list[int] = []
    for start, stop in _gaps(_used(transaction, shelf)):
        rows = transaction.execute(
            "SELECT id FROM checkpoint_elements WHERE id BETWEEN ? AND ? LIMIT ?",
            (base + start, base + stop - 1, BATCH - len(doomed)),
        )
        doomed += [rowid for (rowid,) in rows]
    if doomed:
        transaction.link.executemany(
            "DELETE FROM checkpoint_elements WHERE id = ?", [(rowid,) for rowid in doomed]
        )
        transaction.execute(
            "UPDATE checkpoint_threads SET epoch = ? WHERE key = ?",
            (shelves.new_epoch(), shelf.key),
        )
    if len(doomed) < BATCH and _is_empty(transaction, shelf):
        transaction.execute("DELETE FROM checkpoint_threads WHERE key = ?", (shelf.key,))
    return len(doomed) == BATCH


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


def _is_empty(transaction: Transaction, shelf: Shelf) -> bool:
    return not any(
        transaction.execute(
            f"SELECT 1 FROM {table} WHERE thread = ? LIMIT 1", (shelf.key,)
        ).fetchone()
        for table in TABLES
    )
