"""Reads: a checkpoint with its elements, though others may delete or add meanwhile."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import chain

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.networked import rows, storage
from graphwright_checkpoints.networked.calls import ATTEMPTS, Calls, too_busy
from graphwright_checkpoints.networked.server import Found, Moved, Server
from graphwright_checkpoints.numbering import NewElement, Numbering
from graphwright_checkpoints.records import (
    Address,
    Selection,
    StoredCheckpoint,
    StoredElement,
    decode_references,
)
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.spans import Spans, collect, union
from graphwright_checkpoints.templates import COPY, Template, Templates


class Reader:
    """The reads of one process. What they see of a thread its `numbering` is told."""

    def __init__(self, server: Server, calls: Calls, numbering: Numbering) -> None:
        self._server = server
        self._calls = calls
        self._numbering = numbering

    def find(self, address: Address, known: Templates) -> StoredCheckpoint | None:
        """The checkpoint at `address`, with its writes and those elements that are not `known`."""
        for _ in range(ATTEMPTS):
            found = self.row(address)
            if found is None:
                return None
            with suppress(Moved):
                return self._whole(found, known)
        raise too_busy(address.thread_id)

    def row(self, address: Address) -> Found | None:
        """The checkpoint at `address` and its writes, elements left out."""
        found = self._calls.ask(self._server.find, address)
        if found is not None:
            self._numbering.saw(found.shelf)
        elif address[1:] == ("", ""):  # most often a thread that begins
            self._numbering.expect_new(address.thread_id)
        return found

    def select(self, wanted: Selection) -> Sequence[tuple[Address, str]]:
        """Addresses and metadata, newest first, of what may match."""
        found = sorted(
            self._calls.ask(lambda: list(self._server.addresses(wanted))),
            key=lambda item: (item[0].thread_id, item[0].checkpoint_ns),
        )
        found.sort(key=lambda item: item[0].checkpoint_id, reverse=True)
        if wanted.metadata or wanted.limit is None:
            return found
        return found[: max(wanted.limit, 0)]

    def elements(self, shelf: Shelf, spans: Spans) -> list[NewElement]:
        """Elements of a shelf, or `Moved` if their numbers may have been given to others."""
        found = read_elements(self._server, self._calls, shelf, spans)
        thread = self._calls.ask(self._server.thread, shelf.thread_id)
        if thread is None or thread.shelf != shelf:
            raise Moved
        return found

    def _whole(self, found: Found, known: Templates) -> StoredCheckpoint:
        """What was found, with its elements; `Moved` if they may be others' by now."""
        refs = chain([found.row.refs], (write.refs for write in found.writes))
        spans = union(reference.spans for data in refs for reference in decode_references(data))
        loaded: dict[int, StoredElement | Template] = {}
        size, missing = 0, []
        for number in chain.from_iterable(spans):
            if (template := known.find(found.shelf, number)) is not None:
                loaded[number] = template
                size += COPY
            else:
                missing.append(number)
        for element in self.elements(found.shelf, collect(missing)) if missing else ():
            content = Encoded(element.type, element.data)
            loaded[element.number] = StoredElement(element.many, content, element.blob)
            size += len(element.data)
        pending = [row for row in found.writes if not storage.is_pin(row)]
        writes = [rows.write(row) for row in sorted(pending, key=lambda row: row.order)]
        return StoredCheckpoint(*rows.head(found.shelf, found.row), writes, loaded, size)


def read_elements(server: Server, calls: Calls, shelf: Shelf, spans: Spans) -> list[NewElement]:
    """The elements of these numbers, whoever has them by now; again while one is replaced."""
    return calls.change(lambda: list(server.elements(shelf, spans)))
