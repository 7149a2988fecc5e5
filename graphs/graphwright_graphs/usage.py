"""What the nodes of a document use: the channels that they may write, the tools that they name.

What nothing uses is a warning, and only where all that a node does is seen in the document.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
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
    is_open: bool = False
    """Whether there is code that may do anything: a function, a graph."""

    def note(self, body: Any) -> None:
        """Note every text of a node's body."""
        self.names.update(_texts(body))

    def check(
        self, channels: Mapping[str, Channel], inputs: Collection[str], problems: Problems
    ) -> None:
        """Warn of channels that nothing writes, and of tools that are asked for and not run."""
        if self.is_open:
            return
        self._check_tools(problems)
        if any(":" in name for _, name, _ in self.tools):
            return  # a tool of the project may write to any channel
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
