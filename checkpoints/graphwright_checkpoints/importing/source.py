"""What an import asks of a database that another checkpointer wrote."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast

from langgraph.checkpoint.base import Checkpoint
from langgraph.checkpoint.serde.types import TASKS

from graphwright_checkpoints.errors import CheckpointError, ValueNotRead
from graphwright_checkpoints.records import Address

SENDS_IN_CHANNEL = 4  # the version of LangGraph's checkpoints that keeps sends as a channel


class Size(NamedTuple):
    """How much a thread has. `lost` are writes of checkpoints that are not there."""

    checkpoints: int
    writes: int
    lost: int
    bytes: int


class SourceWrite(NamedTuple):
    """A pending write. LangGraph's own have a negative position."""

    task_id: str
    task_path: str
    position: int
    channel: str
    value: Any


class SourceCheckpoint(NamedTuple):
    """A checkpoint with its writes, as LangGraph would be given it."""

    address: Address
    parent_id: str | None
    checkpoint: Checkpoint
    metadata: Mapping[str, Any]
    writes: Sequence[SourceWrite]


class Source(Protocol):
    """Checkpoints to read, all as they were when the source was opened.

    Raises `SourceError`, and `ValueNotRead` where a value cannot be decoded.
    """

    def threads(self) -> Sequence[str]:
        """The ids of the threads that have checkpoints, in order."""
        ...

    def size(self, thread_id: str) -> Size:
        """How much a thread has."""
        ...

    def addresses(self, thread_id: str) -> Sequence[Address]:
        """Where a thread's checkpoints are, of all its namespaces, oldest first."""
        ...

    def metadata(self, address: Address) -> Mapping[str, Any]:
        """The metadata of a checkpoint."""
        ...

    def read(self, address: Address) -> SourceCheckpoint:
        """The checkpoint at an address of `addresses`."""
        ...


def read(source: Source, address: Address) -> SourceCheckpoint:
    """`Source.read`, with `ValueNotRead` for what decodes to something else than a checkpoint."""
    try:
        found = source.read(address)
        body: Mapping[str, Any] = {**found.checkpoint}
        fields = [body[name] for name in ("v", "id", "ts")]
        maps = [body[name] for name in ("channel_values", "channel_versions", "versions_seen")]
    except CheckpointError:
        raise
    except Exception as error:
        raise ValueNotRead("checkpoint", f"it is none ({type(error).__name__}: {error})") from error
    if None in fields or not all(isinstance(part, dict) for part in (*maps, found.metadata)):
        raise ValueNotRead("checkpoint", "it has not the fields of one")
    return found


def expects_sends(checkpoint: Checkpoint, parent_id: str | None) -> bool:
    """Whether the sends that lead to a checkpoint are among its parent's writes.

    Checkpoints before version 4 have no channel of their own for them.
    """
    return checkpoint["v"] < SENDS_IN_CHANNEL and parent_id is not None


def add_sends(checkpoint: Checkpoint, sends: Sequence[Any]) -> None:
    """Give an old checkpoint the sends of its parent's writes, as a channel."""
    if sends:
        versions = cast(dict[str, Any], checkpoint["channel_versions"])
        checkpoint["channel_values"][TASKS] = list(sends)
        versions[TASKS] = max(versions.values(), default=f"{1:032}.{0:016}")
