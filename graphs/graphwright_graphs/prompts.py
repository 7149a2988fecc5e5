"""Prompt templates, checked when a graph is loaded: `{channel}`, or mustache's `{{channel}}`.

Both are LangChain's syntax. In f-strings only names are allowed between the braces: an attribute or
index would let a template read more than the state (LangChain forbids them too). Mustache reads
into objects and lists, as data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from langchain_core.messages import BaseMessage, get_buffer_string
from langchain_core.utils import mustache

from graphwright_graphs.context import Readable
from graphwright_graphs.errors import MissingValue
from graphwright_graphs.plain import plain
from graphwright_graphs.problems import Problems, meant, quoted
from graphwright_graphs.source import Part, Where

_BRACES = re.compile(r"(?P<double>\{\{|\}\})|\{(?P<name>[^{}]*)\}|[{}]")

TODAY = "today"
"""The one variable that is no channel: the server's date, with its weekday."""


Format = Literal["f-string", "mustache"]


class Template(Protocol):
    """A parsed template."""

    @property
    def is_fixed(self) -> bool:
        """Whether it says the same in every run."""
        ...

    def render(self, state: Mapping[str, Any]) -> str:
        """Fill in the state's values. Raises MissingValue for a channel that has none."""
        ...


@dataclass(frozen=True, slots=True)
class _Values:
    """The values that a template is filled in with."""

    channels: Mapping[str, Readable]
    place: str
    """Where the template stands in its document, for errors."""

    def get(self, name: str, state: Mapping[str, Any]) -> Any:
        """The value of that name; None where there is none."""
        if name == TODAY:
            return today()
        value = state.get(name)
        return self.channels[name].empty() if value is None else value

    def need(self, name: str, state: Mapping[str, Any]) -> Any:
        """The value of that name. Raises MissingValue where there is none."""
        if (value := self.get(name, state)) is None:
            raise MissingValue(f"{self.place} needs {self.channels[name].missing(name)}")
        return value


@dataclass(frozen=True, slots=True)
class _FString:
    """Pieces of text, each with the channel whose value follows it."""

    pieces: tuple[tuple[str, str | None], ...]
    values: _Values

    @property
    def is_fixed(self) -> bool:
        """Whether it has no variable."""
        return all(name is None for _, name in self.pieces)

    def render(self, state: Mapping[str, Any]) -> str:
        """Fill in the state's values. Raises MissingValue for a channel that has none."""
        return "".join(
            text if name is None else text + as_text(self.values.need(name, state))
            for text, name in self.pieces
        )


@dataclass(frozen=True, slots=True)
class Mustache:
    """A mustache template, filled in by LangChain."""

    text: str
    shown: Sequence[str]
    """The channels whose values are put into the text."""
    asked: Sequence[str]
    """Those that begin a section: without a value, it is left out."""
    values: _Values

    @property
    def is_fixed(self) -> bool:
        """Whether it has no variable."""
        return not (self.shown or self.asked)

    def render(self, state: Mapping[str, Any]) -> str:
        """Fill in the state's values. Raises MissingValue for a channel that has none."""
        data = {name: self.values.get(name, state) for name in self.asked}
        data |= {name: self.values.need(name, state) for name in self.shown}
        return rendered(self.text, data)


def rendered(template: str, values: Mapping[str, Any]) -> str:
    """A mustache template with its values, each of which reads as it does in an f-string."""
    return mustache.render(template, {name: _shown(value) for name, value in values.items()})


class _List(list[Any]):
    def __str__(self) -> str:
        return as_text(list(self))


class _Object(dict[str, Any]):
    def __str__(self) -> str:
        return as_text(dict(self))


class _Conversation(list[Any]):
    """Messages as data, which a template may go through, or put into its text as a whole."""

    def __init__(self, messages: list[BaseMessage]) -> None:
        super().__init__(plain(messages))
        self._messages = messages

    def __str__(self) -> str:
        return as_text(self._messages)


def _shown(value: Any) -> Any:
    """A value that reads in mustache as it does in an f-string."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(m, BaseMessage) for m in value):
        return _Conversation(value)
    value = plain(value)
    if isinstance(value, dict):
        return _Object((name, _shown(each)) for name, each in value.items())
    if isinstance(value, list):
        return _List(map(_shown, value))
    return value


def today() -> str:
    """The date, with its weekday."""
    return datetime.now().astimezone().strftime("%A, %Y-%m-%d")


def as_text(value: Any) -> str:
    """A channel's value as a model should read it: text as it is, a conversation line by line."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(m, BaseMessage) for m in value):
        return get_buffer_string(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def parse(
    text: str,
    channels: Mapping[str, Readable],
    problems: Problems,
    where: Where,
    place: str,
    form: Format = "f-string",
) -> Template:
    """Read a template, reporting broken braces and unknown variables."""
    values = _Values(channels, place)
    if form == "mustache":
        return _mustache(text, values, problems, where)
    report = _reporter(channels, problems, where)
    pieces: list[tuple[str, str | None]] = []
    end = 0
    for found in _BRACES.finditer(text):
        before, end = text[end : found.start()], found.end()
        if found["double"]:
            pieces.append((before + found["double"][0], None))
        else:
            pieces.append((before, found["name"]))
            report(found)
    return _FString((*pieces, (text[end:], None)), values)


def _mustache(text: str, values: _Values, problems: Problems, where: Where) -> Mustache:
    known = [*values.channels, TODAY]
    tokens: list[tuple[str, str]] = []
    try:
        tokens.extend(mustache.tokenize(text))
    except mustache.ChevronError as error:
        found = f"a broken template ({' '.join(str(error).split())})"
        problems.report(where, found, "{{channel}}")
    for tag, key in tokens:
        if tag == "partial":
            problems.report(where, f"{{{{> {key}}}}}", "no partials: they are no files here")
    shown, asked = _used(tokens, known)
    for name in dict.fromkeys([*shown, *asked]):
        if name not in known:
            expected = f"a channel ({', '.join(known)})"
            problems.unknown(where, name, expected, known, part=Part(name))
    return Mustache(text, shown, asked, values)


def used(template: str, known: Collection[str]) -> tuple[list[str], list[str]]:
    """The names whose values a mustache template shows, and those that begin a section."""
    return _used(mustache.tokenize(template), known)


def _used(tokens: Iterable[tuple[str, str]], known: Collection[str]) -> tuple[list[str], list[str]]:
    """Inside of a section, names are of what it goes through, and can't be known."""
    shown: list[str] = []
    asked: list[str] = []
    inside: list[str] = []  # the sections that are open
    for tag, key in tokens:
        name = key.split(".")[0]
        if tag == "end":
            inside.pop()
        elif tag in ("section", "inverted section"):
            if not inside or name in known:
                asked.append(name)
            inside.append(name)
        elif tag in ("variable", "no escape") and (not inside or name in known):
            # In its own section, a value is there, or the section is left out.
            (asked if name in inside else shown).append(name)
    return shown, asked


def _reporter(
    channels: Mapping[str, Readable], problems: Problems, where: Where
) -> Callable[[re.Match[str]], None]:
    known = [*channels, TODAY]

    def report(found: re.Match[str]) -> None:
        name, hint = found["name"], "write {{ and }} for braces that are text"
        part = Part(found[0], found.start())
        if name in known:
            return
        if name is None:
            said = f"a single {quoted(found[0])}"
            problems.report(where, said, "{channel}", hint, part=part)
        elif not name.isidentifier():
            bare = name.strip().removeprefix("state.")
            hint = meant(f"{{{bare}}}") if bare != name and bare in known else hint
            expected = "the name of a channel in braces"
            problems.report(where, quoted(found[0]), expected, hint, part=part)
        else:
            problems.unknown(where, name, f"a channel ({', '.join(known)})", known, part=part)

    return report
