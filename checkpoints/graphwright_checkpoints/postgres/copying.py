"""Copies of threads."""

from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

from graphwright_checkpoints.database import Stale
from graphwright_checkpoints.elements import Element, Shelf
from graphwright_checkpoints.numbering import Known, Numbering
from graphwright_checkpoints.postgres import inserting, outside, shelves
from graphwright_checkpoints.postgres.deleting import CHECKPOINTS, DELETE_IF_EMPTY, WRITES
from graphwright_checkpoints.postgres.inserting import Group, Insert
from graphwright_checkpoints.postgres.names import hash_of, unescape
from graphwright_checkpoints.postgres.pools import Statement, Work
from graphwright_checkpoints.records import (
    Address,
    Blobs,
    NewCheckpoint,
    NewPart,
    NewWrite,
    NewWrites,
)
from graphwright_checkpoints.records import decode_references as decode
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.spans import expand

BATCH = 100  # checkpoints or writes of one statement

COLUMNS = MappingProxyType(
    {
        CHECKPOINTS: "checkpoint_ns, checkpoint_id, parent_checkpoint_id, run_id, metadata, refs,"
        " type, body",
        WRITES: "checkpoint_ns, checkpoint_id, task_id, idx, task_path, channel, refs, type, value",
    }
)
"""All but the thread; the stored value comes last."""

COPY = "INSERT INTO {0} (thread, {1}) SELECT %s, {1} FROM {0} WHERE thread = %s"
COPY_ELEMENTS = """
    INSERT INTO graphwright_checkpoint_elements (thread, number, digest, many, type, data, blob)
    SELECT %s, number, digest, many, type, data, copy
    FROM graphwright_checkpoint_elements
    LEFT JOIN unnest(%s::text[], %s::text[]) AS copied (blob, copy) USING (blob)
    WHERE thread = %s
"""
SELECT = "SELECT {1} FROM {0} WHERE thread = %s"
SELECT_ELEMENTS = """
    SELECT number, digest, many, type, data, blob FROM graphwright_checkpoint_elements
    WHERE thread = %s
"""
# What the target has under the same ids is replaced, whole.
MAKE_ROOM = """
    DELETE FROM graphwright_checkpoint_writes w USING graphwright_checkpoint_writes s
    WHERE w.thread = %s AND s.thread = %s AND w.checkpoint_ns = s.checkpoint_ns
        AND w.checkpoint_id = s.checkpoint_id AND w.task_id = s.task_id AND w.idx = s.idx
"""


class Source(NamedTuple):
    """What the copied thread has: its elements by their numbers, and the copies of their blobs."""

    elements: Mapping[int, Element]
    blobs: Blobs


def copy_thread(
    numbering: Numbering, source: str, target: str, blobs: Mapping[str, str]
) -> Work[None]:
    """Give `target` every row of `source`; what `target` had under the same ids is replaced.

    `blobs` has the copy's key for each of the source's blobs, or else this raises `Stale`.
    Whatever becomes of it, `numbering` has to forget `target` afterwards.
    """
    yield from shelves.look_up(numbering, [source, target])
    known = numbering.recall(source)
    copy = numbering.recall(target)
    if known is None or not known.is_stored or source == target:
        return
    is_new = copy is None or not copy.is_stored
    origin, copy = yield from _lock_both(numbering, source, target)
    if origin is None:  # deleted at this moment
        yield Statement(DELETE_IF_EMPTY, (copy.shelf.key,))
        return
    if not (yield from outside.lock_on_shelf(origin)) <= blobs.keys():
        raise Stale
    if is_new and not copy.numbers:
        keys = (list(blobs), list(blobs.values()))
        yield Statement(COPY_ELEMENTS, (copy.shelf.key, *keys, origin.key))
        for table, columns in COLUMNS.items():
            yield Statement(COPY.format(table, columns), (copy.shelf.key, origin.key))
    else:
        yield Statement(MAKE_ROOM, (copy.shelf.key, origin.key))
        inserts = iter((yield from _read(origin, target, blobs)))
        while batch := list(islice(inserts, BATCH)):
            group = Group(batch)
            group.draft(copy, is_sure=True)
            yield from inserting.send([group])
            for insert in batch:
                insert.outcome()  # raises where it could not be drafted
            numbering.keep(group.drafted)


def _lock_both(numbering: Numbering, source: str, target: str) -> Work[tuple[Shelf | None, Known]]:
    """Lock in an order that is the same for all, so that no two wait for each other."""
    if hash_of(source) < hash_of(target):
        found = yield from shelves.find_locked(source)
        known = yield from shelves.lock(numbering, target, None)
    else:
        known = yield from shelves.lock(numbering, target, None)
        found = yield from shelves.find_locked(source)
    return found and found[0], known


def _read(origin: Shelf, target: str, blobs: Mapping[str, str]) -> Work[list[Insert]]:
    """What would insert all of a thread into another."""
    rows = yield Statement(SELECT_ELEMENTS, (origin.key,))
    known = Source(
        {number: Element(*element) for number, *element, _ in rows},
        {digest: blobs[blob] for _, digest, *_, blob in rows if blob is not None},
    )
    rows = yield Statement(SELECT.format(CHECKPOINTS, COLUMNS[CHECKPOINTS]), (origin.key,))
    inserts = [_checkpoint(known, target, *row) for row in rows]
    rows = yield Statement(SELECT.format(WRITES, COLUMNS[WRITES]), (origin.key,))
    return inserts + [_write(known, target, *row) for row in rows]


def _checkpoint(
    known: Source,
    target: str,
    checkpoint_ns: str,
    checkpoint_id: str,
    parent_id: str | None,
    run_id: str | None,
    metadata: str,
    refs: bytes | None,
    *content: str | bytes,
) -> Insert:
    address = Address(target, unescape(checkpoint_ns), unescape(checkpoint_id))
    return inserting.insert(
        NewCheckpoint(
            address,
            parent_id and unescape(parent_id),
            run_id and unescape(run_id),
            None,
            Encoded(*content),  # type: ignore[arg-type]
            metadata,
            _parts(known, refs),
        )
    )


def _write(
    known: Source,
    target: str,
    checkpoint_ns: str,
    checkpoint_id: str,
    task_id: str,
    position: int,
    task_path: str,
    channel: str,
    refs: bytes | None,
    *content: str | bytes,
) -> Insert:
    address = Address(target, unescape(checkpoint_ns), unescape(checkpoint_id))
    write = NewWrite(
        unescape(task_id),
        position,
        unescape(task_path),
        unescape(channel),
        Encoded(*content),  # type: ignore[arg-type]
        _parts(known, refs),
    )
    return inserting.insert(NewWrites(address, None, [write]))


def _parts(known: Source, refs: bytes | None) -> list[NewPart]:
    """References as parts to be stored anew: the target has other numbers."""
    return [
        NewPart(
            channel,
            path,
            form,
            channel,
            [known.elements[number] for number in expand(spans)],
            blobs=known.blobs,
        )
        for channel, path, form, spans in decode(refs)
    ]
