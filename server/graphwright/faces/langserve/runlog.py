"""From LangChain's events to patches of a run log, the older form that LangServe's playground
reads.

The log's shape is LangChain's `RunState`: the outermost run, and an entry in `logs` for each run
inside it.
"""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from langchain_core.runnables.schema import StreamEvent
from langchain_core.tracers.log_stream import RunLogPatch

from graphwright.faces.langserve.filters import EventFilter, event_type

Operation = dict[str, Any]

# What kinds of run are called in a log: a chat model `llm`, by LangChain; a tool `chain`, because
# LangServe's client takes any object of type `tool` for a message, and fails on it.
LOG_TYPES = {"chat_model": "llm", "tool": "chain"}


class RunLogWriter:
    """Writes one run's log. Hand it every event, in order."""

    def __init__(self, wanted: EventFilter) -> None:
        self._wanted = wanted
        self._root: str | None = None
        self._keys: dict[str, str] = {}
        self._names: Counter[str] = Counter()

    def patch(self, event: StreamEvent) -> RunLogPatch | None:
        """What the event changes in the log, if anything. The outermost run's own events only begin
        the log: its output is written in words, with `say`, and its end with `finish`.
        """
        if self._root is None:
            self._root = event["run_id"]
            return RunLogPatch(_add_root(event))
        if event["run_id"] == self._root:
            return None
        operations = self._entry(event)
        return RunLogPatch(*operations) if operations else None

    def say(self, text: str) -> RunLogPatch:
        """Text for the person who reads along."""
        return RunLogPatch(_add("/streamed_output/-", text))

    def finish(self, output: Any) -> RunLogPatch:
        """The run's result."""
        return RunLogPatch({"op": "replace", "path": "/final_output", "value": output})

    def _entry(self, event: StreamEvent) -> list[Operation]:
        run_id = event["run_id"]
        if event["event"].endswith("_start") and self._wanted(event):
            name = event["name"]
            self._names[name] += 1
            number = self._names[name]
            self._keys[run_id] = name if number == 1 else f"{name}:{number}"
            return [_add(f"/logs/{_escaped(self._keys[run_id])}", _entry(event))]
        if run_id not in self._keys:
            return []
        path = f"/logs/{_escaped(self._keys[run_id])}"
        if event["event"].endswith("_stream"):
            return _chunk(path, event["data"].get("chunk"))
        return [
            _add(f"{path}/final_output", event["data"].get("output")),
            _add(f"{path}/end_time", _now()),
        ]


def _add(path: str, value: Any) -> Operation:
    return {"op": "add", "path": path, "value": value}


def _add_root(event: StreamEvent) -> Operation:
    state: dict[str, Any] = {
        "id": event["run_id"],
        "streamed_output": [],
        "final_output": None,
        "logs": {},
        "name": event["name"],
        "type": event_type(event),
    }
    return {"op": "replace", "path": "", "value": state}


def _entry(event: StreamEvent) -> dict[str, Any]:
    kind = event_type(event)
    return {
        "id": event["run_id"],
        "name": event["name"],
        "type": LOG_TYPES.get(kind, kind),
        "tags": event.get("tags") or [],
        "metadata": event.get("metadata") or {},
        "start_time": _now(),
        "streamed_output": [],
        "streamed_output_str": [],
        "final_output": None,
        "end_time": None,
    }


def _chunk(path: str, chunk: Any) -> list[Operation]:
    operations = [_add(f"{path}/streamed_output/-", chunk)]
    text = chunk.get("content") if isinstance(chunk, dict) else None
    if isinstance(text, str):
        operations.append(_add(f"{path}/streamed_output_str/-", text))
    return operations


def _escaped(key: str) -> str:
    """A key as a part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
