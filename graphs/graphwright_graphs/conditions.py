"""`when:` expressions: the Common Expression Language over the state's channels.

CEL has no loops without end, no side effects and no way out into Python. Expressions are parsed
and type-checked when the graph is loaded. One function is ours: `list.last()`.

A message reads as `{type, content, name, id, tool_calls, status}`; its content is its text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage

from graphwright_graphs.cel_errors import wrong
from graphwright_graphs.context import Readable, Setting
from graphwright_graphs.errors import ConditionError
from graphwright_graphs.plain import FIELDS, NO_MESSAGE, fields_of, plain
from graphwright_graphs.problems import Problems, quoted
from graphwright_graphs.shortcuts import Unsure, shortcut
from graphwright_graphs.source import Part, Where
from graphwright_graphs.unanswerable import mistakes

if TYPE_CHECKING:
    from cel_expr_python import cel  # type: ignore[import-untyped]

MAX_LENGTH = 2_000  # characters

_LIST_REDUCERS = ("messages", "append")
# Names of CEL's own types, which no channel can have in a condition.
_TYPES = frozenset(
    ("bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type", "uint")
)


class Expression:
    """One checked expression, ready to be asked about a state."""

    def __init__(self, text: str, compiled: cel.Expression, channels: Mapping[str, Readable]):
        self.text = text
        self._compiled = compiled
        self._readers = [
            (name, channel, _fields_of_last(text, name) if _only_last(text, name) else None)
            for name, channel in channels.items()
            if re.search(rf"\b{name}\b", text)
        ]

    @property
    def reads(self) -> list[str]:
        """The channels and settings that it asks for."""
        return [name for name, _, _ in self._readers]

    @property
    def reads_settings(self) -> bool:
        """Whether it must be asked in the context of a run."""
        return any(isinstance(channel, Setting) for _, channel, _ in self._readers)

    def value(self, state: Mapping[str, Any]) -> Any:
        """What it gives, as plain data. Raises ConditionError when it has no answer."""
        result = self._result(state)
        if result.type().name() == "ERROR":
            raise ConditionError(f"the expression `{self.text}` failed: {result.value()}")
        return result.plain_value()

    def _result(self, state: Mapping[str, Any]) -> cel.Value:
        data = {
            name: _seen(state.get(name), channel, fields) for name, channel, fields in self._readers
        }
        return self._compiled.eval(data=data)


class Condition(Expression):
    """One checked expression that is true or false."""

    def __init__(self, text: str, compiled: cel.Expression, channels: Mapping[str, Readable]):
        super().__init__(text, compiled, channels)
        self._shortcut = shortcut(text, channels)

    def holds(self, state: Mapping[str, Any]) -> bool:
        """Whether the expression is true. Raises ConditionError when it has no answer."""
        if self._shortcut is not None:
            with suppress(Unsure):
                answer = self._shortcut(state)
                if answer is True or answer is False:
                    return answer
        return self._by_library(state)

    def _by_library(self, state: Mapping[str, Any]) -> bool:
        result = self._result(state)
        value = result.value()
        if value is True or value is False:
            return value
        kind = result.type().name()
        said = value if kind == "ERROR" else f"it gave {kind.lower()}, not true or false"
        raise ConditionError(f"the condition `{self.text}` failed: {said}")


class Conditions:
    """Compiles the conditions of one document. `values` has the texts that some channels hold."""

    def __init__(
        self,
        channels: Mapping[str, Readable],
        problems: Problems,
        values: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> None:
        self._values = values
        # A channel with another name is a mistake that is reported where it stands.
        named = {name: each for name, each in channels.items() if name.isidentifier()}
        self._channels = {name: each for name, each in named.items() if name not in _TYPES}
        self._hidden = [name for name in channels if name in _TYPES]
        self._problems = problems
        self._env: cel.Env | None = None

    def parse(self, text: str, where: Where) -> Condition | None:
        """Check a condition; what is wrong with it is reported, and None returned."""
        compiled = self._compiled(text, where, is_condition=True)
        if compiled is None:
            return None
        if (kind := compiled.return_type().name()) not in ("BOOL", "DYN"):
            hint = "compare it, such as with `> 0`" if kind in ("DOUBLE", "INT", "UINT") else None
            found = f"an expression that gives {kind.lower()}"
            self._problems.report(where, found, "true or false", hint)
        return Condition(text, compiled, self._channels)

    def expression(self, text: str, where: Where, *, gives: str | None = None) -> Expression | None:
        """Check an expression, as `parse` does; it is of any type, or `gives` the one of CEL."""
        compiled = self._compiled(text, where, is_condition=False)
        if compiled is None:
            return None
        kind = compiled.return_type().name()
        if gives is not None and kind not in (gives, "DYN"):
            self._problems.report(where, f"an expression that gives {kind.lower()}", gives.lower())
        return Expression(text, compiled, self._channels)

    def _compiled(self, text: str, where: Where, *, is_condition: bool) -> cel.Expression | None:
        if len(text) > MAX_LENGTH or not text.isprintable():
            found = quoted(text.encode("ascii", "replace").decode())
            hint = "write `>-` for one line out of several" if "\n" in text else None
            expected = f"one line of at most {MAX_LENGTH} characters"
            self._problems.report(where, found, expected, hint)
            return None
        if name := self._hidden_in(text):
            found = f"{quoted(name)}, which is CEL's own name of a type"
            self._problems.report(where, found, "a channel with another name")
            return None
        self._env = self._env or _environment(self._channels)
        try:
            compiled = self._env.compile(text)
        except RuntimeError as error:
            found, expected, hint, part = wrong(text, str(error), self._channels)
            self._problems.report(where, found, expected, hint, part=part)
            return None
        known = mistakes(text, self._channels, self._values, is_condition=is_condition)
        for each in known:
            part, warning = Part(each.part), each.warning
            self._problems.report(where, *each.said, part=part, warning=warning)
        quick = _by_index(text, self._channels)
        return compiled if quick == text else self._env.compile(quick)

    def _hidden_in(self, text: str) -> str | None:
        """A channel that an expression names, where CEL sees a type of its own."""
        code = re.sub(r"\"[^\"]*\"|'[^']*'", "''", text)
        used = (name for name in self._hidden if re.search(rf"(?<![\w.]){name}\b(?!\s*\()", code))
        return next(used, None)


def _environment(channels: Mapping[str, Readable]) -> cel.Env:
    # Imported late: a graph without conditions does not pay for its 9 MiB.
    from cel_expr_python import cel  # noqa: PLC0415

    items = cel.Type.List(cel.Type.DYN)
    last = cel.Overload("list_last", cel.Type.DYN, [items], True, _last)
    types = {
        name: items if channel.reducer in _LIST_REDUCERS else cel.Type.DYN
        for name, channel in channels.items()
    }
    return cel.NewEnv(variables=types, functions=[cel.FunctionDecl("last", [last])])


def _last(items: Sequence[Any]) -> Any:
    return items[-1] if items else None


def _only_last(text: str, name: str) -> bool:
    """Whether only the last item is ever looked at: then a long history need not be converted."""
    return not re.search(rf"\b{name}\b(?!\s*\.\s*last\s*\(\s*\))", text)


def _fields_of_last(text: str, name: str) -> Collection[str]:
    """The fields of a message that are asked of the last item: no other needs to be converted."""
    asked = re.findall(rf"\b{name}\s*\.\s*last\s*\(\s*\)\s*(\.\s*\w+)?", text)
    names = {field.lstrip(". \t") for field in asked}
    return FIELDS if "" in names else FIELDS.keys() & names  # "" stands for the message itself


def _by_index(text: str, channels: Mapping[str, Readable]) -> str:
    """The expression with `messages[0]` for `messages.last()`, where `_seen` gives only the last:
    the way from CEL to `_last` and back costs more than the rest of a usual condition.
    """
    code, *quoted_text = re.split("(?=[\"'])", text, maxsplit=1)  # text in quotes stays
    for name, channel in channels.items():
        if channel.reducer == "messages" and _only_last(text, name):
            last = rf"(?<![\w.]){name}\s*\.\s*last\s*\(\s*\)"
            code = re.sub(last, f"{name}[0]", code)
    return "".join([code, *quoted_text])


def _seen(value: Any, channel: Readable, of_last: Collection[str] | None) -> Any:
    """A channel's value as plain data, which is all that CEL takes: with `of_last` no more of a
    list than its last item, and of a message those fields.
    """
    if value is None:
        value = channel.empty()
    if of_last is None or channel.reducer not in _LIST_REDUCERS:
        return plain(value)
    if not value:
        # `messages.last().tool_calls` is asked of new conversations too.
        return [NO_MESSAGE] if channel.reducer == "messages" else []
    last = value[-1]
    return [fields_of(last, of_last) if isinstance(last, BaseMessage) else plain(last)]
