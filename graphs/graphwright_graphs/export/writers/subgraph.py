"""The kind `subgraph`: a graph in Python, or on another server, as a node."""

from __future__ import annotations

from langchain_core.runnables import Runnable
from langgraph.graph import StateGraph

from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.tools import module_name
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes.subgraph import _DOCUMENTS, Subgraph, _mapping


def write(body: Subgraph, writing: Writing) -> str:
    """The graph itself, or a function around it where names are mapped."""
    graph = _remote(body, writing) if body.url else _local(body, writing)
    takes, gives = _mapping(body.takes), _mapping(body.gives)
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
    if body.graph.endswith(_DOCUMENTS):
        found = f'the document "{body.graph}"'
        expected = "a graph in Python: export that document too, and name it `file.py:graph`"
        writing.problems.report(writing.where, found, expected, at_key=True)
        return ""
    home, _, attribute = body.graph.rpartition(":")
    text = writing.module.imported(module_name(home), attribute)
    found = writing.tools_by_name.found(body.graph)
    if callable(found) and not isinstance(found, Runnable | StateGraph):
        text, found = f"{text}()", found()
    text = f"{text}.compile()" if isinstance(found, StateGraph) else text
    return writing.module.constant(f"{writing.name}_graph", text) if "(" in text else text
