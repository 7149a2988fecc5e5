"""A thread's shelf: its key, its fence, and its elements by number.

An element's row id is its thread's key and its number in one integer: a thread's elements lie side
by side, and a list of 800 messages is one range of rows.
"""

import random
import zlib
from collections.abc import Iterable, Sequence
from itertools import islice

from graphwright_checkpoints.elements import Element, Shelf
from graphwright_checkpoints.errors import LeaseLost
from graphwright_checkpoints.records import NewPart, Reference, StoredElement
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.spans import collect, pairs, union
from graphwright_checkpoints.sqlite.connection import Transaction
from graphwright_checkpoints.templates import COPY, Template, Templates

BITS = 32  # of a row id are the element's number; the thread's key is above them
LANE_BITS = 26  # of a number count a lane's elements; the lane is above them
LANES = 2 ** (BITS - LANE_BITS)
BATCH = 100  # of one statement; old SQLite takes 999 "?"


class Stale(Exception):
    """What was remembered of a thread is out of date: encode again without trusting it."""


def find(transaction: Transaction, thread_id: str) -> Shelf | None:
    """A thread's shelf, if the thread has anything stored."""
    if (known := transaction.shelves.get(thread_id)) is not None:
        return known
    row = transaction.execute(
        "SELECT key, epoch FROM checkpoint_threads WHERE thread_id = ?", (thread_id,)
    ).fetchone()
    return row and Shelf(thread_id, *row)


def open_for(transaction: Transaction, thread_id: str, fence: int | None) -> Shelf:
    """A thread's shelf, made if need be, or raise `LeaseLost` where a newer token was here."""
    shelf = find(transaction, thread_id) or _make(transaction, thread_id)
    transaction.shelves[thread_id] = shelf
    if fence is not None:
        raise_fence(transaction, shelf, fence)
    return shelf


def raise_fence(transaction: Transaction, shelf: Shelf, token: int) -> None:
    """Refuse older tokens from now on, or raise `LeaseLost` where this one is older itself."""
    (newest,) = transaction.execute(
        "SELECT fence FROM checkpoint_threads WHERE key = ?", (shelf.key,)
    ).fetchone()
    if token < newest:
        raise LeaseLost(shelf.thread_id, token, newest)
    if token > newest:
        transaction.execute(
            "UPDATE checkpoint_threads SET fence = ? WHERE key = ?", (token, shelf.key)
        )


def new_epoch() -> int:
    """An epoch that no shelf had before: SQLite may give a deleted thread's key once more."""
    return random.getrandbits(62)


def _make(transaction: Transaction, thread_id: str) -> Shelf:
    epoch = new_epoch()
    made = transaction.execute(
        "INSERT INTO checkpoint_threads (thread_id, epoch, fence) VALUES (?, ?, 0)",
        (thread_id, epoch),
    )
    return Shelf(thread_id, made.lastrowid or 0, epoch)


def file(transaction: Transaction, shelf: Shelf, parts: Iterable[NewPart]) -> list[Reference]:
    """Store the elements that the thread does not have, and refer to them all."""
    references: list[Reference] = []
    for channel, path, form, lane, elements, spans, carried_from in parts:
        if carried_from is None:
            new = [element for element in elements if element.shelf != shelf]
            placed = place(transaction, shelf, lane, new) if new else {}
            # An element that was read has a place and no digest.
            spans = collect([placed.get(element.digest, element.number) for element in elements])
        elif carried_from != shelf:
            raise Stale
        references.append(Reference(channel, path, form, spans))
    return references


def place(
    transaction: Transaction, shelf: Shelf, lane: str, new: list[Element]
) -> dict[bytes, int]:
    """Numbers by digest of elements without a place on this shelf, storing those it lacks."""
    if any(element.data is None for element in new):
        raise Stale
    numbers = _numbers(transaction, shelf, {element.digest for element in new})
    number = _next_number(transaction, shelf, lane) if len(numbers) < len(new) else 0
    base = shelf.key << BITS
    rows = []
    for element in new:
        if element.digest not in numbers:
            numbers[element.digest] = number
            rows.append((base + number, element.digest, element.many, element.type, element.data))
            number += 1
        transaction.placed.append((element, shelf, numbers[element.digest]))
    transaction.link.executemany("INSERT INTO checkpoint_elements VALUES (?, ?, ?, ?, ?)", rows)
    return numbers


def _next_number(transaction: Transaction, shelf: Shelf, lane: str) -> int:
    # Two lanes may share a range of numbers: that only makes for more runs.
    base = shelf.key << BITS
    first = (zlib.crc32(lane.encode()) % LANES) << LANE_BITS
    (last,) = transaction.execute(
        "SELECT max(id) FROM checkpoint_elements WHERE id BETWEEN ? AND ?",
        (base + first, base + first + 2**LANE_BITS - 1),
    ).fetchone()
    return first if last is None else int(last) - base + 1


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
    transaction: Transaction, shelf: Shelf, references: Iterable[Reference], known: Templates
) -> tuple[dict[int, StoredElement | Template], int]:
    """The elements that are referred to, by number, and the bytes to decode.

    Those that are known are not read.
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
        for rowid, many, type_, data in transaction.execute(
            f"SELECT id, many, type, data FROM checkpoint_elements WHERE {clause}", ends
        ):
            found[rowid - base] = StoredElement(bool(many), Encoded(type_, data))
            size += len(data)
    return found, size
