"""Copies of threads."""

from collections.abc import Iterable, Iterator, Mapping

from graphwright_checkpoints.database import Stale
from graphwright_checkpoints.elements import Element, Shelf
from graphwright_checkpoints.records import (
    NewPart,
    Reference,
    decode_references,
    encode_references,
)
from graphwright_checkpoints.spans import expand
from graphwright_checkpoints.sqlite import outside, shelves
from graphwright_checkpoints.sqlite.connection import Transaction

TABLES = {
    "checkpoints": "checkpoint_ns, checkpoint_id, parent_checkpoint_id, run_id, type, body,"
    " metadata, refs",
    "checkpoint_writes": "checkpoint_ns, checkpoint_id, task_id, idx, task_path, channel, type,"
    " value, refs",
}


def copy_thread(
    transaction: Transaction, source: str, target: str, blobs: Mapping[str, str]
) -> None:
    """Give `target` every row of `source`; what `target` had under the same ids is replaced.

    `blobs` has the copy's key for each of the source's blobs, or else this raises `Stale`.
    """
    origin = shelves.find(transaction, source)
    if origin is None or source == target:
        return
    outer = outside.select_between(transaction, *shelves.bounds(origin))
    if any(blob not in blobs for _, blob in outer):
        raise Stale
    is_new = shelves.find(transaction, target) is None
    ledger = shelves.open_for(transaction, target, None)
    copy = ledger.shelf
    if is_new:
        _copy_elements(transaction, origin, copy, [(row, blobs[blob]) for row, blob in outer])
        ledger.next.clear()
    for table, columns in TABLES.items():
        rows = transaction.execute(
            f"SELECT {columns} FROM {table} WHERE thread = ?", (origin.key,)
        ).fetchall()
        marks = ", ".join("?" * (columns.count(",") + 2))
        for *row, refs in rows:
            if not is_new:
                parts = _moved(transaction, origin, decode_references(refs), blobs)
                refs = encode_references(shelves.file(transaction, ledger, parts))
            transaction.execute(
                f"INSERT OR REPLACE INTO {table} (thread, {columns}) VALUES ({marks})",
                (copy.key, *row, refs),
            )


def _copy_elements(
    transaction: Transaction, origin: Shelf, copy: Shelf, blobs: Iterable[tuple[int, str]]
) -> None:
    away = (copy.key - origin.key) << shelves.BITS
    transaction.execute(
        "INSERT INTO checkpoint_elements SELECT id + ?, digest, many, type, data, blob"
        " FROM checkpoint_elements WHERE id BETWEEN ? AND ?",
        (away, *shelves.bounds(origin)),
    )
    transaction.link.executemany(
        "UPDATE checkpoint_elements SET blob = ? WHERE id = ?",
        [(blob, rowid + away) for rowid, blob in blobs],
    )


def _moved(
    transaction: Transaction,
    origin: Shelf,
    references: Iterable[Reference],
    blobs: Mapping[str, str],
) -> Iterator[NewPart]:
    """What references refer to, for a shelf that has elements of its own under their numbers."""
    for channel, path, form, spans in references:
        elements: list[Element] = []
        kept: dict[bytes, str | None] = {}
        for number in expand(spans):
            digest, many, type_, data, blob = transaction.execute(
                "SELECT digest, many, type, data, blob FROM checkpoint_elements WHERE id = ?",
                ((origin.key << shelves.BITS) + number,),
            ).fetchone()
            elements.append(Element(digest, many, type_, data))
            if blob is not None:
                kept[digest] = blobs[blob]
        yield NewPart(channel, path, form, channel, elements, blobs=kept)
