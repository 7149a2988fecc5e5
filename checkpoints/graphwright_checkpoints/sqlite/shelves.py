"""A thread's shelf: its key, its fence, and its elements by number.

An element's row id is its thread's key and its number in one integer: a thread's elements lie side
by side, and a list of 800 messages is one range of rows.
"""

import random
import zlib
from collections.abc import Iterable, Sequence
from itertools import islice

from graphwright_checkpoints.database import Stale
from graphwright_checkpoints.elements import Element, Shelf
from graphwright_checkpoints.errors import LeaseLost
from graphwright_checkpoints.records import Blobs, NewPart, Reference, StoredElement
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.spans import collect, pairs, union
from graphwright_checkpoints.sqlite import outside
from graphwright_checkpoints.sqlite.connection import Taken, Transaction
from graphwright_checkpoints.sqlite.ledgers import Ledger
from graphwright_checkpoints.templates import COPY, Template, Templates

BITS = 32  # of a row id are the element's number; the thread's key is above them
LANE_BITS = 26  # of a number count a lane's elements; the lane is above them
LANES = 2 ** (BITS - LANE_BITS)
BATCH = 100  # of one statement; old SQLite takes 999 "?"

SELECT_THREAD = "SELECT key, epoch, fence FROM checkpoint_threads WHERE thread_id = ?"
INSERT_ELEMENT = "INSERT INTO checkpoint_elements VALUES (?, ?, ?, ?, ?, ?)"


def find(transaction: Transaction, thread_id: str) -> Shelf | None:
    """A thread's shelf, if the thread has anything stored."""
    row = transaction.execute(SELECT_THREAD, (thread_id,)).fetchone()
    return row and Shelf(thread_id, *row[:2])


def open_for(transaction: Transaction, thread_id: str, fence: int | None) -> Ledger:
    """A thread's shelf, made if need be, or raise `LeaseLost` where a newer token was here."""
    ledger = transaction.ledgers.find(thread_id)
    if ledger is None:
        ledger = _make(transaction, thread_id) or _look_up(transaction, thread_id)
        transaction.ledgers.keep(ledger)
    if fence is not None and fence != ledger.fence:
        _raise_fence(transaction, ledger, fence)
    return ledger


def _raise_fence(transaction: Transaction, ledger: Ledger, token: int) -> None:
    if token < ledger.fence:
        raise LeaseLost(ledger.shelf.thread_id, token, ledger.fence)
    transaction.change(
        "UPDATE checkpoint_threads SET fence = ? WHERE key = ?", (token, ledger.shelf.key)
    )
    ledger.fence = token


def new_epoch() -> int:
    """An epoch that no shelf had before: SQLite may give a deleted thread's key once more."""
    return random.getrandbits(62)


def _make(transaction: Transaction, thread_id: str) -> Ledger | None:
    # Tried before looking: a thread that nothing is known of is a new one more often than not.
    epoch = new_epoch()
    made = transaction.change(
        "INSERT INTO checkpoint_threads (thread_id, epoch, fence) VALUES (?, ?, 0)"
        " ON CONFLICT DO NOTHING",
        (thread_id, epoch),
    )
    return Ledger(Shelf(thread_id, made.lastrowid or 0, epoch), 0) if made.rowcount else None


def _look_up(transaction: Transaction, thread_id: str) -> Ledger:
    key, epoch, fence = transaction.execute(SELECT_THREAD, (thread_id,)).fetchone()
    return Ledger(Shelf(thread_id, key, epoch), fence)


def file(transaction: Transaction, ledger: Ledger, parts: Iterable[NewPart]) -> list[Reference]:
    """Store the elements that the thread does not have, and refer to them all."""
    shelf = ledger.shelf
    placed = transaction.placed.setdefault(shelf, {})
    references: list[Reference] = []
    for channel, path, form, lane, elements, spans, carried_from, blobs in parts:
        if carried_from is None:
            new = [element for element in elements if element.shelf != shelf]
            if new:
                _place(transaction, ledger, lane, new, blobs)
                # An element that was read has a place and no digest.
                numbers = [placed.get(element, element.number) for element in elements]
            else:
                numbers = [element.number for element in elements]
            spans = collect(numbers)
        elif carried_from != shelf:
            raise Stale
        references.append(Reference(channel, path, form, spans))
    return references


def _place(
    transaction: Transaction, ledger: Ledger, lane: str, new: Iterable[Element], blobs: Blobs
) -> None:
    """Number elements without a place on this shelf, storing those it lacks."""
    placed = transaction.placed[ledger.shelf]
    # A message comes as a task's write and in the checkpoint, often in one transaction.
    unknown = [element for element in new if blobs or element not in placed]
    if not unknown:
        return
    if None in [element.data for element in unknown]:
        raise Stale
    numbers = _numbers(transaction, ledger.shelf, {element.digest for element in unknown})
    if blobs:
        outside.doom_surplus(transaction, numbers, blobs)
    base = ledger.shelf.key << BITS
    rows = []
    for element in unknown:
        if (digest := element.digest) not in numbers:
            numbers[digest] = number = _take_number(transaction, ledger, lane)
            content = outside.content(element, blobs)
            rows.append((base + number, digest, element.many, element.type, *content))
        placed[element] = numbers[digest]
    if rows:
        transaction.change_many(INSERT_ELEMENT, rows)


def _take_number(transaction: Transaction, ledger: Ledger, lane: str) -> int:
    # Two lanes may share a range of numbers: that only makes for more runs.
    first = (zlib.crc32(lane.encode()) % LANES) << LANE_BITS
    number = ledger.next.get(first)
    if number is None:
        base = ledger.shelf.key << BITS
        (last,) = transaction.execute(
            "SELECT max(id) FROM checkpoint_elements WHERE id BETWEEN ? AND ?",
            (base + first, base + first + 2**LANE_BITS - 1),
        ).fetchone()
        number = first if last is None else int(last) - base + 1
    ledger.next[first] = number + 1
    return number


def _numbers(transaction: Transaction, shelf: Shelf, digests: set[bytes]) -> dict[bytes, int]:
    base = shelf.key << BITS
    found: dict[bytes, int] = {}
    remaining = iter(digests)
    while batch := list(islice(remaining, BATCH)):
        rows = transaction.execute(
            f"SELECT digest, id FROM checkpoint_elements WHERE digest IN ({_marks(batch)})"
            " AND id BETWEEN ? AND ?",
            (*batch, *bounds(shelf)),
        )
        found.update((digest, rowid - base) for digest, rowid in rows)
    return found


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def bounds(shelf: Shelf) -> tuple[int, int]:
    """The first and the last row id that a thread's elements may have."""
    base = shelf.key << BITS
    return base, base + 2**BITS - 1


def select_elements(
    transaction: Transaction,
    shelf: Shelf,
    references: Iterable[Reference],
    known: Templates,
    limit: int | None,
) -> tuple[dict[int, StoredElement | Template], int]:
    """The elements that are referred to, by number, and the bytes to decode.

    Those that are known are not read. Raises `Taken` where more than `limit` bytes would be.
    """
    base = shelf.key << BITS
    found: dict[int, StoredElement | Template] = {}
    missing: list[int] = []
    for span in union(reference.spans for reference in references):
        for number in span:
            if (template := known.find(shelf, number)) is not None:
                found[number] = template
            else:
                missing.append(number)
    size = COPY * len(found)
    spans = pairs(collect(missing))
    while batch := list(islice(spans, BATCH)):
        clause = " OR ".join(["id BETWEEN ? AND ?"] * len(batch))
        ends = [base + end for start, count in batch for end in (start, start + count - 1)]
        if limit is not None and size + _length(transaction, clause, ends) > limit:
            raise Taken
        for rowid, many, type_, data, blob in transaction.execute(
            f"SELECT id, many, type, data, blob FROM checkpoint_elements WHERE {clause}", ends
        ):
            found[rowid - base] = StoredElement(bool(many), Encoded(type_, data), blob)
            size += len(data)
    return found, size


def _length(transaction: Transaction, clause: str, ends: Sequence[int]) -> int:
    # SQLite knows a value's length from its row's header: it does not read the value.
    (length,) = transaction.execute(
        f"SELECT total(length(data)) FROM checkpoint_elements WHERE {clause}", ends
    ).fetchone()
    return int(length)
