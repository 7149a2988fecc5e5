"""What a thread keeps and how much room it takes, without reading what was said in it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from graphwright_checkpoints.records import Address
from graphwright_checkpoints.spans import Spans, union

GREGORIAN = datetime(1582, 10, 15, tzinfo=UTC)  # where the clock of a version 6 UUID begins
UNIX = datetime(1970, 1, 1, tzinfo=UTC)  # where that of version 7 does


class Outline(NamedTuple):
    """A checkpoint as retention sees it."""

    address: Address
    parent_id: str | None
    metadata: str
    size: int
    """Bytes of its rows, the elements that it refers to left out."""
    pinned: bool


class Amount(NamedTuple):
    """How many of a kind there are, and their bytes."""

    rows: int = 0
    bytes: int = 0


class Usage(NamedTuple):
    """What a thread takes, keys and indexes left out."""

    checkpoints: Amount
    writes: Amount
    """Results of tasks, kept beside the checkpoint that the tasks began at."""
    elements: Amount
    """Messages and large values, each stored once."""
    oldest: str | None
    """The id of the oldest checkpoint, which tells its time; None where there is none."""
    newest: str | None
    outside: Amount = Amount()
    """Those of the large values that are in a blob store."""

    @property
    def bytes(self) -> int:
        """All of it."""
        inside = self.checkpoints.bytes + self.writes.bytes + self.elements.bytes
        return inside + self.outside.bytes


def weigh(used: Mapping[str, Sequence[Spans]], weights: dict[int, int]) -> dict[str, Amount]:
    """The elements that each channel has in use, of those whose bytes are in `weights`.

    One that two channels have counts for the first of them; LangGraph's own channels, such as that
    of the input, come after the graph's. Takes what it finds out of `weights`.
    """
    ordered = sorted(used, key=lambda channel: channel.startswith("__"))
    found = {channel: _amount(used[channel], weights) for channel in ordered}
    return {channel: amount for channel, amount in found.items() if amount.rows}


def _amount(many: Sequence[Spans], weights: dict[int, int]) -> Amount:
    found = [weights.pop(number) for span in union(many) for number in span if number in weights]
    return Amount(len(found), sum(found))


def moment(checkpoint_id: str | None) -> datetime | None:
    """When a checkpoint was made, or None where its id does not tell.

    LangGraph's ids are UUIDs of version 6; those of version 7 are read as well.
    """
    try:
        found = UUID(checkpoint_id or "")
    except ValueError:
        return None
    if found.version == 7:
        return UNIX + timedelta(milliseconds=found.int >> 80)
    if found.version == 6:
        ticks = (found.int >> 80) << 12 | (found.int >> 64) & 0xFFF  # of 100 ns
        return GREGORIAN + timedelta(microseconds=ticks // 10)
    return None
