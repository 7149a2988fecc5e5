"""Inserts: drafted from what is known of a thread, and anew where the server knows better."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from graphwright_checkpoints.database import Placed, Spent, Stale
from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.errors import DatabaseUnavailable, LeaseLost
from graphwright_checkpoints.networked import rows
from graphwright_checkpoints.networked.calls import ATTEMPTS, Calls, pause, too_busy
from graphwright_checkpoints.networked.reading import read_elements
from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow
from graphwright_checkpoints.networked.server import (
    Change,
    Disconnected,
    Moved,
    Scattered,
    Server,
)
from graphwright_checkpoints.numbering import Draft, Known, Numbering
from graphwright_checkpoints.records import Address, New, NewCheckpoint, Reference
from graphwright_checkpoints.spans import collect

FLIGHTS = 64  # locks that a process's threads share

Result = TypeVar("Result")
Fill = Callable[[Draft], tuple[Change, Result]]
"""Makes of a draft what is to be stored, and what the insert gives."""


class Inserts:
    """The inserts of one process."""

    def __init__(self, server: Server, calls: Calls) -> None:
        self._server = server
        self._calls = calls
        self.numbering = Numbering()
        # Inserts of one thread one by one: two at once would choose the same numbers.
        self._flights = [threading.Lock() for _ in range(FLIGHTS)]

    def flight(self, thread_id: str) -> threading.Lock:
        """What a thread's inserts hold, one after the other."""
        return self._flights[hash(thread_id) % FLIGHTS]

    def insert(self, thread_id: str, fill: Fill[Result]) -> tuple[Shelf, Result]:
        """Store what `fill` makes of a draft, on the thread as it is by then."""
        sent: set[str] = set()
        with self.flight(thread_id):
            for attempt in range(ATTEMPTS):
                draft = Draft(self.known(thread_id))
                try:
                    made, result = self._calls.once(fill, draft)
                    self._store(made, sent)
                except Stale:
                    self.numbering.forget(thread_id)
                    if attempt:  # nothing was taken for granted: the encoder has to look again
                        raise
                except LeaseLost:  # and yet its elements may be there
                    self.numbering.forget(thread_id)
                    raise
                except Moved:
                    self.numbering.forget(thread_id)
                    pause(attempt)
                else:
                    self.numbering.keep(draft)
                    self._doom_surplus(draft)
                    return draft.shelf, result
        raise too_busy(thread_id)

    def known(self, thread_id: str) -> Known:
        """What is known of a thread, by a look at the server if need be."""
        known = self.numbering.recall(thread_id)
        if known is not None:
            return known
        thread = self._calls.ask(self._server.thread, thread_id)
        if thread is None:
            return self.numbering.expect_new(thread_id)
        found = self._calls.ask(lambda: list(self._server.digests(thread.shelf)))
        return self.numbering.learn(thread.shelf, found)

    def _store(self, change: Change, sent: set[str]) -> None:
        """Store a change. `sent` are blobs of attempts that may have stored their rows.

        If such a row was there and is not any more, its blob may be deleted at any moment.
        """
        blobs = {element.blob for element in change.elements if element.blob is not None}
        if not blobs:
            return self._calls.ask(self._server.store, change)
        if blobs & sent:
            raise Spent
        try:
            self._calls.once(self._server.store, change)
        except Scattered:
            sent |= blobs
            raise
        except Disconnected as error:
            sent |= blobs
            raise Moved from error

    def _doom_surplus(self, draft: Draft) -> None:
        """Have the blobs deleted that were brought for elements which were there already."""
        if draft.surplus:
            brought = {blob for _, blob in draft.surplus}
            with suppress(DatabaseUnavailable):  # what was to be stored is; these are orphans then
                self.doom_unused(draft.shelf, brought, [number for number, _ in draft.surplus])

    def doom_unused(self, shelf: Shelf, blobs: set[str], numbers: Sequence[int]) -> None:
        """Have those blobs deleted that none of these elements has."""
        found = read_elements(self._server, self._calls, shelf, collect(sorted({*numbers})))
        if unused := blobs - {element.blob for element in found}:
            self._calls.change(self._server.blobs.doom, shelf, sorted(unused))


def fill_with(fence: int | None, new: Sequence[New], draft: Draft) -> tuple[Change, list[Placed]]:
    """Inserts of one thread as one change; for each, where it goes."""
    checkpoints: dict[Address, CheckpointRow] = {}
    writes: dict[tuple[Address, str, int], WriteRow] = {}
    placed: list[Placed] = []
    for each in new:
        references: Sequence[Reference] = ()
        if isinstance(each, NewCheckpoint):
            references = draft.file(each.parts)
            checkpoints[each.address] = rows.of_checkpoint(each, references)
        else:
            for write in each.writes:
                row = rows.of_write(each.address, write, draft.file(write.parts))
                name = (each.address, write.task_id, write.position)
                # As the server has it: the first ones count, LangGraph's own replace each other.
                if write.position < 0 or name not in writes:
                    writes[name] = row
        placed.append((draft.shelf, references))
    return change_of(draft, fence, [*checkpoints.values()], [*writes.values()]), placed


def change_of(
    draft: Draft,
    fence: int | None,
    checkpoints: Sequence[CheckpointRow] = (),
    writes: Sequence[WriteRow] = (),
) -> Change:
    """A draft's elements and some rows, as a change."""
    rows.check([*checkpoints, *writes])  # before anything is stored
    is_new = not draft.known.is_stored
    return Change(draft.shelf, is_new, fence, draft.added, checkpoints, writes)
