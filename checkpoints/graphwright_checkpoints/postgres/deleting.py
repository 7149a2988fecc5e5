"""Deletions, in short transactions, so that nobody waits long for a row."""

from collections.abc import Iterable, Iterator, Sequence

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.numbering import BITS, new_epoch
from graphwright_checkpoints.postgres import shelves
from graphwright_checkpoints.postgres.names import escape, hash_of
from graphwright_checkpoints.postgres.pools import Statement, Work
from graphwright_checkpoints.records import Address, decode_references
from graphwright_checkpoints.spans import union

BATCH = 500  # rows of one transaction, about

CHECKPOINTS = "graphwright_checkpoints"
WRITES = "graphwright_checkpoint_writes"
PINS = "graphwright_checkpoint_pins"
ELEMENTS = "graphwright_checkpoint_elements"

DETACH = """
    UPDATE graphwright_checkpoint_threads SET id_hash = NULL, epoch = %s WHERE id_hash = %b
"""
FIND_DETACHED = """
    SELECT key FROM graphwright_checkpoint_threads WHERE id_hash IS NULL LIMIT 1 FOR UPDATE
"""
DELETE_SOME = """
    WITH gone AS (
        DELETE FROM {0} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {0} WHERE thread = %s LIMIT %s))
        RETURNING 1
    )
    SELECT count(*) FROM gone
"""
DELETE_CHECKPOINTS = """
    DELETE FROM {} USING graphwright_checkpoint_threads t,
        unnest(%b::bytea[], %s::text[], %s::text[]) AS gone (id_hash, ns, id)
    WHERE t.id_hash = gone.id_hash AND thread = t.key
        AND checkpoint_ns = gone.ns AND checkpoint_id = gone.id
"""
SELECT_REFS = """
    SELECT refs FROM graphwright_checkpoints WHERE thread = %s AND refs IS NOT NULL
    UNION ALL
    SELECT refs FROM graphwright_checkpoint_writes WHERE thread = %s AND refs IS NOT NULL
"""
SWEEP = """
    WITH doomed AS (
        SELECT number FROM unnest(%b::bigint[], %b::bigint[]) AS gap (start, stop)
        JOIN graphwright_checkpoint_elements
            ON thread = %s AND number >= gap.start AND number < gap.stop
        LIMIT %s
    ), gone AS (
        DELETE FROM graphwright_checkpoint_elements USING doomed
        WHERE thread = %s AND graphwright_checkpoint_elements.number = doomed.number
        RETURNING 1
    )
    SELECT count(*) FROM gone
"""
CHANGE_EPOCH = "UPDATE graphwright_checkpoint_threads SET epoch = %s WHERE key = %s"
DELETE_IF_EMPTY = """
    DELETE FROM graphwright_checkpoint_threads WHERE key = %s
        AND NOT EXISTS (SELECT FROM graphwright_checkpoints WHERE thread = key)
        AND NOT EXISTS (SELECT FROM graphwright_checkpoint_writes WHERE thread = key)
        AND NOT EXISTS (SELECT FROM graphwright_checkpoint_elements WHERE thread = key)
"""


def detach(thread_id: str) -> Work[None]:
    """Take a thread away from everybody at once; its rows are deleted afterwards."""
    yield Statement(DETACH, (new_epoch(), hash_of(thread_id)))


def delete_some_detached() -> Work[bool]:
    """Delete some of what is left of deleted threads; whether there was anything."""
    rows = yield Statement(FIND_DETACHED)
    if not rows:
        return False
    (key,) = rows[0]
    for table in (CHECKPOINTS, WRITES, PINS, ELEMENTS):
        ((count,),) = yield Statement(DELETE_SOME.format(table), (key, BATCH))
        if count:
            return True
    # A row that somebody changed at this moment was passed over: it is deleted the next time.
    yield Statement(DELETE_IF_EMPTY, (key,))
    return True


def delete_checkpoints(addresses: Sequence[Address]) -> Work[None]:
    """Delete checkpoints and their writes; their elements stay."""
    hashes = [hash_of(address.thread_id) for address in addresses]
    names = [[escape(address[part]) for address in addresses] for part in (1, 2)]
    for table in (CHECKPOINTS, WRITES, PINS):
        yield Statement(DELETE_CHECKPOINTS.format(table), (hashes, *names))


def sweep_some(thread_id: str) -> Work[bool]:
    """Delete some elements that nothing refers to, or the thread if it is empty.

    Whether there may be more of them.
    """
    found = yield from shelves.find_locked(thread_id)
    if found is None:
        return False
    shelf, _ = found
    # What is in use is read under the lock: nobody can refer to anything else meanwhile.
    starts, stops = zip(*_gaps((yield from _used(shelf))), strict=True)
    values = (list(starts), list(stops), shelf.key, BATCH, shelf.key)
    ((count,),) = yield Statement(SWEEP, values)
    if count:
        yield Statement(CHANGE_EPOCH, (new_epoch(), shelf.key))
    if count < BATCH:
        yield Statement(DELETE_IF_EMPTY, (shelf.key,))
    return bool(count == BATCH)


def _used(shelf: Shelf) -> Work[list[range]]:
    rows = yield Statement(SELECT_REFS, (shelf.key, shelf.key))
    return union(reference.spans for (refs,) in rows for reference in decode_references(refs))


def _gaps(used: Iterable[range]) -> Iterator[tuple[int, int]]:
    start = 0
    for span in used:
        if start < span.start:
            yield start, span.start
        start = span.stop
    yield start, 2**BITS
