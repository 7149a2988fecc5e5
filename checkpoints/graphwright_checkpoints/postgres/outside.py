"""Every statement on the keys of blobs, which hold the bytes of large elements."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.numbering import NewElement
from graphwright_checkpoints.postgres.names import hash_of
from graphwright_checkpoints.postgres.pools import Statement, Work

BATCH = 500  # keys at a time

SELECT_KEPT = """
    SELECT blob FROM graphwright_checkpoint_elements
    WHERE blob IS NOT NULL AND digest = ANY (%b::bytea[])
"""
SELECT_OF_THREAD = """
    SELECT blob FROM graphwright_checkpoint_elements
    JOIN graphwright_checkpoint_threads ON key = thread
    WHERE id_hash = %b AND blob IS NOT NULL
"""
# Locked, so that no blob is changed before the transaction ends.
LOCK_ON_SHELF = """
    SELECT blob FROM graphwright_checkpoint_elements
    WHERE thread = %s AND blob IS NOT NULL FOR SHARE
"""
SELECT_PAGE = """
    SELECT digest, thread, number, type, blob FROM graphwright_checkpoint_elements
    WHERE blob IS NOT NULL {} ORDER BY digest, thread, number LIMIT %s
"""
BEYOND = "AND (digest, thread, number) > (%s, %s, %s)"
MOVE = """
    UPDATE graphwright_checkpoint_elements SET type = %s, blob = %s
    WHERE thread = %s AND number = %s AND blob = %s
"""
# Whichever of them the element does not have: of a move that is done twice, because nobody knew
# whether it took effect, the second time finds the new blob in its place.
DOOM = """
    INSERT INTO graphwright_checkpoint_doomed_blobs
    SELECT blob FROM unnest(%s::text[]) AS n (blob) WHERE NOT EXISTS (
        SELECT FROM graphwright_checkpoint_elements e
        WHERE e.thread = %s AND e.number = %s AND e.blob = n.blob
    )
    ON CONFLICT DO NOTHING
"""
SELECT_DOOMED = "SELECT blob FROM graphwright_checkpoint_doomed_blobs LIMIT %s"
# Two processes may delete the same blobs: what one has locked, the other need not wait for.
FORGET = """
    DELETE FROM graphwright_checkpoint_doomed_blobs WHERE blob = ANY (ARRAY(
        SELECT blob FROM graphwright_checkpoint_doomed_blobs WHERE blob = ANY (%s::text[])
        FOR UPDATE SKIP LOCKED
    ))
"""


class Place(NamedTuple):
    """An element, as pages of them are ordered."""

    digest: bytes
    thread: int
    number: int


def brought(elements: Iterable[NewElement]) -> set[str]:
    """The blobs of elements that are to be stored."""
    return {element.blob for element in elements if element.blob is not None}


def select_kept(digests: Collection[bytes]) -> Work[set[str]]:
    """The blobs of elements with these digests, in any thread."""
    rows = yield Statement(SELECT_KEPT, (list(digests),))
    return {blob for (blob,) in rows}


def select_of_thread(thread_id: str) -> Work[set[str]]:
    """The blobs of a thread's elements."""
    rows = yield Statement(SELECT_OF_THREAD, (hash_of(thread_id),))
    return {blob for (blob,) in rows}


def lock_on_shelf(shelf: Shelf) -> Work[set[str]]:
    """The blobs of a shelf's elements, which stay theirs until the transaction ends."""
    rows = yield Statement(LOCK_ON_SHELF, (shelf.key,))
    return {blob for (blob,) in rows}


def select_page(after: object) -> Work[list[tuple[object, str, str]]]:
    """Places, types and blobs of the next elements that have one."""
    place = after if isinstance(after, Place) else ()
    rows = yield Statement(SELECT_PAGE.format(BEYOND if place else ""), (*place, BATCH))
    return [(Place(*place), type_, blob) for *place, type_, blob in rows]


def move(place: object, old: str, type_: str, new: str) -> Work[None]:
    """Give an element another blob where it has the old one; doom what it does not have then."""
    assert isinstance(place, Place)
    element = (place.thread, place.number)
    yield Statement(MOVE, (type_, new, *element, old))
    yield Statement(DOOM, ([old, new], *element))


def select_doomed() -> Work[Sequence[str]]:
    """Some of the blobs that are to be deleted."""
    rows = yield Statement(SELECT_DOOMED, (BATCH,))
    return [blob for (blob,) in rows]


def forget(blobs: Sequence[str]) -> Work[None]:
    """Note that blobs are deleted."""
    yield Statement(FORGET, (list(blobs),))
