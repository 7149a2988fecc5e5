"""Checkpoints as records: what a database stores, and the way there and back.

A checkpoint is split as LangGraph's own Postgres saver splits it: its body without the values, and
one record a channel and version, so that a channel that did not change is not written again. Small
plain values (most of them LangGraph's own marks) stay in the body: a row of their own costs more.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from graphwright_checkpoints.errors import CheckpointError, ValueNotRead, ValueNotStored

MAX_VALUE = 990_000_000  # bytes; SQLite limits a row to 10^9 by default


INLINE_LENGTH = 256  # characters or bytes of a value that stays in the body


class Address(NamedTuple):
    """Where a checkpoint lives. An empty `checkpoint_id` stands for the latest one."""

    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str

    @classmethod
    def of(cls, config: RunnableConfig) -> "Address":
        """The address that a config names."""
        part = config.get("configurable", {})
        if "thread_id" not in part:
            raise CheckpointError(
                'the config names no thread: pass {"configurable": {"thread_id": "…"}}.'
            )
        return cls(
            str(part["thread_id"]),
            part.get("checkpoint_ns") or "",
            part.get("checkpoint_id") or "",
        )

    def config(self) -> RunnableConfig:
        """The config that names this address."""
        return {"configurable": self._asdict()}


class Encoded(NamedTuple):
    """A value as the serializer left it."""

    type: str
    data: bytes


class Value(NamedTuple):
    """One channel's value at one version."""

    channel: str
    version: str | int | float
    content: Encoded


class Write(NamedTuple):
    """One pending write of a task. LangGraph's own have a negative position."""

    task_id: str
    position: int
    task_path: str
    channel: str
    content: Encoded


class NewCheckpoint(NamedTuple):
    """Everything that one `put` stores."""

    address: Address
    parent_id: str | None
    run_id: str | None
    body: Encoded
    metadata: str
    values: Sequence[Value]

    @property
    def size(self) -> int:
        """Bytes to write, keys left out."""
        return len(self.body.data) + sum(len(value.content.data) for value in self.values)


class StoredCheckpoint(NamedTuple):
    """Everything that one read finds, with the values outside the body still encoded."""

    address: Address
    parent_id: str | None
    body: Checkpoint
    metadata: str
    values: Sequence[tuple[str, Encoded]]
    writes: Sequence[tuple[str, str, Encoded]]

    @property
    def size(self) -> int:
        """Bytes to decode."""
        values = sum(len(content.data) for _, content in self.values)
        return values + sum(len(content.data) for _, _, content in self.writes)


def encode(serde: SerializerProtocol, channel: str, value: Any) -> Encoded:
    """Serialize one value, or raise `ValueNotStored` with the channel's name."""
    try:
        content = Encoded(*serde.dumps_typed(value))
    except Exception as error:
        raise ValueNotStored(channel, f"{error} (a {type(value).__name__})") from error
    if len(content.data) > MAX_VALUE:
        raise ValueNotStored(
            channel, f"it takes {len(content.data)} bytes and the limit is {MAX_VALUE}"
        )
    return content


def decode(serde: SerializerProtocol, channel: str, content: Encoded) -> Any:
    """Read one value back, or raise `ValueNotRead` with the channel's name."""
    try:
        return serde.loads_typed(content)
    except Exception as error:
        raise ValueNotRead(channel, f"{error} (stored as {content.type!r})") from error


def encode_checkpoint(
    serde: SerializerProtocol,
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    new_versions: ChannelVersions,
) -> NewCheckpoint:
    """Split a checkpoint into records. Only channels in `new_versions` give a value."""
    parent = Address.of(config)
    values = checkpoint["channel_values"]
    versions = checkpoint["channel_versions"]
    inline = {
        name: value for name, value in values.items() if name in versions and _is_small(value)
    }
    body = {**checkpoint, "channel_values": inline}
    facts = get_serializable_checkpoint_metadata(config, metadata)
    return NewCheckpoint(
        parent._replace(checkpoint_id=checkpoint["id"]),
        parent.checkpoint_id or None,
        facts.get("run_id"),
        encode(serde, "checkpoint", body),
        _encode_metadata(facts),
        [
            Value(channel, version, encode(serde, channel, values[channel]))
            for channel, version in new_versions.items()
            if channel in values and channel not in inline
        ],
    )


def _is_small(value: object) -> bool:
    # By exact type: subclasses, enums for instance, have a form of their own.
    if type(value) is str or type(value) is bytes:
        return len(value) <= INLINE_LENGTH
    if type(value) is int:
        return -(2**63) <= value < 2**63  # a larger one is refused, by its channel's name
    return value is None or type(value) in (bool, float)


def _encode_metadata(metadata: CheckpointMetadata) -> str:
    try:
        # ASCII, with everything else escaped: surrogates and NUL come back as they went in.
        return json.dumps(metadata)
    except (TypeError, ValueError) as error:
        raise ValueNotStored("metadata", f"it has to be JSON ({error})") from error


def versions_elsewhere(body: Checkpoint) -> ChannelVersions:
    """The versions of the channels whose values, if they have any, are not in the body."""
    inline = body["channel_values"]
    versions = body["channel_versions"]
    return {channel: version for channel, version in versions.items() if channel not in inline}


def encode_writes(
    serde: SerializerProtocol, writes: Iterable[tuple[str, Any]], task_id: str, task_path: str
) -> list[Write]:
    """One record a write, numbered as LangGraph asks of every saver."""
    return [
        Write(
            task_id,
            WRITES_IDX_MAP.get(channel, position),
            task_path,
            channel,
            encode(serde, channel, value),
        )
        for position, (channel, value) in enumerate(writes)
    ]


def decode_checkpoint(serde: SerializerProtocol, stored: StoredCheckpoint) -> CheckpointTuple:
    """Put a checkpoint together again."""
    values = stored.body["channel_values"]
    values |= {channel: decode(serde, channel, content) for channel, content in stored.values}
    parent = stored.address._replace(checkpoint_id=stored.parent_id or "")
    return CheckpointTuple(
        config=stored.address.config(),
        checkpoint=stored.body,
        metadata=json.loads(stored.metadata),
        parent_config=parent.config() if stored.parent_id else None,
        pending_writes=[
            (task_id, channel, decode(serde, channel, content))
            for task_id, channel, content in stored.writes
        ],
    )


def matches(metadata: str, expected: Mapping[str, Any]) -> bool:
    """Whether encoded metadata has every expected entry; None also matches an absent one."""
    found = json.loads(metadata)
    return all(found.get(name) == value for name, value in expected.items())
