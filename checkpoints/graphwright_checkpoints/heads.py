"""How the checkpoints that were stored, or found, last have their large values.

A checkpoint's child has most of its channels as they are: they need not be looked at again.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from langgraph.checkpoint.base import ChannelVersions, Checkpoint

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.records import Address, NewPart, Reference

LIMIT = 512  # checkpoints that are kept in mind


class Channel(NamedTuple):
    """How a channel's value is stored that has nothing in the body: its version, and where."""

    version: str | int | float
    references: Sequence[Reference]


class Head(NamedTuple):
    """How the values of a checkpoint that have references are stored."""

    shelf: Shelf
    channels: Mapping[str, Channel]


class Heads:
    """What is known of some checkpoints, by their addresses."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Address, Head] = OrderedDict()

    def remember(
        self,
        checkpoint: Checkpoint,
        address: Address,
        shelf: Shelf,
        references: Sequence[Reference],
    ) -> None:
        """Note how a checkpoint was stored, or found."""
        if not references:
            return
        versions = checkpoint["channel_versions"]
        channels = {
            # A part at no path is the whole value; the rest of a dict is not kept in mind.
            name: Channel(versions[name], found)
            for name, found in by_channel(references)
            if name in versions and not any(reference.path for reference in found)
        }
        self._kept[address] = Head(shelf, channels)
        self._kept.move_to_end(address)
        while len(self._kept) > LIMIT:
            self._kept.popitem(last=False)

    def carried(
        self, parent: Address, checkpoint: Checkpoint, new_versions: ChannelVersions
    ) -> Mapping[str, tuple[None, Sequence[NewPart]]]:
        """By channel, what stays in the body (nothing) and the parts of those that are as in the
        parent: they are not in `new_versions`.
        """
        head = self._kept.get(parent)
        if head is None:
            return {}
        versions = checkpoint["channel_versions"]
        return {
            name: (None, [_carried(reference, head.shelf) for reference in references])
            for name, (version, references) in head.channels.items()
            if name not in new_versions and version == versions.get(name)
        }


def by_channel(references: Iterable[Reference]) -> Iterable[tuple[str, list[Reference]]]:
    """References by the names of their channels."""
    found: dict[str, list[Reference]] = {}
    for reference in references:
        found.setdefault(reference.channel, []).append(reference)
    return found.items()


def _carried(reference: Reference, shelf: Shelf) -> NewPart:
    channel, path, form, spans = reference
    return NewPart(channel, path, form, "", (), spans, shelf)
