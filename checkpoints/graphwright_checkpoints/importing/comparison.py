"""Whether what is stored is what the source has, by value."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple, get_serializable_checkpoint_metadata
from langgraph.checkpoint.serde.base import SerializerProtocol

from graphwright_checkpoints.importing.source import SourceCheckpoint

BEHIND = "writes are missing"
"""The difference of a checkpoint that is the source's own, but for some of its writes."""


def difference(
    source: SourceCheckpoint, stored: CheckpointTuple, serde: SerializerProtocol
) -> str | None:
    """What differs between a checkpoint and the one of the same id that is stored; None if nothing
    does.
    """
    parent = (stored.parent_config or {}).get("configurable", {}).get("checkpoint_id")
    if parent != source.parent_id:
        return "its parent differs"
    if _metadata(source.metadata) != _metadata(stored.metadata):
        return "its metadata differs"
    old: dict[str, Any] = {**source.checkpoint}
    new: dict[str, Any] = {**stored.checkpoint}
    if name := _differing(old.pop("channel_values"), new.pop("channel_values"), serde):
        return f"channel {name!r} differs"
    if name := _differing(old, new, serde):
        return f"{name!r} differs"
    return _writes_difference(source, stored, serde)


def _writes_difference(
    source: SourceCheckpoint, stored: CheckpointTuple, serde: SerializerProtocol
) -> str | None:
    ours = _by_task(stored.pending_writes or ())
    theirs = _by_task((write.task_id, write.channel, write.value) for write in source.writes)
    for place, values in ours.items():
        wanted = theirs.get(place, [])
        if len(values) > len(wanted) or not all(
            same(value, other, serde) for value, other in zip(values, wanted, strict=False)
        ):
            return f"writes of task {place[0]} to {place[1]!r} differ"
    return BEHIND if _count(ours) < _count(theirs) else None


def same(left: Any, right: Any, serde: SerializerProtocol) -> bool:
    """Whether two values are equal, or encoded alike: NaN and some classes equal nothing."""
    try:
        if left == right:
            return True
    except Exception:  # numpy's arrays, for one, have no truth value
        pass
    return serde.dumps_typed(left) == serde.dumps_typed(right)


def _differing(
    left: Mapping[str, Any], right: Mapping[str, Any], serde: SerializerProtocol
) -> str | None:
    for name in sorted(left.keys() | right.keys()):
        if name not in left or name not in right or not same(left[name], right[name], serde):
            return name
    return None


def _metadata(metadata: Mapping[str, Any]) -> str:
    # LangGraph no longer keeps a step's writes there.
    kept = get_serializable_checkpoint_metadata({}, metadata)  # type: ignore[arg-type]
    return json.dumps(kept, sort_keys=True)


def _by_task(writes: Iterable[tuple[str, str, Any]]) -> dict[tuple[str, str], list[Any]]:
    found: dict[tuple[str, str], list[Any]] = {}
    for task_id, channel, value in writes:
        found.setdefault((task_id, channel), []).append(value)
    return found


def _count(writes: Mapping[Any, Sequence[Any]]) -> int:
    return sum(len(values) for values in writes.values())
