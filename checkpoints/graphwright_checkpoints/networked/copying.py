"""Copies of threads, as changes to the thread that gets them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from graphwright_checkpoints.elements import Element
from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow
from graphwright_checkpoints.networked.server import Change
from graphwright_checkpoints.numbering import Draft, NewElement
from graphwright_checkpoints.records import NewPart, decode_references, encode_references
from graphwright_checkpoints.spans import Spans, collect, expand, union

BATCH = 50  # rows of one change

Row = CheckpointRow | WriteRow
Load = Callable[[Spans], Iterable[NewElement]]
"""Reads elements of the thread that is copied."""


def changes(rows: Sequence[Row], load: Load) -> Iterator[Callable[[Draft], tuple[Change, None]]]:
    """What to insert into another thread, one after the other, so that it has these rows too."""
    elements: dict[int, Element] = {}
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        _load(batch, elements, load)

        def change(draft: Draft, batch: Sequence[Row] = batch) -> tuple[Change, None]:
            moved = [_moved(row, elements, draft) for row in batch]
            return Change(
                draft.shelf,
                not draft.known.is_stored,
                None,
                draft.added,
                [row for row in moved if isinstance(row, CheckpointRow)],
                [row for row in moved if isinstance(row, WriteRow)],
            ), None

        yield change


def _load(batch: Sequence[Row], elements: dict[int, Element], load: Load) -> None:
    """Read what the batch refers to and no earlier one did."""
    used = union(reference.spans for row in batch for reference in decode_references(row.refs))
    missing = collect(number for span in used for number in span if number not in elements)
    if missing:
        for new in load(missing):
            elements[new.number] = Element(new.digest, new.many, new.type, new.data)


def _moved(row: Row, elements: dict[int, Element], draft: Draft) -> Row:
    """A row that refers to the same elements on the draft's shelf."""
    references = draft.file(
        NewPart(channel, path, form, channel, [elements[number] for number in expand(spans)])
        for channel, path, form, spans in decode_references(row.refs)
    )
    return row._replace(refs=encode_references(references))
