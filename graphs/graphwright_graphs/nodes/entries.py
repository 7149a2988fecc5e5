"""The `nodes:` of a document: each name with its kind, its options and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.runnables import Runnable
from langgraph.graph import StateGraph

from graphwright_graphs import edges
from graphwright_graphs.models import Models
from graphwright_graphs.nodes.kinds import Kinds
from graphwright_graphs.nodes.node import Body, Scope
from graphwright_graphs.nodes.options import WORDS, Options
from graphwright_graphs.problems import Problems, quoted, shown
from graphwright_graphs.source import Where
from graphwright_graphs.state import Channel
from graphwright_graphs.tools import Toolbox

_RESERVED = (edges.START, edges.END, "__start__", "__end__")


@dataclass(frozen=True, slots=True)
class Entry:
    """One node: what `StateGraph.add_node` takes, and how it is to be run."""

    name: str
    action: Any
    options: Options

    def add_to(self, graph: StateGraph[Any, Any, Any, Any]) -> None:
        """Add this node to a LangGraph graph."""
        graph.add_node(self.name, self.action, **self.options.arguments())
        # Wrapped where LangGraph has made a Runnable of it, whatever it was.
        added = graph.nodes[self.name]
        added.runnable = self.options.around(cast(Runnable[Any, Any], added.runnable), self.name)


class Reader:
    """Reads the nodes of one document."""

    def __init__(self, channels: Mapping[str, Channel], models: Models, problems: Problems) -> None:
        self._channels = channels
        self._models = models
        self._problems = problems
        self._toolbox = Toolbox(problems)
        self._kinds = Kinds()

    def read(self, data: Any, where: Where = ("nodes",)) -> dict[str, Entry]:
        """The nodes by name; one with problems keeps its name, so that edges to it are no error."""
        if not isinstance(data, dict) or not data:
            self._problems.report(where, shown(data), "nodes, such as `assistant: {llm: …}`")
            return {}
        return {name: self._entry(name, body, (*where, name)) for name, body in data.items()}

    def _entry(self, name: str, data: Any, where: Where) -> Entry:
        if name in _RESERVED or not name or set(name) & set("|:"):
            expected = "another name: no `|`, no `:`, not START or END"
            self._problems.report(where, quoted(name), expected, at_key=True)
        if not isinstance(data, dict):
            expected = f"a kind of node ({', '.join(self._kinds)})"
            self._problems.report(where, shown(data), expected)
            return Entry(name, None, Options())
        scope = Scope(name, where, self._channels, self._toolbox, self._models, self._problems)
        options = Options.read(data, scope)
        word = self._word(data, where)
        return Entry(name, self._action(word, data, scope) if word else None, options)

    def _word(self, data: Mapping[str, Any], where: Where) -> str | None:
        """The word of the node's kind; None unless there is exactly one."""
        words = [word for word in data if word in self._kinds]
        strange = [word for word in data if word not in self._kinds and word not in WORDS]
        known = ", ".join(self._kinds)
        for word in strange:
            options = f" or an option ({', '.join(WORDS)})" if words else ""
            expected = f"a kind of node ({known}){options}"
            near = [*self._kinds, *WORDS]
            self._problems.unknown((*where, word), word, expected, near, at_key=True)
        if len(words) > 1:
            found = f"{len(words)} kinds ({', '.join(words)})"
            self._problems.report(where, found, "one", at_key=True)
        if not words and not strange:
            self._problems.report(where, "no kind", f"one of {known}", at_key=True)
        return words[0] if len(words) == 1 else None

    def _action(self, word: str, data: Mapping[str, Any], scope: Scope) -> Any:
        place = (*scope.where, word)
        if (kind := self._kinds.load(word, place, self._problems)) is None:
            return None
        body: Body | None = self._problems.validated(kind.body, data[word], place, kind.short)
        return kind.build(body, scope.at(place)) if body is not None else None
