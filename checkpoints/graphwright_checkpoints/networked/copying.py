"""Copies of threads, as changes to the thread that gets them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from graphwright_checkpoints.database import Stale
from graphwright_checkpoints.elements import Element, Shelf
from graphwright_checkpoints.errors import DatabaseUnavailable
from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow
from graphwright_checkpoints.networked.server import Change
from graphwright_checkpoints.numbering import Draft, NewElement
from graphwright_checkpoints.records import NewPart, decode_references, encode_references
from graphwright_checkpoints.spans import Spans, collect, expand, union

BATCH = 50  # rows of one change

Row = CheckpointRow | WriteRow
Load = Callable[[Spans], Iterable[NewElement]]
"""Reads elements of the thread that is copied."""


class Source:
    """The elements of the copied thread that are in use, and the copies of their blobs."""

    def __init__(self, shelf: Shelf, load: Load, blobs: Mapping[str, str] | None) -> None:
        self._shelf = shelf
        self._load = load
        self._copies = blobs
        self._elements: dict[int, Element] = {}
        self._blobs: dict[bytes, str] = {}

    def load(self, rows: Sequence[Row]) -> None:
        """Read what these rows refer to and no earlier ones did.

        Raises `Stale` where an element has a blob that was not copied.
        """
        used = union(reference.spans for row in rows for reference in decode_references(row.refs))
        missing = collect(n for span in used for n in span if n not in self._elements)
        for new in self._load(missing) if missing else ():
            self._elements[new.number] = Element(new.digest, new.many, new.type, new.data)
            if new.blob is not None:
                self._blobs[new.digest] = self._copy(new.blob)

    def moved(self, row: Row, draft: Draft) -> Row:
        """A row that refers to the same elements on the draft's shelf."""
        references = draft.file(
            NewPart(
                channel,
                path,
                form,
                channel,
                [self._elements[number] for number in expand(spans)],
                blobs=self._blobs,
            )
            for channel, path, form, spans in decode_references(row.refs)
        )
        return row._replace(refs=encode_references(references))

    def _copy(self, blob: str) -> str:
        if self._copies is None:
            raise DatabaseUnavailable(
                f"thread {self._shelf.thread_id[:80]!r} has values in a blob store and none is"
                " open: give open_checkpointer its URL as `blobs`."
            )
        if blob not in self._copies:
            raise Stale
        return self._copies[blob]


def changes(
    rows: Sequence[Row], source: Source
) -> Iterator[Callable[[Draft], tuple[Change, None]]]:
    """What to insert into another thread, one after the other, so that it has these rows too."""
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        source.load(batch)

        def change(draft: Draft, batch: Sequence[Row] = batch) -> tuple[Change, None]:
            moved = [source.moved(row, draft) for row in batch]
            return Change(
                draft.shelf,
                not draft.known.is_stored,
                None,
                draft.added,
                [row for row in moved if isinstance(row, CheckpointRow)],
                [row for row in moved if isinstance(row, WriteRow)],
            ), None

        yield change
