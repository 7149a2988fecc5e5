"""From a document to a LangGraph graph: every name is checked, then a StateGraph is built.

Problems are collected over the whole document before any is raised, so one run of an editor or of
`load` shows them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph

from graphwright_graphs import edges, source, state
from graphwright_graphs.conditions import Conditions
from graphwright_graphs.models import Models, current
from graphwright_graphs.nodes import KINDS, Body, Compound, Kind, Scope
from graphwright_graphs.problems import Problems, quoted, shown
from graphwright_graphs.source import Source, Where
from graphwright_graphs.state import Channel
from graphwright_graphs.tools import Toolbox

Graph = CompiledStateGraph[Any, Any, Any, Any]

WORDS = ("description", "state", "input", "output", "nodes", "edges")
_RESERVED = (edges.START, edges.END, "__start__", "__end__")


def load(path: str | Path, *, models: Models | None = None) -> Graph:
    """Compile the document at `path`; the graph is named after the file, without its suffix.

    It has no checkpointer and no store: whoever serves it brings them, as LangGraph's server does.

    Args:
        path: a YAML or JSON file.
        models: the chat models that its nodes may use, `models.current()` when not given.

    Raises:
        DocumentError: the document can't become a graph; every problem is listed.
        OSError: the file can't be read.
    """
    return build(source.read(path), Path(path).stem, models=models)


def build(document: Source, name: str, *, models: Models | None = None) -> Graph:
    """Compile a document that was read already, see `load`."""
    problems = Problems(document)
    if not isinstance(document.data, dict):
        problems.report((), shown(document.data), f"a mapping with {', '.join(WORDS)}")
    problems.raise_if_any()
    plan = _Blueprint.read(document.data, problems, models or current())
    problems.raise_if_any()
    edges.check_flow(plan.edges, plan.nodes, problems)
    problems.raise_if_any()
    return plan.compile(name)


def description(graph: Graph) -> str | None:
    """What the document says its graph does; None for a graph without one."""
    return graph.builder.state_schema.__doc__


@dataclass(frozen=True, slots=True)
class _Blueprint:
    """Everything a document says, read and checked piece by piece."""

    description: str | None
    channels: Mapping[str, Channel]
    input: Sequence[str]
    output: Sequence[str]
    nodes: Mapping[str, Any]
    edges: Sequence[edges.Edge]

    @classmethod
    def read(cls, data: dict[str, Any], problems: Problems, models: Models) -> _Blueprint:
        for word in data:
            if word not in WORDS:
                expected = f"one of {', '.join(WORDS)}"
                problems.unknown((word,), word, expected, WORDS, at_key=True)
        text = data.get("description")
        if text is not None and not isinstance(text, str):
            problems.report(("description",), shown(text), "text")
        channels = state.read(data.get("state"), problems)
        nodes = _nodes(data.get("nodes"), channels, problems, models)
        if not nodes:
            problems.raise_if_any()  # every edge would be one more error
        reader = edges.Reader(nodes, Conditions(channels, problems), problems)
        return cls(
            text.strip() if isinstance(text, str) else None,
            channels,
            _subset("input", data, channels, problems),
            _subset("output", data, channels, problems),
            nodes,
            reader.read(data.get("edges")),
        )

    def compile(self, name: str) -> Graph:
        title = "".join(part.capitalize() for part in name.replace("-", "_").split("_"))
        schema = state.schema(f"{title}State", self.channels, self.description)
        takes = state.subset(f"{title}Input", self.input, self.channels) if self.input else None
        gives = state.subset(f"{title}Output", self.output, self.channels) if self.output else None
        graph: StateGraph[Any, Any, Any, Any] = StateGraph(
            schema, input_schema=takes, output_schema=gives
        )
        exits: dict[str, str] = {}
        for each, action in self.nodes.items():
            if isinstance(action, Compound):
                action.add_to(graph)
                exits[each] = action.exit
            else:
                graph.add_node(each, action)
        for edge in self.edges:
            edge.add_to(graph, exits.get(edge.source))
        return graph.compile(name=name)


def _subset(
    word: str, data: Mapping[str, Any], channels: Mapping[str, Channel], problems: Problems
) -> list[str]:
    names = data.get(word)
    if names is None:
        return []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        problems.report((word,), shown(names), "a list of channels")
        return []
    for index, name in enumerate(names):
        if name not in channels:
            expected = f"a channel ({', '.join(channels)})"
            problems.unknown((word, index), name, expected, channels)
    return names


def _nodes(
    data: Any, channels: Mapping[str, Channel], problems: Problems, models: Models
) -> dict[str, Any]:
    """The nodes by name; one with problems keeps its name, so that edges to it are no error."""
    if not isinstance(data, dict) or not data:
        problems.report(("nodes",), shown(data), "nodes, such as `assistant: {llm: …}`")
        return {}
    toolbox, nodes = Toolbox(problems), {}
    for name, body in data.items():
        where = ("nodes", name)
        if name in _RESERVED or not name or set(name) & set("|:"):
            expected = "another name: no `|`, no `:`, not START or END"
            problems.report(where, quoted(name), expected, at_key=True)
        nodes[name] = _node(name, body, where, channels, toolbox, models, problems)
    return nodes


def _node(
    name: str,
    data: Any,
    where: Where,
    channels: Mapping[str, Channel],
    toolbox: Toolbox,
    models: Models,
    problems: Problems,
) -> Any:
    if not isinstance(data, dict):
        problems.report(where, shown(data), f"a kind of node ({', '.join(KINDS)})")
        return None
    if not (word := _kind(data, where, problems)):
        return None
    kind: Kind = KINDS[word]
    place = (*where, word)
    body: Body | None = problems.validated(kind.body, data[word], place, short=kind.short)
    scope = Scope(name, place, channels, toolbox, models, problems)
    return kind.build(body, scope) if body is not None else None


def _kind(data: Mapping[str, Any], where: Where, problems: Problems) -> str | None:
    kinds = [word for word in data if word in KINDS]
    for word in data:
        if word not in KINDS:
            expected = f"a kind of node ({', '.join(KINDS)})"
            problems.unknown((*where, word), word, expected, KINDS, at_key=True)
    if len(kinds) > 1:
        problems.report(where, f"{len(kinds)} kinds ({', '.join(kinds)})", "one", at_key=True)
    if not data:
        problems.report(where, "no kind", f"one of {', '.join(KINDS)}", at_key=True)
    return kinds[0] if len(data) == 1 and kinds else None
