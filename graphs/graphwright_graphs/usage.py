"""What the nodes of a document use: the channels that they may write, the tools that they name.

What nothing uses is a warning, and only where all that a node does is seen in the document.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphwright_graphs.problems import Problems, quoted
from graphwright_graphs.source import Where
from graphwright_graphs.state import Channel

_ASKS, _RUNS, _GUARDS = "llm", "tools", "human"


@dataclass(slots=True)
class Usage:
    """Filled in while the nodes of one document are built."""

    names: set[str] = field(default_factory=set)
    """Texts that stand where a channel may be named, and channels that are used by themselves."""
    tools: list[tuple[str, str, Where]] = field(default_factory=list)
    """The word of the kind, the tool's name in the document, and where it stands."""
    labels: dict[str, list[str]] = field(default_factory=dict)
    """What routers write, by the channel; one after another."""
    is_open: bool = False
    """Whether there is code that may do anything: a function, a graph."""

    _written: Counter[str] = field(default_factory=Counter)
    """How many nodes name what may be a channel."""

    def note(self, body: Any) -> None:
        """Note every text of a node's body."""
        texts = set(_texts(body))
        self.names |= texts
        self._written.update(texts)

    def routed(self, channel: str, labels: Iterable[str]) -> None:
        """Note that a router writes one of these labels to a channel."""
        self.labels.setdefault(channel, []).extend(labels)
        self._written[channel] -= 1

    def values(self, channels: Mapping[str, Channel]) -> dict[str, list[str]]:
        """The texts that there are for a channel, where they are known: those of its `enum`, or
        the labels of routers, where nothing else writes it.
        """
        found: dict[str, list[str]] = {}
        for name, channel in channels.items():
            if channel.enum and all(isinstance(each, str) for each in channel.enum):
                found[name] = [str(each) for each in channel.enum]
            elif name in self.labels and not (self._any_may_write or self._written[name]):
                held = [channel.default] if isinstance(channel.default, str) else []
                found[name] = list(dict.fromkeys([*self.labels[name], *held]))
        return found

    @property
    def _any_may_write(self) -> bool:
        """Whether there is code, such as a tool of the project, that may write any channel."""
        return self.is_open or any(":" in name for _, name, _ in self.tools)

    def check(
        self, channels: Mapping[str, Channel], inputs: Collection[str], problems: Problems
    ) -> None:
        """Warn of channels that nothing writes, and of tools that are asked for and not run."""
        if self.is_open:
            return
        self._check_tools(problems)
        if self._any_may_write:
            return
        for name, channel in channels.items():
            written = name in self.names or name in (inputs or channels)
            if not written and channel.default is None:
                found, expected = f"{quoted(name)}, which nothing writes", "a node that writes it"
                hint = "name it under `input` when callers send it"
                problems.report(("state", name), found, expected, hint, at_key=True, warning=True)

    def _check_tools(self, problems: Problems) -> None:
        by_kind: dict[str, dict[str, Where]] = {}
        for kind, name, where in self.tools:
            by_kind.setdefault(kind, {}).setdefault(name, where)
        run, asked = by_kind.get(_RUNS, {}), by_kind.get(_ASKS, {})
        others = set().union(*(by_kind[kind] for kind in by_kind if kind not in (_RUNS, _GUARDS)))
        for name, where in run.items():
            if name not in others:
                found = f"{quoted(name)}, which no model may call"
                problems.report(where, found, "a node that offers it to a model", warning=True)
        for name, where in asked.items():
            if name not in run:
                found = f"{quoted(name)}, which no node runs"
                problems.report(where, found, f"a `tools` node with {name}", warning=True)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield str(key)
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
