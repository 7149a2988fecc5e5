"""Every statement that reads checkpoints."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.metadata import JSON
from graphwright_checkpoints.numbering import Numbering
from graphwright_checkpoints.postgres import shelves
from graphwright_checkpoints.postgres.names import escape, hash_of, unescape
from graphwright_checkpoints.postgres.pools import Statement, Work
from graphwright_checkpoints.records import (
    Address,
    Head,
    Selection,
    StoredCheckpoint,
    StoredWrite,
    decode_references,
)
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.templates import Templates

ATTEMPTS = 5  # to read a checkpoint while others delete elements

FIND = "SELECT * FROM graphwright_checkpoint_find_1(%b, %s, %s)"
SELECT_RUN = """
    SELECT thread_id, checkpoint_ns, checkpoint_id
    FROM graphwright_checkpoints JOIN graphwright_checkpoint_threads ON key = thread
    WHERE run_id = %s AND id_hash IS NOT NULL
"""
SELECT_ADDRESSES = """
    SELECT thread_id, checkpoint_ns, checkpoint_id, metadata
    FROM graphwright_checkpoints JOIN graphwright_checkpoint_threads ON key = thread
    WHERE {} ORDER BY checkpoint_id DESC, thread_id, checkpoint_ns LIMIT %s
"""


def find(numbering: Numbering, address: Address, known: Templates) -> Work[StoredCheckpoint | None]:
    """The checkpoint at `address`, or the latest of its namespace, with all that it refers to.

    It is one round trip, and one more where elements are not known.
    """
    for attempt in range(ATTEMPTS):
        head, writes = yield from _find_head(numbering, address)
        if head is None:
            break
        references = chain(head.references, *(write.references for write in writes))
        elements, size, is_complete = yield from shelves.select_elements(
            head.shelf, references, known
        )
        # Else somebody deleted between the two statements.
        if is_complete or attempt == ATTEMPTS - 1:
            return StoredCheckpoint(*head, writes, elements, size)
    return None


def find_head(numbering: Numbering, address: Address) -> Work[Head | None]:
    """`find` without writes and elements."""
    head, _ = yield from _find_head(numbering, address)
    return head


def _find_head(
    numbering: Numbering, address: Address
) -> Work[tuple[Head | None, Sequence[StoredWrite]]]:
    thread_id, checkpoint_ns, checkpoint_id = address
    names = (escape(checkpoint_ns), escape(checkpoint_id))
    rows = yield Statement(FIND, (hash_of(thread_id), *names))
    if not rows:
        numbering.expect_new(thread_id)
        return None, ()
    key, epoch, found_id, parent_id, metadata, body_type, body, refs, *writes = rows[0]
    shelf = Shelf(thread_id, key, epoch)
    numbering.saw(shelf)
    if found_id is None:
        return None, ()
    head = Head(
        shelf,
        address._replace(checkpoint_id=unescape(found_id)),
        parent_id and unescape(parent_id),
        Encoded(body_type, body),
        metadata,
        decode_references(refs),
    )
    return head, [
        StoredWrite(
            unescape(task), unescape(channel), Encoded(type_, content), decode_references(refs)
        )
        for task, channel, type_, content, refs in zip(*(w or () for w in writes), strict=True)
    ]


def select_run(run_id: str) -> Work[list[Address]]:
    """The checkpoints that a run wrote."""
    rows = yield Statement(SELECT_RUN, (escape(run_id),))
    return [Address(*map(unescape, row)) for row in rows]


def select_addresses(wanted: Selection) -> Work[list[tuple[Address, str]]]:
    """Addresses and metadata, newest first, of what may match."""
    clauses = list(_conditions(wanted))
    limit = None if wanted.metadata or wanted.limit is None else max(wanted.limit, 0)
    where = " AND ".join(clause for clause, _ in clauses)
    values = [*chain(*(values for _, values in clauses)), limit]
    rows = yield Statement(SELECT_ADDRESSES.format(where), values)
    return [(Address(*map(unescape, place)), metadata) for *place, metadata in rows]


def _conditions(wanted: Selection) -> Iterator[tuple[str, Sequence[Any]]]:
    yield "id_hash IS NOT NULL", []  # those without are being deleted
    if wanted.thread_id is not None:
        yield "id_hash = %b", [hash_of(wanted.thread_id)]
    for column in ("checkpoint_ns", "checkpoint_id"):
        if (value := getattr(wanted, column)) is not None:
            yield f"{column} = %s", [escape(value)]
    if wanted.before is not None:
        yield "checkpoint_id < %s", [escape(wanted.before)]
    for name, value in wanted.metadata.items():
        if type(name) is str and type(value) is str:
            # Metadata is always encoded in the same way: what matches has this text in it.
            yield "strpos(metadata, %s) > 0", [JSON.encode({name: value})[1:-1]]
