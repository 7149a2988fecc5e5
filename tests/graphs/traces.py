"""What a graph does, as data that is the same for two graphs that do the same."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

THREAD: Any = {"configurable": {"thread_id": "1"}}
MODES = ["values", "updates", "messages", "custom"]
# They differ from run to run.
CHANGING = {
    "id",
    "run_id",
    "langgraph_checkpoint_ns",
    "checkpoint_ns",
    "__pregel_task_id",
    "ts",
}
# Versions of channels, whose random part may be written as 7.3e-05, and ids.
_ID = re.compile(r"\d{32}\.[\d.e-]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")


class Names:
    """Gives each id a name of its own, in the order in which they are first seen."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def plain(self, value: Any) -> Any:
        """A value as plain data, its ids by those names."""
        if hasattr(value, "model_dump"):
            return self.plain(value.model_dump())
        if hasattr(value, "_asdict"):
            return self.plain(value._asdict())
        if isinstance(value, dict):
            return {
                str(key): self.plain(each) for key, each in value.items() if key not in CHANGING
            }
        if isinstance(value, list | tuple):
            return [self.plain(each) for each in value]
        if isinstance(value, str):
            return _ID.sub(lambda found: self._name(found[0]), value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if hasattr(value, "__dict__") or hasattr(value, "__slots__"):
            return {"class": type(value).__name__, **self.plain(_fields(value))}
        return repr(value)

    def _name(self, found: str) -> str:
        return self._known.setdefault(found, f"#{len(self._known)}")


def _fields(value: Any) -> dict[str, Any]:
    names = getattr(value, "__slots__", None) or vars(value)
    return {name: getattr(value, name) for name in names if not name.startswith("_")}


def served(graph: Any) -> Any:
    """A graph with what a server lends it."""
    return graph.copy(update={"checkpointer": InMemorySaver(), "store": InMemoryStore()})


async def trace(
    graph: Any, conversation: Sequence[Any], *, side_by_side: bool = False, context: Any = None
) -> list[Any]:
    """Every event of a conversation's runs on one thread, and at last the thread's state.

    What tasks that run `side_by_side` do has no order of its own: all events are sorted then.
    """
    names, found = Names(), list[Any]()
    for given in conversation:
        async for event in graph.astream(given, THREAD, context=context, stream_mode=MODES):
            found.append(names.plain(event))
    state = await graph.aget_state(THREAD)
    found += [names.plain(state.values), list(state.next)]
    if not side_by_side:
        return found
    return sorted(re.sub(r"#\d+", "#", json.dumps(each, sort_keys=True)) for each in found)
