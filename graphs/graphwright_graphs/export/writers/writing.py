"""What the writers of all kinds of nodes share: names, channels, and the function of a node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from graphwright_graphs.context import Readable
from graphwright_graphs.export.module import INDENT, Module, docstring
from graphwright_graphs.export.runtime import settings_around
from graphwright_graphs.export.tools import Named
from graphwright_graphs.problems import Problems
from graphwright_graphs.source import Where
from graphwright_graphs.state import Channel


@dataclass(frozen=True, slots=True)
class Writing:
    """One node that is written, and where it stands."""

    name: str
    where: Where
    module: Module
    channels: Mapping[str, Channel]
    readable: Mapping[str, Readable]
    """Channels and settings by name."""
    state: str
    """The name of the state's class."""
    builder: str
    """The name of the StateGraph that is built."""
    context: str | None
    """The name of the class of a run's settings."""
    inside: str
    """The name of the document if its graph runs inside of another: the settings are those of that
    one, and functions have this name before their own.
    """
    answered: bool
    """Whether tool calls may have been answered before a `tools` node runs them."""
    imports: Named
    writers: Mapping[str, Writer]
    """What writes the kinds of nodes that stand in another node."""
    embedded: Callable[[Path], str]
    """Gives the name of the graph of another document, which is written for that."""
    problems: Problems
    """What stands against an export."""

    def of(self, name: str, where: Where) -> Writing:
        """The same for the node of that name, or the edge."""
        return replace(self, name=name, where=where)

    def conversation(self, name: str | None) -> str:
        """The messages channel that is meant, as documents choose it."""
        known = [each for each, channel in self.channels.items() if channel.reducer == "messages"]
        return name or ("messages" if "messages" in known else known[0])

    def is_conversation(self, name: str) -> bool:
        """Whether a channel holds messages."""
        return self.channels[name].reducer == "messages"

    def tools(self, names: Sequence[str]) -> str:
        """A list of tools, as an expression."""
        found = [self.imports.tool(name, self.module, self.where) for name in names]
        return f"[{', '.join(found)}]"

    def imported(self, path: str) -> str:
        """What `module:attribute` or `file.py:attribute` names, as an expression."""
        return self.imports.imported(path, self.module, self.where)

    def function(
        self, about: str, lines: Sequence[str], *, returns: str = "", state: str = ""
    ) -> str:
        """Define the node's function, which takes of `state`, `config` and `context` what its lines
        name; its name. `state` is the type of its state, where that is not the graph's.
        """
        name = self.module.named(f"{self.inside}_{self.name}" if self.inside else self.name)
        head, before = self._head(name, lines, returns or self._update(), state or self.state)
        self.module.add(
            [head, *docstring(about), *before, *(INDENT + line if line else "" for line in lines)]
        )
        return name

    def _update(self) -> str:
        return f"dict[str, {self.module.imported('typing', 'Any')}]"

    def _head(
        self, name: str, lines: Sequence[str], returns: str, state: str
    ) -> tuple[str, list[str]]:
        text = "\n".join(lines)
        parameters, before = [f"state: {state}"], list[str]()
        if "config" in text:
            config = self.module.imported("langchain_core.runnables", "RunnableConfig")
            parameters.append(f"config: {config}")
        if "context." in text or "runtime." in text:
            runtime = self.module.imported("langgraph.runtime", "Runtime")
            own = None if self.inside else self.context
            anything = own or self.module.imported("typing", "Any")
            parameters.append(f"runtime: {runtime}[{anything}]")
        if self.context and "context." in text:
            before.append(f"{INDENT}context = {self._settings(self.context)}")
        return f"async def {name}({', '.join(parameters)}) -> {returns}:", before

    def _settings(self, schema: str) -> str:
        if self.inside:
            return f"{self.module.inlined(settings_around)}({schema}, runtime.context)"
        return f"runtime.context or {schema}()"


Writer: TypeAlias = Callable[[Any, Writing], str]
"""Writes a node of one kind from its body; returns the expression for `add_node`."""
