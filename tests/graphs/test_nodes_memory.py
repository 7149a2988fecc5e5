"""The kind `memory`, on LangGraph's store."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore

from graphwright_graphs.errors import DocumentError, MissingValue, StoreError

MEMORY = """
    state:
      user: {type: string, default: ""}
      fact: {type: string, default: tea}
      facts: {type: list}
      one: last
    nodes:
      keep:
        memory:
          write: {namespace: [facts, "{user}"], value: {fact: "{fact}", deep: ["{facts}"]}}
      name:
        memory:
          write: {namespace: [facts, "{user}"], key: "of {fact}", value: {fact: "my {fact}"}}
      find:
        memory:
          search:
            namespace: [facts, "{user}"]
            query: "{fact}"
            filter: {fact: "{fact}"}
            output: facts
      look: {memory: {read: {namespace: [facts, "{user}"], key: "of {fact}", output: one}}}
      drop: {memory: {delete: {namespace: [facts, "{user}"], key: "of {fact}"}}}
    edges: {START: keep, keep: name, name: find, find: look, look: drop, drop: END}
"""
SIGNED_IN = """
    state: {fact: {type: string}}
    nodes:
      keep:
        memory:
          write: {namespace: ["{langgraph_auth_user_id}"], key: a, value: {fact: "{fact}"}}
    edges: {START: keep, keep: END}
"""


@pytest.mark.parametrize("run", ["sync", "async"])
async def test_memories_are_written_read_searched_and_deleted(compiled: Any, run: str) -> None:
    graph, store = compiled(MEMORY), InMemoryStore()
    graph.store = store
    given = {"user": "ada@example.com", "facts": [1]}
    for _ in range(2):  # the same memory is kept once
        state = graph.invoke(given) if run == "sync" else await graph.ainvoke(given)

    (kept,) = store.search(("facts", "ada@example%2Ecom"))
    assert kept.value == {"fact": "tea", "deep": [[1]]}
    assert state["facts"] == [{"key": kept.key, "value": kept.value}]
    assert state["one"] == {"fact": "my tea"}
    assert store.search(("facts", "bob")) == []


async def test_nothing_found_is_null(compiled: Any) -> None:
    graph = compiled("""
        state: {one: last}
        nodes: {look: {memory: {read: {namespace: [a], key: b, output: one}}}}
        edges: {START: look, look: END}
    """)
    graph.store = InMemoryStore()

    assert await graph.ainvoke({"one": 1}) == {"one": None}


async def test_a_user_who_is_signed_in(compiled: Any) -> None:
    graph, store = compiled(SIGNED_IN), InMemoryStore()
    graph.store = store
    config = {"configurable": {"langgraph_auth_user_id": "ada"}}
    await graph.ainvoke({"fact": "tea"}, config)

    assert [item.value for item in store.search(("ada",))] == [{"fact": "tea"}]
    with pytest.raises(MissingValue, match="turn authentication on"):
        await graph.ainvoke({"fact": "tea"})


async def test_a_graph_without_a_store_says_how_to_have_one(compiled: Any) -> None:
    with pytest.raises(StoreError, match="node `keep` needs a store"):
        await compiled(MEMORY).ainvoke({"user": "ada", "facts": []})


async def test_an_empty_label_is_refused(compiled: Any) -> None:
    graph = compiled(MEMORY)
    graph.store = InMemoryStore()
    with pytest.raises(StoreError, match="label 2 of its namespace is empty"):
        await graph.ainvoke({"facts": []})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("output: one", "output: on", 'memory.read.output: found "on"'),
        ('{fact: "my {fact}"}', '{fact: "my {fct}"}', 'memory.write.value.fact: found "fct"'),
        (
            'write: {namespace: [facts, "{user}"], key',
            'write: {namespace: ["{usr}"], key',
            "namespace[0]",
        ),
        (
            "{delete:",
            "{read: {namespace: [a], key: b, output: one}, delete:",
            "exactly one of read",
        ),
        ('{delete: {namespace: [facts, "{user}"], key: "of {fact}"}}', "{delete: }", "exactly one"),
        ('{delete: {namespace: [facts, "{user}"]', "{delete: {namespace: []", "at least one"),
    ],
)
def test_mistakes_are_located(compiled: Any, old: str, new: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compiled(MEMORY.replace(old, new))
    assert said in str(caught.value)
