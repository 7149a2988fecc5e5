"""Everything that a document says, read and checked part by part, before a graph is built from it.

Problems are collected over the whole document before any is raised, so one run of an editor or of
`load` shows them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph

from graphwright_graphs import context, edges, flow, state
from graphwright_graphs.bounds import BoundedGraph
from graphwright_graphs.conditions import Conditions
from graphwright_graphs.context import Setting
from graphwright_graphs.nodes import entries
from graphwright_graphs.nodes.entries import Entry, Loader
from graphwright_graphs.problems import Problems, nearest, no_mapping, shown
from graphwright_graphs.state import Channel

Graph = CompiledStateGraph[Any, Any, Any, Any]

SCHEMA = "$schema"
"""Says to editors of JSON where the documents' schema is."""
WORDS = ("description", "state", "context", "input", "output", "nodes", "edges")


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A document's parts, ready to be compiled when no problem was reported."""

    description: str | None
    channels: Mapping[str, Channel]
    settings: Mapping[str, Setting]
    input: Sequence[str]
    output: Sequence[str]
    nodes: Mapping[str, Entry]
    edges: Sequence[edges.Edge | edges.Join]

    @classmethod
    def read(cls, data: Any, problems: Problems, loader: Loader) -> Blueprint:
        """Read a whole document; what is wrong with it is reported.

        Raises DocumentError where going on would report what only follows from other mistakes.
        """
        if not isinstance(data, dict):
            expected = f"a mapping with {', '.join(WORDS)}"
            problems.report((), shown(data), expected, no_mapping(data))
            problems.raise_if_any()
        _check_words(data, problems)
        text = data.get("description")
        if text is not None and not isinstance(text, str):
            problems.report(("description",), shown(text), "text")
        channels = state.read(data.get("state"), loader.imports, problems)
        if not channels:
            problems.raise_if_any()  # every channel would be one more error
        settings = context.read(data.get("context"), channels, problems)
        inside = entries.Reader(channels, settings, loader, problems)
        nodes = inside.read(data.get("nodes"))
        if not nodes:
            problems.raise_if_any()  # every edge would be one more error
        values = inside.usage.values(channels)
        conditions = Conditions({**settings, **channels}, problems, values)
        reader = edges.Reader(nodes, conditions, problems)
        read = cls(
            text.strip() if isinstance(text, str) else None,
            channels,
            settings,
            _subset("input", data, channels, problems),
            _subset("output", data, channels, problems),
            nodes,
            reader.read(data.get("edges")),
        )
        problems.raise_if_any()  # a node whose edge is broken is not also a dead end
        flow.check(read.edges, nodes, problems)
        inside.usage.check(channels, read.input, problems)
        return read

    def compile(self, name: str) -> Graph:
        """The graph that was read. Call it only when no problem was reported."""
        words = name.replace("-", "_").split("_")
        graph = self._builder("".join(word.capitalize() for word in words))
        for node in self.nodes.values():
            node.add_to(graph)
        exits = {node.name: node.exit for node in self.nodes.values()}
        for edge in self.edges:
            edge.add_to(graph, exits)
        return graph.compile(
            name=name,
            interrupt_before=[
                node.name for node in self.nodes.values() if node.options.stops_before
            ],
            interrupt_after=[node.exit for node in self.nodes.values() if node.options.stops_after],
        )

    def _builder(self, title: str) -> StateGraph[Any, Any, Any, Any]:
        schema = state.schema(f"{title}State", self.channels, self.description)
        takes = state.subset(f"{title}Input", self.input, self.channels) if self.input else None
        gives = state.subset(f"{title}Output", self.output, self.channels) if self.output else None
        bounded = any(edge.is_bounded for edge in self.edges)
        return (BoundedGraph if bounded else StateGraph)(
            schema,
            context_schema=context.schema(f"{title}Context", self.settings),
            input_schema=takes,
            output_schema=gives,
        )


def _check_words(data: Mapping[str, Any], problems: Problems) -> None:
    """Report unknown words; no more of a document that has its state or nodes under one."""
    strange = [word for word in data if word not in (*WORDS, SCHEMA)]
    for word in strange:
        expected = f"one of {', '.join(WORDS)}"
        problems.unknown((word,), word, expected, WORDS, at_key=True)
    if any(nearest(word, WORDS) in {"state", "nodes", "edges"} - data.keys() for word in strange):
        problems.raise_if_any()


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
