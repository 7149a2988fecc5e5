"""What is done to blobs by the way: a change of their keys, and the deletion of orphans.

A blob is never written over: an element's new bytes are a new blob, and its row goes from the old
one to that. So a reader has the one or the other, whole, and a kill leaves one of them an orphan.
"""

import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import chain, islice
from typing import NamedTuple

from graphwright_checkpoints.blobs import BATCH, Absent, BlobStore
from graphwright_checkpoints.database import BlobRows
from graphwright_checkpoints.errors import BlobsUnavailable, DatabaseUnavailable
from graphwright_checkpoints.keys import digest_in, is_key, renewed
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.storage import Amount

PAGE = 8  # blobs; each is in memory twice while it is changed
LISTED = 10_000  # keys that are looked up at once

logger = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where an element is: its row, and the blob with its bytes."""

    row: object
    blob: str

    def __str__(self) -> str:
        return f"blob {self.blob}"


def read_page(rows: BlobRows, store: BlobStore, after: object) -> list[tuple[object, Encoded]]:
    """The page that comes after a place, and the first one after anything else."""
    row = after.row if isinstance(after, Place) else None
    while elements := rows.outside(row)[:PAGE]:
        found = store.pool.map(lambda blob: _get(store, blob), [blob for _, _, blob in elements])
        page: list[tuple[object, Encoded]] = [
            (Place(row, blob), Encoded(type_, data))
            for (row, type_, blob), data in zip(elements, found, strict=True)
            if data is not None
        ]
        if page:
            return page
        row = elements[-1][0]
    return []


def replace(
    rows: BlobRows, store: BlobStore, changes: Sequence[tuple[object, Encoded, Encoded]]
) -> None:
    """Give elements blobs with other bytes, where they still have the old ones."""
    moves = []
    for place, _, new in changes:
        assert isinstance(place, Place)
        moves.append((place.row, place.blob, new.type, renewed(place.blob)))
    blobs, contents = [move[3] for move in moves], [new.data for _, _, new in changes]
    list(store.pool.map(store.put, blobs, contents))
    rows.move_blobs(moves)


def delete_orphans(rows: BlobRows, store: BlobStore, folder: str, before: datetime) -> int:
    """Delete the blobs of a folder that no row refers to, and return how many there were.

    What is no blob, as the notes that a file manager leaves in a folder, is not ours to delete.
    """
    count = 0
    listed = filter(is_key, chain.from_iterable(store.list(folder, before)))
    while keys := list(islice(listed, LISTED)):
        count += _delete_unless_kept(store, keys, rows.kept_blobs(keys))
    store.delete_unfinished(folder, before)
    return count


def amounts(store: BlobStore, prefix: str) -> dict[str, Amount]:
    """What the folders of threads have: all those below a prefix, or the one that it names."""
    found: dict[str, Amount] = {}
    for key, size in store.sizes(prefix):
        if is_key(key):
            rows, bytes_ = found.get(folder := key.rpartition("/")[0], Amount())
            found[folder] = Amount(rows + 1, bytes_ + size)
    return found


def discard(rows: BlobRows, store: BlobStore, thread_id: str, keys: Collection[str]) -> None:
    """Delete the blobs of a call that was refused; those that cannot be now are orphans.

    It stored no row, unless it was done twice because the first answer was lost.
    """
    with suppress(BlobsUnavailable, DatabaseUnavailable):
        kept = rows.stored_blobs(thread_id, {digest_in(key) for key in keys})
        _delete_unless_kept(store, keys, kept)


def _delete_unless_kept(store: BlobStore, keys: Collection[str], kept: Collection[str]) -> int:
    orphans = [key for key in keys if key not in kept]
    remaining = iter(orphans)
    while batch := list(islice(remaining, BATCH)):
        store.delete(batch)
    return len(orphans)


def _get(store: BlobStore, blob: str) -> bytes | None:
    try:
        return store.get(blob)
    except Absent as error:  # deleted with its row at this moment, or lost
        logger.warning("A blob was passed over, as it is not there: %s", error)
        return None
