"""What the writers of all kinds of nodes share: names, channels, and the function of a node."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from graphwright_graphs.context import Readable
from graphwright_graphs.export.imports import Imported
from graphwright_graphs.export.module import INDENT, Module, docstring
from graphwright_graphs.export.runtime import settings_around
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
    imports: Imported
    writers: Mapping[str, Writer]
    """What writes the kinds of nodes that stand in another node."""
    embedded: Callable[[Path], str]
    """Gives the name of the graph of another document, which is written for that."""
    problems: Problems
    """What stands against an export."""
    timeout: float | None = None
    """Seconds that an attempt of the node may take, where its options say so."""

    def of(self, name: str, where: Where, timeout: float | None = None) -> Writing:
        """The same for the node of that name, or the edge."""
        return replace(self, name=name, where=where, timeout=timeout)

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
        self,
        about: str,
        lines: Sequence[str],
        *,
        parameters: Sequence[str] = (),
        returns: str = "",
        state: str = "",
    ) -> str:
        """Define the node's function; its name.

        It takes the state, whose type is `state` where it is not the graph's, the `parameters`, and
        what its lines name of `config`, `context` and `runtime`.
        """
        name = self.module.named(f"{self.inside}_{self.name}" if self.inside else self.name)
        used = _names(lines)
        taken = {"state": f"state: {state or self.state}", **self._taken(used)}
        taken |= {each.partition(":")[0]: each for each in parameters}
        head = f"async def {name}({', '.join(taken.values())}) -> {returns or self._update()}:"
        before = self._settings() if "context" in used else []
        indented = [INDENT + line if line else "" for line in [*before, *lines]]
        self.module.add([head, *docstring(about), *indented])
        return name

    def _update(self) -> str:
        return f"dict[str, {self.module.imported('typing', 'Any')}]"

    def _taken(self, used: Collection[str]) -> Mapping[str, str]:
        """The parameters that lines with those names need, by name."""
        taken = dict[str, str]()
        if "config" in used:
            config = self.module.imported("langchain_core.runnables", "RunnableConfig")
            taken["config"] = f"config: {config}"
        if "context" in used or "runtime" in used:
            runtime = self.module.imported("langgraph.runtime", "Runtime")
            own = None if self.inside else self.context
            anything = own or self.module.imported("typing", "Any")
            taken["runtime"] = f"runtime: {runtime}[{anything}]"
        return taken

    def _settings(self) -> Sequence[str]:
        """What sets `context`."""
        if self.inside:
            around = self.module.inlined(settings_around)
            return [f"context = {around}({self.context}, runtime.context)"]
        return [f"context = runtime.context or {self.context}()"]


def _names(lines: Sequence[str]) -> frozenset[str]:
    """The names that a function's lines use."""
    tree = ast.parse("\n".join(["async def _():", *(INDENT + line for line in lines)]))
    return frozenset(each.id for each in ast.walk(tree) if isinstance(each, ast.Name))


Writer: TypeAlias = Callable[[Any, Writing], str]
"""Writes a node of one kind from its body; returns the expression for `add_node`."""
