"""Copies of threads."""

from collections.abc import Iterable, Iterator

from graphwright_checkpoints.elements import Element, Shelf
from graphwright_checkpoints.records import Reference, decode_references, encode_references
from graphwright_checkpoints.spans import collect, expand
from graphwright_checkpoints.sqlite import shelves
from graphwright_checkpoints.sqlite.connection import Transaction

TABLES = {
    "checkpoints": "checkpoint_ns, checkpoint_id, parent_checkpoint_id, run_id, type, body,"
    " metadata, refs",
    "checkpoint_writes": "checkpoint_ns, checkpoint_id, task_id, idx, task_path, channel, type,"
    " value, refs",
}


def copy_thread(transaction: Transaction, source: str, target: str) -> None:
    """Give `target` every row of `source`; what `target` had under the same ids is replaced."""
    origin = shelves.find(transaction, source)
    if origin is None or source == target:
        return
    is_new = shelves.find(transaction, target) is None
    copy = shelves.open_for(transaction, target, None)
    if is_new:
        transaction.execute(
            "INSERT INTO checkpoint_elements SELECT id + ?, digest, many, type, data"
            " FROM checkpoint_elements WHERE id BETWEEN ? AND ?",
            ((copy.key - origin.key) << shelves.BITS, *shelves.bounds(origin)),
        )
    for table, columns in TABLES.items():
        rows = transaction.execute(
            f"SELECT {columns} FROM {table} WHERE thread = ?", (origin.key,)
        ).fetchall()
        marks = ", ".join("?" * (columns.count(",") + 2))
        for *row, refs in rows:
            if not is_new:
                moved = _moved(transaction, origin, copy, decode_references(refs))
                refs = encode_references(moved)
            transaction.execute(
                f"INSERT OR REPLACE INTO {table} (thread, {columns}) VALUES ({marks})",
                (copy.key, *row, refs),
            )


def _moved(
    transaction: Transaction, origin: Shelf, copy: Shelf, references: Iterable[Reference]
) -> Iterator[Reference]:
    """The references on a shelf that has elements of its own under the same numbers."""
    for reference in references:
        elements = [
            Element(*row)
            for number in expand(reference.spans)
            for row in transaction.execute(
                "SELECT digest, many, type, data FROM checkpoint_elements WHERE id = ?",
                ((origin.key << shelves.BITS) + number,),
            )
        ]
        placed = shelves.place(transaction, copy, reference.channel, elements)
        spans = collect(placed[element.digest] for element in elements)
        yield reference._replace(spans=spans)
