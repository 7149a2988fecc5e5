"""The kind `subgraph`: another document, a graph in Python, or one on another server."""

from __future__ import annotations

from pathlib import Path

from langchain_core.runnables import Runnable
from langgraph.graph import StateGraph

from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes.subgraph import DOCUMENTS, Subgraph, mapping


def write(body: Subgraph, writing: Writing) -> str:
    """The graph itself, or a function around it where names are mapped."""
    graph = _remote(body, writing) if body.url else _local(body, writing)
    takes, gives = mapping(body.takes), mapping(body.gives)
    if takes is None and gives is None:
        return graph
    every = {name: name for name in writing.channels}
    lines = [
        f"names = {literal(takes if takes is not None else every)}",
        "given = {theirs: state[ours] for theirs, ours in names.items() if ours in state}",
        f"output = await {graph}.ainvoke(given, config) or {{}}",
        f"names = {literal(gives if gives is not None else every)}",
        "return {ours: output[theirs] for ours, theirs in names.items() if theirs in output}",
    ]
    state = f"dict[str, {writing.module.imported('typing', 'Any')}]"
    return writing.function(
        "Run another graph, in which channels have other names.", lines, state=state
    )


def _remote(body: Subgraph, writing: Writing) -> str:
    remote = writing.module.imported("langgraph.pregel.remote", "RemoteGraph")
    words = [literal(body.graph), f"url={literal(body.url)}"]
    if body.api_key:
        variable = literal(body.api_key.removeprefix("env:"))
        words.append(f"api_key={writing.module.imported('os')}.environ[{variable}]")
    words.append(f"name={literal(writing.name)}")
    return writing.module.constant(f"{writing.name}_graph", f"{remote}({', '.join(words)})")


def _local(body: Subgraph, writing: Writing) -> str:
    if body.graph.endswith(DOCUMENTS):
        return writing.embedded(Path(writing.problems.source.file).parent / body.graph)
    text = writing.imported(body.graph)
    found = writing.imports.found(body.graph)
    if callable(found) and not isinstance(found, Runnable | StateGraph):
        text, found = f"{text}()", found()
    text = f"{text}.compile()" if isinstance(found, StateGraph) else text
    return writing.module.constant(f"{writing.name}_graph", text) if "(" in text else text
