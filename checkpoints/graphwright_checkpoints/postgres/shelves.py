"""Threads and their elements: looked up, locked, read."""

from collections.abc import Iterable, Sequence

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.errors import LeaseLost
from graphwright_checkpoints.numbering import Known, Numbering, new_shelf
from graphwright_checkpoints.postgres.names import escape, hash_of
from graphwright_checkpoints.postgres.pools import Statement, Work
from graphwright_checkpoints.records import Reference, StoredElement
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.spans import collect, pairs, union
from graphwright_checkpoints.templates import COPY, Template, Templates

LOOK_UP = """
    SELECT t.id_hash, t.key, t.epoch, e.numbers, e.digests
    FROM graphwright_checkpoint_threads t, LATERAL (
        SELECT array_agg(number) AS numbers, array_agg(digest) AS digests
        FROM graphwright_checkpoint_elements WHERE thread = t.key
    ) e
    WHERE t.id_hash = ANY (%b::bytea[])
"""
LOCK = """
    SELECT key, epoch, fence FROM graphwright_checkpoint_threads WHERE id_hash = %b
    FOR NO KEY UPDATE
"""
MAKE = """
    INSERT INTO graphwright_checkpoint_threads VALUES (%b, %b, %s, %b, 0) ON CONFLICT DO NOTHING
"""
RAISE = "UPDATE graphwright_checkpoint_threads SET fence = %s WHERE key = %s"
SELECT_ELEMENTS = """
    SELECT e.number, e.many, e.type, e.data, e.blob
    FROM graphwright_checkpoint_threads t
    CROSS JOIN unnest(%b::bigint[], %b::bigint[]) AS span (start, stop)
    JOIN graphwright_checkpoint_elements e
        ON e.thread = t.key AND e.number >= span.start AND e.number < span.stop
    WHERE t.key = %b AND t.epoch = %b
"""


def look_up(numbering: Numbering, thread_ids: Iterable[str]) -> Work[None]:
    """Learn what the database has of some threads, or that it does not have them."""
    hashes = {hash_of(thread_id): thread_id for thread_id in thread_ids}
    found = yield Statement(LOOK_UP, (list(hashes),))
    for hash_, key, epoch, numbers, digests in found:
        elements = zip(numbers or (), digests or (), strict=True)
        numbering.learn(Shelf(hashes.pop(hash_), key, epoch), elements)
    for thread_id in hashes.values():
        numbering.expect_new(thread_id)


def lock(numbering: Numbering, thread_id: str, fence: int | None) -> Work[Known]:
    """Hold a thread's lock until the transaction ends, making the thread if need be.

    Raises `LeaseLost` where a newer token was here. Nobody else adds or deletes elements meanwhile.
    """
    numbering.forget(thread_id)
    shelf, newest = yield from _lock_or_make(thread_id)
    if fence is not None and fence < newest:
        raise LeaseLost(thread_id, fence, newest)
    if fence is not None and fence > newest:
        yield Statement(RAISE, (fence, shelf.key))
    # A statement of its own: one that waited for the lock does not see what came meanwhile.
    yield from look_up(numbering, [thread_id])
    return numbering.recall(thread_id) or Known(shelf, is_stored=True)


def find_locked(thread_id: str) -> Work[tuple[Shelf, int] | None]:
    """Lock a thread if it is there; its shelf and its fence."""
    rows = yield Statement(LOCK, (hash_of(thread_id),))
    if not rows:
        return None
    key, epoch, fence = rows[0]
    return Shelf(thread_id, key, epoch), fence


def _lock_or_make(thread_id: str) -> Work[tuple[Shelf, int]]:
    found = yield from find_locked(thread_id)
    while found is None:  # again, if another process makes or deletes it at this moment
        _, key, epoch = new_shelf(thread_id)
        yield Statement(MAKE, (key, hash_of(thread_id), escape(thread_id), epoch))
        found = yield from find_locked(thread_id)
    return found


def select_elements(
    shelf: Shelf, references: Iterable[Reference], known: Templates
) -> Work[tuple[dict[int, StoredElement | Template], int, bool]]:
    """The elements that are referred to by number, the bytes to decode, and whether all are there.

    Those that are known are not read.
    """
    found: dict[int, StoredElement | Template] = {}
    missing: list[int] = []
    for span in union(reference.spans for reference in references):
        for number in span:
            if (template := known.find(shelf, number)) is not None:
                found[number] = template
            else:
                missing.append(number)
    size = COPY * len(found)
    if missing:
        starts, stops = spans_of(missing)
        rows = yield Statement(SELECT_ELEMENTS, (starts, stops, shelf.key, shelf.epoch))
        for number, many, type_, data, blob in rows:
            found[number] = StoredElement(many, Encoded(type_, data), blob)
            size += len(data)
        return found, size, len(rows) == len(missing)
    return found, size, True


def spans_of(numbers: Sequence[int]) -> tuple[list[int], list[int]]:
    """Where the spans of ascending numbers start, and where they stop."""
    spans = list(pairs(collect(numbers)))
    return [start for start, _ in spans], [start + count for start, count in spans]
