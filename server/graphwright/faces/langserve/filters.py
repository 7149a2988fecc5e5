"""Which of a run's events a caller of `astream_events` or `astream_log` wants."""

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables.schema import StreamEvent


class EventFilter:
    """LangChain's include and exclude rules: an event is in if no include rule is given or one
    holds, and no exclude rule does.
    """

    def __init__(self, rules: Mapping[str, Any]) -> None:
        self._include = _rules("include", rules)
        self._exclude = _rules("exclude", rules)

    def __call__(self, event: StreamEvent) -> bool:
        """Whether the event is wanted."""
        found = {
            "names": {event["name"]},
            "types": {event_type(event)},
            "tags": set(event.get("tags") or ()),
        }
        included = not self._include or any(
            values & found[kind] for kind, values in self._include.items()
        )
        return included and not any(values & found[kind] for kind, values in self._exclude.items())


def event_type(event: StreamEvent) -> str:
    """`chat_model` of `on_chat_model_stream`."""
    return event["event"].removeprefix("on_").rpartition("_")[0]


def _rules(verb: str, rules: Mapping[str, Any]) -> dict[str, set[str]]:
    given = {kind: rules.get(f"{verb}_{kind}") for kind in ("names", "types", "tags")}
    return {kind: set(values) for kind, values in given.items() if values}
