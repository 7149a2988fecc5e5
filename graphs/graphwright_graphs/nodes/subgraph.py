"""The kind `subgraph`: another graph runs as a node.

It is another document, a graph in Python, or one on another server. Where both states have the
same names, the graph stands in the other as LangGraph has it; `in` and `out` map other names.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from langchain_core.runnables import Runnable
from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel.protocol import PregelProtocol
from pydantic import Field, model_validator

from graphwright_graphs.errors import DocumentError
from graphwright_graphs.nodes.embedded import Embedded, renamed
from graphwright_graphs.nodes.node import Body, Scope
from graphwright_graphs.problems import quoted
from graphwright_graphs.source import Where

DOCUMENTS = (".yaml", ".yml", ".json")
"""How the names of documents end."""
_SEEN_TWICE = ("append", "add")

Names = list[str] | dict[str, str]


class Subgraph(Body):
    """The words of a `subgraph` node."""

    graph: str
    """A document's path, `module:attribute` or `file.py:attribute`; at a URL the graph's id."""
    url: str | None = None
    """The server that has the graph."""
    api_key: str | None = Field(default=None, pattern=r"^env:[A-Za-z_]\w*$")
    """The name of the variable that holds the server's key."""
    takes: Names | None = Field(default=None, alias="in")
    """What it gets: a list of channels, or `theirs: ours`; all channels without."""
    gives: Names | None = Field(default=None, alias="out")
    """What it gives: a list of channels, or `ours: theirs`; all that this graph has without."""

    @model_validator(mode="after")
    def _key_for_a_server(self) -> Subgraph:
        if self.api_key and not self.url:
            raise ValueError("`url` beside `api_key`: the key is for a server")
        return self


class SubgraphKind:
    """Runs another graph; its words are those of `Subgraph`."""

    word = "subgraph"
    body = Subgraph
    short = "graph"

    def build(self, body: Subgraph, scope: Scope) -> Runnable[Any, Any] | None:
        """The graph itself where states have the same names, or a node that maps them."""
        takes, gives = mapping(body.takes), mapping(body.gives)
        _check_ours(takes, gives, scope)
        graph = _remote(body, scope) if body.url else _local(body.graph, scope)
        if graph is None:
            return None
        if isinstance(graph, CompiledStateGraph):
            _check_theirs(graph, takes, gives, scope)
        if takes is None and gives is None:
            return graph
        take = renamed(takes if takes is not None else {name: name for name in scope.channels})
        give = renamed(gives if gives is not None else {name: name for name in scope.channels})
        return Embedded(graph, scope.name, take, lambda _, output: give(output or {}))


def mapping(names: Names | None) -> dict[str, str] | None:
    """`{theirs: ours}` or `{ours: theirs}`; a list stands for names that are the same."""
    return {name: name for name in names} if isinstance(names, list) else names


def _check_ours(
    takes: Mapping[str, str] | None, gives: Mapping[str, str] | None, scope: Scope
) -> None:
    for name, key in (
        *((name, "in") for name in (takes or {}).values()),
        *((name, "out") for name in gives or {}),
    ):
        scope.channel(name, key)


def _check_theirs(
    graph: CompiledStateGraph[Any, Any, Any, Any],
    takes: Mapping[str, str] | None,
    gives: Mapping[str, str] | None,
    scope: Scope,
) -> None:
    """Report names that the graph inside does not have, and lists that would be joined twice."""
    read = list(graph.builder.schemas[graph.builder.input_schema])
    written = list(graph.builder.schemas[graph.builder.output_schema])
    for key, names, known in (("in", takes or {}, read), ("out", (gives or {}).values(), written)):
        for name in names:
            if name not in known:
                expected = f"a channel of the graph inside ({', '.join(known)})"
                scope.problems.unknown(scope.place(key), name, expected, known)
    given = gives if gives is not None else _shared(written, scope)
    taken = takes if takes is not None else _shared(read, scope)
    if gives is None and not given:
        found = f"a graph that gives nothing back: this one has no {' or '.join(written)}"
        expected = "`out: {ours: theirs}`, or channels of the same names"
        scope.problems.report(scope.place("graph"), found, expected, warning=True)
    for ours, theirs in given.items():
        channel = scope.channels.get(ours)
        if channel and channel.reducer in _SEEN_TWICE and taken.get(theirs) == ours:
            found = f"{quoted(ours)}, which goes in and comes back, and is then added to itself"
            scope.problems.report(scope.where, found, "`in` without it", at_key=True)


def _shared(names: Iterable[str], scope: Scope) -> dict[str, str]:
    return {name: name for name in names if name in scope.channels}


def _local(name: str, scope: Scope) -> Runnable[Any, Any] | None:
    place = scope.place("graph")
    if name.endswith(DOCUMENTS):
        return _document(Path(scope.problems.source.file).parent / name, scope, place)
    found = scope.imported(name, "graph")
    return None if found is None else _compiled(found, name, scope, place)


def _document(path: Path, scope: Scope, place: Where) -> Runnable[Any, Any] | None:
    embedding = scope.compiler.embedding
    if path.resolve() in embedding:
        circle = [*embedding[embedding.index(path.resolve()) :], path.resolve()]
        found = f"a circle ({' -> '.join(each.name for each in circle)})"
        scope.problems.report(place, found, "a document that does not embed this one")
        return None
    try:
        graph: Runnable[Any, Any] = scope.compiler.document(path)
    except OSError as error:
        said = f"{quoted(str(path))}, which can't be read ({error.strerror or error})"
        scope.problems.report(place, said, "the path of a document, from this one's folder")
        return None
    except DocumentError as error:
        scope.problems.found.extend(error.problems)
        return None
    return graph


def _compiled(found: Any, name: str, scope: Scope, place: Where) -> Runnable[Any, Any] | None:
    """A compiled graph of what Python has: a graph, its builder, or a function that makes one."""
    if callable(found) and not isinstance(found, Runnable | StateGraph):
        try:
            found = found()
        except Exception as error:  # a user's function may raise anything
            said = f"{quoted(name)}, which made no graph ({type(error).__name__}: {error})"
            scope.problems.report(place, said, "a function without arguments that makes a graph")
            return None
    if isinstance(found, StateGraph):
        found = found.compile()
    if isinstance(found, Runnable) and isinstance(found, PregelProtocol):
        return found
    said = f"{quoted(name)}, which is no graph but {type(found).__name__}"
    scope.problems.report(place, said, "a graph, or a function that makes one")
    return None


def _remote(body: Subgraph, scope: Scope) -> Runnable[Any, Any] | None:
    # The SDK takes a while to import, and few graphs call another server.
    from langgraph.pregel.remote import RemoteGraph  # noqa: PLC0415

    variable = (body.api_key or "").removeprefix("env:")
    if variable and not os.environ.get(variable):
        found = f"{quoted(str(body.api_key))}, which is not set"
        scope.problems.report(scope.place("api_key"), found, "a variable that holds the key")
        return None
    key = os.environ[variable].strip() if variable else None
    return RemoteGraph(body.graph, url=body.url, api_key=key, name=scope.name)
