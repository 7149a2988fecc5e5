"""Prompt templates: `{channel}` and `{today}` in f-string syntax, checked when a graph is loaded.

Only names are allowed between the braces. An attribute or index would let a template read more
than the state (LangChain forbids them too).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from string import Formatter
from typing import Any

from langchain_core.messages import BaseMessage, get_buffer_string

from graphwright_graphs.context import Readable
from graphwright_graphs.errors import MissingValue
from graphwright_graphs.problems import Problems, shown
from graphwright_graphs.source import Where

TODAY = "today"
"""The one variable that is no channel: the server's date, with its weekday."""


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: pieces of text, each with the channel whose value follows it."""

    pieces: tuple[tuple[str, str | None], ...]
    channels: Mapping[str, Readable]
    place: str
    """Where the template stands in its document, for errors."""

    def render(self, state: Mapping[str, Any]) -> str:
        """Fill in the state's values. Raises MissingValue for a channel that has none."""
        return "".join(
            text if name is None else text + self._value(name, state) for text, name in self.pieces
        )

    def _value(self, name: str, state: Mapping[str, Any]) -> str:
        if name == TODAY:
            return datetime.now().astimezone().strftime("%A, %Y-%m-%d")
        value = state.get(name)
        if value is None:
            value = self.channels[name].empty()
        if value is None:
            raise MissingValue(f"{self.place} needs {self.channels[name].missing(name)}")
        return as_text(value)


def as_text(value: Any) -> str:
    """A channel's value as a model should read it: text as it is, a conversation line by line."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(m, BaseMessage) for m in value):
        return get_buffer_string(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def parse(
    text: str, channels: Mapping[str, Readable], problems: Problems, where: Where, place: str
) -> Template:
    """Read a template, reporting broken braces and unknown variables."""
    report = _reporter(channels, problems, where)
    pieces: list[tuple[str, str | None]] = []
    try:
        for literal, name, form, conversion in Formatter().parse(text):
            pieces.append((literal, name))
            if name is not None:
                report(name, bool(form or conversion))
    except ValueError as error:
        hint = "write {{ and }} for braces that are text"
        problems.report(where, f"a broken template ({error})", "{channel}", hint)
    return Template(tuple(pieces), channels, place)


def _reporter(
    channels: Mapping[str, Readable], problems: Problems, where: Where
) -> Callable[[str, bool], None]:
    known = [*channels, TODAY]

    def report(name: str, formatted: bool) -> None:
        if formatted or not name.isidentifier():
            hint = "write {{ and }} for braces that are text"
            problems.report(where, shown(f"{{{name}}}"), "the name of a channel in braces", hint)
        elif name not in known:
            problems.unknown(where, name, f"a channel ({', '.join(known)})", known)

    return report
