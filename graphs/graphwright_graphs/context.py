"""The `context:` of a document: what a caller sets for a run, as LangGraph's runtime context.

Prompts and conditions read a setting by its name, like a channel. It is never in the state, so
that a conversation can go on with other settings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import make_dataclass
from keyword import iskeyword
from typing import Any, ClassVar

from langgraph.runtime import get_runtime
from pydantic import Field
from pydantic.dataclasses import dataclass as pydantic_dataclass

from graphwright_graphs import bodies
from graphwright_graphs.problems import Problems, no_mapping, quoted, shown
from graphwright_graphs.source import Where
from graphwright_graphs.state import Channel, is_name
from graphwright_graphs.values import Value


class Setting(Value):
    """One setting of a run. To its readers it is a channel that nothing is ever written to."""

    reducer: ClassVar[str] = "last"

    _name: str = ""

    def empty(self) -> Any:
        """The run's value, else the default; None where there is neither."""
        context = get_runtime().context
        if isinstance(context, Mapping):
            value = context.get(self._name)
        else:  # LangGraph makes it the schema's; a graph that embeds this one may have another
            value = getattr(context, self._name, None)
        return self.default if value is None else value

    def missing(self, name: str) -> str:
        """What there is to do about a value that is not there."""
        return (
            f"the setting `{name}`, which has no value: "
            "send it in the run's `context`, or give it a default in the graph's `context`"
        )


Readable = Channel | Setting


def read(
    data: Any, channels: Collection[str], problems: Problems, where: Where = ("context",)
) -> dict[str, Setting]:
    """The settings of a document, by name; what is wrong with them is reported."""
    if data is None:
        return {}
    if not isinstance(data, dict):
        expected = "settings, such as `language: string`"
        problems.report(where, shown(data), expected, no_mapping(data))
        return {}
    settings: dict[str, Setting] = {}
    for name, body in data.items():
        place = (*where, name)
        if name in channels:
            expected = "a name that is no channel's"
            problems.report(place, quoted(name), expected, at_key=True)
        elif iskeyword(name):
            expected = "a name that is no word of Python: settings are a dataclass's fields"
            problems.report(place, quoted(name), expected, at_key=True)
        elif not is_name(name):
            problems.report(place, quoted(name), "a name of letters, digits and _", at_key=True)
        else:
            setting = bodies.read(Setting, body, place, problems, short="type") or Setting()
            setting._name = name
            setting.check(problems, place)
            settings[name] = setting
    return settings


def schema(title: str, settings: Mapping[str, Setting]) -> type[Any] | None:
    """LangGraph's context schema: a run's settings are checked when it begins."""
    if not settings:
        return None
    fields: list[tuple[str, Any, Any]] = []
    for name, setting in settings.items():
        default = ... if setting.default is None else setting.default
        field = Field(default=default, description=setting.description)
        fields.append((name, setting.held(), field))
    # A model would warn of settings that are named like its methods.
    return pydantic_dataclass(make_dataclass(title, fields, kw_only=True))
