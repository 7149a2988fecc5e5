"""What a thread keeps and how much room it takes, from its rows.

A server gives rows whole, so that a look at a thread reads all of it. A pin is a pending write of
its checkpoint that no reader sees: it goes where the checkpoint goes.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow
from graphwright_checkpoints.numbering import NewElement
from graphwright_checkpoints.records import Address, decode_references
from graphwright_checkpoints.spans import Spans
from graphwright_checkpoints.storage import Amount, Outline, Usage, weigh

PIN = "__pin__"  # the task and the channel of a pin
PINNED, LET_GO = b"1", b"0"  # writes of a negative position replace each other

Row = CheckpointRow | WriteRow


def pin(address: Address, pinned: bool) -> WriteRow:
    """The row that pins a checkpoint, or lets it go."""
    value = PINNED if pinned else LET_GO
    return WriteRow(*address[1:], PIN, -1, "", PIN, "bytes", value, None)


def is_pin(row: Row) -> bool:
    """Whether a row is there for retention alone."""
    return isinstance(row, WriteRow) and row.task_id == PIN


def outline(thread_id: str, rows: Iterable[Row]) -> list[Outline]:
    """A thread's checkpoints, by namespace, oldest first."""
    checkpoints, writes, pins = _sorted(rows)
    sizes: dict[tuple[str, str], int] = {}
    for row in writes:
        place = (row.checkpoint_ns, row.checkpoint_id)
        sizes[place] = sizes.get(place, 0) + _size(row)
    return [
        Outline(
            Address(thread_id, *place),
            row.parent_id,
            row.metadata,
            _size(row) + sizes.get(place, 0),
            place in pins,
        )
        for row in checkpoints
        if (place := (row.checkpoint_ns, row.checkpoint_id))
    ]


def usage(rows: Iterable[Row], elements: Iterable[NewElement]) -> Usage:
    """What rows and elements take."""
    checkpoints, writes, _ = _sorted(rows)
    ids = [row.checkpoint_id for row in checkpoints]
    return Usage(
        Amount(len(checkpoints), sum(map(_size, checkpoints))),
        Amount(len(writes), sum(map(_size, writes))),
        Amount(*_total(elements)),
        min(ids, default=None),
        max(ids, default=None),
    )


def by_channel(
    thread_id: str,
    rows: Iterable[Row],
    elements: Iterable[NewElement],
    without: Collection[Address],
) -> Mapping[str, Amount]:
    """The elements of each channel, and their bytes, if some checkpoints were not there."""
    used: dict[str, list[Spans]] = {}
    for row in rows:
        if Address(thread_id, row.checkpoint_ns, row.checkpoint_id) not in without:
            for reference in decode_references(row.refs):
                used.setdefault(reference.channel, []).append(reference.spans)
    return weigh(used, {element.number: len(element.data) for element in elements})


def _sorted(
    rows: Iterable[Row],
) -> tuple[list[CheckpointRow], list[WriteRow], set[tuple[str, str]]]:
    """Checkpoints in their order, writes, and the places of the pinned."""
    held = list(rows)
    checkpoints = [row for row in held if isinstance(row, CheckpointRow)]
    checkpoints.sort(key=lambda row: (row.checkpoint_ns, row.checkpoint_id))
    writes = [row for row in held if isinstance(row, WriteRow)]
    pins = {
        (row.checkpoint_ns, row.checkpoint_id)
        for row in writes
        if is_pin(row) and row.value == PINNED
    }
    return checkpoints, [row for row in writes if not is_pin(row)], pins


def _size(row: Row) -> int:
    refs = len(row.refs or b"")
    if isinstance(row, WriteRow):
        return len(row.value) + refs
    return len(row.body) + len(row.metadata) + refs


def _total(elements: Iterable[NewElement]) -> Iterator[int]:
    sizes: Sequence[int] = [len(element.data) for element in elements]
    yield len(sizes)
    yield sum(sizes)
