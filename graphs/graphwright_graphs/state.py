"""Channels and their reducers: the `state:` of a document as the TypedDict LangGraph wants."""

from __future__ import annotations

import inspect
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired, get_args

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from pydantic import Field, field_validator

# LangServe's schemas need this TypedDict before Python 3.12.
from typing_extensions import TypedDict

from graphwright_graphs import bodies, plan
from graphwright_graphs.bodies import Unfit
from graphwright_graphs.imports import Imports
from graphwright_graphs.problems import Problems, meant, nearest, no_mapping, quoted
from graphwright_graphs.source import Where
from graphwright_graphs.values import Value, meant_type

Reducer = Literal["messages", "append", "last", "add", "merge", "plan"]
Join = Callable[[Any, Any], Any]

_OTHER_WORDS = {
    **dict.fromkeys(("concat", "extend"), "append"),
    **dict.fromkeys(("override", "overwrite", "replace"), "last"),
    **dict.fromkeys(("operator.add", "sum"), "add"),
    "update": "merge",
}

IMPORT_PATH = r"^[\w.]+:[\w.]+$"


class Channel(Value):
    """One channel: how an update joins what is there, and what it holds.

    `messages` is LangGraph's add_messages; `append` puts items at a list's end; `last` replaces;
    `add` is `+`; `merge` joins two objects; `plan` holds a planner's plan; `module:function` is a
    function of two values. The type is that of the value, of one item for `append`.
    """

    reducer: Reducer | Annotated[str, Field(pattern=IMPORT_PATH)] = "last"

    _own: Join | None = None

    @field_validator("reducer", mode="before")
    @classmethod
    def _known_reducer(cls, word: Any) -> Any:
        if isinstance(word, str) and word not in get_args(Reducer) and ":" not in word:
            *others, last = get_args(Reducer)
            raise Unfit(f"one of {', '.join(others)}, {last} or `module:function`", _meant(word))
        return word

    def empty(self) -> Any:
        """What a reader sees while nothing has been written: None where nothing is sensible."""
        if self.default is not None:
            return self.default
        return {"messages": [], "append": [], "add": 0, "merge": {}, "plan": {}}.get(self.reducer)

    def missing(self, name: str) -> str:
        """What there is to do about a value that is not there."""
        return (
            f"the channel `{name}`, which has no value: "
            "send it as input, or give it a default in the graph's `state`"
        )

    @property
    def join(self) -> Join | None:
        """The reducer as a function of what is there and the update; None for `last`."""
        return self._own or _REDUCERS.get(self.reducer)

    def annotation(self) -> Any:
        """The type that LangGraph makes a channel from, its reducer included."""
        extras: list[Any] = [self.join] if self.join else []
        if self.description or self.default is not None:
            shown = None if self.default is None else {"default": self.default}
            # First, since LangGraph takes the last annotation for the reducer.
            extras.insert(0, Field(description=self.description, json_schema_extra=shown))
        held = self._all_held()
        return Annotated[held, *extras] if extras else held

    def bind(self, imports: Imports, problems: Problems, where: Where) -> None:
        """Import a reducer of the project's own; what is wrong with it is reported."""
        if ":" not in self.reducer:
            return
        place = (*where, "reducer")
        place = place if place in problems.source.values else where
        found = imports.find(self.reducer, problems, place)
        if found is not None and _takes_two(found):
            self._own = found
        elif found is not None:
            expected = "a function of two values: what is there, and the update"
            problems.report(place, quoted(self.reducer), expected)

    def _all_held(self) -> Any:
        if self.reducer == "messages":
            return list[AnyMessage]
        if self.reducer == "append":
            return list[self.held()]  # type: ignore[misc]
        return self.held() if self.is_typed else _USUAL.get(self.reducer, Any)


def append(left: Sequence[Any], right: Any) -> list[Any]:
    """The reducer `append`: a list adds its items, anything else is one item."""
    return [*left, *right] if isinstance(right, list) else [*left, right]


def merge(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    """The reducer `merge`: keys on the right win."""
    return {**left, **right}


_REDUCERS: Mapping[str, Join] = {
    "messages": add_messages,
    "append": append,
    "add": operator.add,
    "merge": merge,
    "plan": plan.joined,
}
_USUAL: Mapping[str, Any] = {"add": int, "merge": dict[str, Any], "plan": dict[str, Any]}


def _takes_two(found: Any) -> bool:
    """As LangGraph asks of a reducer."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return False
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in places for parameter in parameters) == 2


def read(
    data: Any, imports: Imports, problems: Problems, where: Where = ("state",)
) -> dict[str, Channel]:
    """The channels of a document, by name; what is wrong with them is reported."""
    if not isinstance(data, dict) or not data:
        expected = "channels, such as `messages: messages`"
        problems.report(where, "no channels", expected, no_mapping(data))
        return {}
    channels: dict[str, Channel] = {}
    for name, body in data.items():
        place = (*where, name)
        if not is_name(name):
            bare = re.sub(r"\W", "_", name)
            hint = meant(bare) if bare != name and is_name(bare) else None
            expected = "a name of letters, digits and _"
            problems.report(place, quoted(name), expected, hint, at_key=True)
            channels[name] = _guess(body)
        elif channel := bodies.read(Channel, body, place, problems, short="reducer"):
            channel.bind(imports, problems, place)
            channel.check(problems, place)
            channels[name] = channel
        else:
            channels[name] = _guess(body)
    return channels


def is_name(name: str) -> bool:
    """Whether a channel may be called so: prompts and conditions name it, and `today` is a date."""
    return name.isidentifier() and name != "today"


def _meant(word: str) -> str | None:
    """What a word that is no reducer stands for: one, or the type of a channel."""
    kind = meant_type(word, typed_well=True)
    if kind is None and (reducer := _OTHER_WORDS.get(word) or nearest(word, get_args(Reducer))):
        return reducer
    kind = kind or meant_type(word)
    return f"{{type: {kind}}}" if kind else None


def _guess(body: Any) -> Channel:
    """What a faulty channel was probably meant to be, so that no other error follows from it."""
    word = body.get("reducer") if isinstance(body, dict) else body
    return Channel.model_validate({"reducer": nearest(str(word), get_args(Reducer)) or "last"})


def schema(title: str, channels: Mapping[str, Channel], description: str | None) -> type[Any]:
    """The graph's state. Every channel is optional: readers use `Channel.empty`."""
    fields = {name: channel.annotation() for name, channel in channels.items()}
    state: type[Any] = TypedDict(title, fields, total=False)  # type: ignore[misc]
    state.__doc__ = description
    return state


def subset(title: str, names: Iterable[str], channels: Mapping[str, Channel]) -> type[Any]:
    """Some of the channels: what a run takes, or what it returns. Those with a default need not be
    there.
    """
    fields = {}
    for name in names:
        held = channels[name].annotation()
        fields[name] = held if channels[name].default is None else NotRequired[held]
    part: type[Any] = TypedDict(title, fields)  # type: ignore[misc]
    return part
