"""Channels and their reducers: the `state:` of a document as the TypedDict LangGraph wants."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from pydantic import BaseModel, ConfigDict, Field

# LangServe's schemas need this TypedDict before Python 3.12.
from typing_extensions import TypedDict

from graphwright_graphs import plan
from graphwright_graphs.problems import Problems
from graphwright_graphs.source import Where

Reducer = Literal["messages", "append", "last", "add", "merge", "plan"]
Word = Literal["any", "boolean", "integer", "list", "number", "object", "string"]

_TYPES: Mapping[Word, Any] = {
    "any": Any,
    "boolean": bool,
    "integer": int,
    "list": list[Any],
    "number": float,
    "object": dict[str, Any],
    "string": str,
}


class Channel(BaseModel):
    """One channel: how an update joins what is there, and what it holds.

    `messages` is LangGraph's add_messages; `append` puts items at a list's end; `last` replaces;
    `add` is `+`; `merge` joins two objects; `plan` holds a planner's plan. `type` is the type of
    the value, of one item for `append`.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    reducer: Reducer = "last"
    type: Word | None = None
    default: Any = None
    description: str | None = None

    def empty(self) -> Any:
        """What a reader sees while nothing has been written: None where nothing is sensible."""
        if self.default is not None:
            return self.default
        return {"messages": [], "append": [], "add": 0, "merge": {}, "plan": {}}.get(self.reducer)

    def annotation(self) -> Any:
        """The type that LangGraph makes a channel from, its reducer included."""
        extras: list[Any] = [_REDUCERS[self.reducer]] if self.reducer in _REDUCERS else []
        if self.description or self.default is not None:
            shown = None if self.default is None else {"default": self.default}
            # First, since LangGraph takes the last annotation for the reducer.
            extras.insert(0, Field(description=self.description, json_schema_extra=shown))
        return Annotated[self._held(), *extras] if extras else self._held()

    def _held(self) -> Any:
        if self.reducer == "messages":
            return list[AnyMessage]
        if self.reducer == "append":
            return list[_TYPES[self.type or "any"]]  # type: ignore[misc]
        return _TYPES[self.type or _USUAL.get(self.reducer, "any")]


def append(left: Sequence[Any], right: Any) -> list[Any]:
    """The reducer `append`: a list adds its items, anything else is one item."""
    return [*left, *right] if isinstance(right, list) else [*left, right]


def merge(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    """The reducer `merge`: keys on the right win."""
    return {**left, **right}


_REDUCERS: Mapping[Reducer, Callable[[Any, Any], Any]] = {
    "messages": add_messages,
    "append": append,
    "add": operator.add,
    "merge": merge,
    "plan": plan.joined,
}
_USUAL: Mapping[Reducer, Word] = {"add": "integer", "merge": "object", "plan": "object"}


def read(data: Any, problems: Problems, where: Where = ("state",)) -> dict[str, Channel]:
    """The channels of a document, by name; what is wrong with them is reported."""
    if not isinstance(data, dict) or not data:
        problems.report(where, "no channels", "channels, such as `messages: messages`")
        return {}
    channels: dict[str, Channel] = {}
    for name, body in data.items():
        place = (*where, name)
        if not name.isidentifier() or name == "today":
            problems.report(place, f'"{name}"', "a name of letters, digits and _", at_key=True)
        else:
            channel = problems.validated(Channel, body, place, short="reducer")
            channels[name] = channel or _guess(body)
    return channels


def _guess(body: Any) -> Channel:
    """What a faulty channel was probably meant to be, so that no other error follows from it."""
    word = body.get("reducer") if isinstance(body, dict) else body
    near = get_close_matches(str(word), get_args(Reducer), n=1)
    return Channel.model_validate({"reducer": near[0] if near else "last"})


def schema(title: str, channels: Mapping[str, Channel], description: str | None) -> type[Any]:
    """The graph's state. Every channel is optional: readers use `Channel.empty`."""
    fields = {name: channel.annotation() for name, channel in channels.items()}
    state: type[Any] = TypedDict(title, fields, total=False)  # type: ignore[misc]
    state.__doc__ = description
    return state


def subset(title: str, names: Iterable[str], channels: Mapping[str, Channel]) -> type[Any]:
    """Some of the channels, all of them required: what a run takes, or what it returns."""
    fields = {name: channels[name].annotation() for name in names}
    part: type[Any] = TypedDict(title, fields)  # type: ignore[misc]
    return part
