"""Every statement on the keys of blobs, which hold the bytes of large elements."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice

from graphwright_checkpoints.database import Stale
from graphwright_checkpoints.elements import Element
from graphwright_checkpoints.records import Blobs
from graphwright_checkpoints.sqlite.connection import Transaction

BATCH = 500  # keys at a time; old SQLite takes 999 "?"


def content(element: Element, blobs: Blobs) -> tuple[bytes | None, str | None]:
    """The data and the blob of an element's row, or raise `Stale` where there can be neither."""
    if element.digest not in blobs:
        return element.data, None
    if (blob := blobs[element.digest]) is None:
        raise Stale
    return b"", blob


def doom_surplus(transaction: Transaction, digests: Iterable[bytes], blobs: Blobs) -> None:
    """Have the blobs deleted that were brought for elements that are there already.

    Unless it is their own: one call may bring an element in several parts.
    """
    transaction.link.executemany(
        "INSERT OR IGNORE INTO checkpoint_doomed_blobs SELECT :blob WHERE NOT EXISTS"
        " (SELECT 1 FROM checkpoint_elements WHERE digest = :digest AND blob = :blob)",
        [
            {"digest": digest, "blob": blob}
            for digest in digests
            if (blob := blobs.get(digest)) is not None
        ],
    )


def select_doomed(transaction: Transaction) -> Sequence[str]:
    """Some of the blobs that are to be deleted."""
    rows = transaction.execute("SELECT blob FROM checkpoint_doomed_blobs LIMIT ?", (BATCH,))
    return [blob for (blob,) in rows]


def forget(transaction: Transaction, blobs: Iterable[str]) -> None:
    """Note that blobs are deleted."""
    transaction.link.executemany(
        "DELETE FROM checkpoint_doomed_blobs WHERE blob = ?", [(blob,) for blob in blobs]
    )


def select_kept(transaction: Transaction, digests: Collection[bytes]) -> set[str]:
    """The blobs of elements with these digests, in any thread."""
    found: set[str] = set()
    # A sweep hides elements behind a longer digest, and may find that they stay.
    for batch in _batches([*digests, *(digest + b"\0" for digest in digests)]):
        rows = transaction.execute(
            "SELECT blob FROM checkpoint_elements WHERE blob IS NOT NULL"
            f" AND digest IN ({', '.join('?' * len(batch))})",
            batch,
        )
        found.update(blob for (blob,) in rows)
    return found


def select_between(transaction: Transaction, first: int, last: int) -> list[tuple[int, str]]:
    """Row ids and blobs of the elements in a range that have one."""
    return transaction.execute(
        "SELECT id, blob FROM checkpoint_elements WHERE id BETWEEN ? AND ? AND blob IS NOT NULL",
        (first, last),
    ).fetchall()


def select_page(transaction: Transaction, after: object) -> list[tuple[object, str, str]]:
    """Row ids, types and blobs of the next elements that have one."""
    return transaction.execute(
        "SELECT id, type, blob FROM checkpoint_elements WHERE id > ? AND blob IS NOT NULL"
        " ORDER BY id LIMIT ?",
        (-1 if after is None else after, BATCH),
    ).fetchall()


def move(transaction: Transaction, changes: Sequence[tuple[object, str, str, str]]) -> None:
    """Give elements another blob where they have the old one; doom what nobody has then."""
    for rowid, old, type_, new in changes:
        moved = transaction.execute(
            "UPDATE checkpoint_elements SET type = ?, blob = ? WHERE id = ? AND blob = ?",
            (type_, new, rowid, old),
        )
        transaction.execute(
            "INSERT OR IGNORE INTO checkpoint_doomed_blobs VALUES (?)",
            (old if moved.rowcount else new,),
        )


def _batches(values: Iterable[bytes]) -> Iterator[list[bytes]]:
    remaining = iter(values)
    while batch := list(islice(remaining, BATCH)):
        yield batch
