"""Nodes of exported Python do outside of their graph what those of its document do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.graphs.openai_server import Answer, Request, answering
from tests.graphs.test_nodes_http import ASK, ORDER
from tests.graphs.traces import THREAD, served, trace
from tests.tools.loopback import serving

from graphwright_graphs import load
from graphwright_graphs.export import export
from graphwright_graphs.models import Models

ROOT = Path(__file__).parents[2]


async def test_a_request_is_the_same(
    document: Any, imported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_TOKEN", "s3cret")
    with serving() as told:
        answer = {"items": [{"name": "tea"}, {"name": "cup"}]}
        told.answers("/customers/a%2F..%2Fb%3Fc/orders", answer)
        text = ORDER.replace("URL", told.url).replace(
            "output: name", "output: name\n        timeout: 45"
        )
        path = document(text, "order.yaml")
        expected = await trace(served(load(path)), [ASK])
        python = imported(export(path))
        assert await trace(served(python.graph), [ASK]) == expected

        assert python.FETCH_CLIENT.timeout == 45
        for graph in (python.graph, load(path)):
            with pytest.raises(Exception, match=r'`customer` is "\.\.", which can.t be a part'):
                await graph.ainvoke({**ASK, "customer": ".."})
        first, second = told.received
        assert (first.method, first.path, first.query) == (second.method, second.path, second.query)
        assert first.json == second.json


async def test_a_server_is_asked_the_same(imported: Any) -> None:
    def answer(request: Request) -> Answer:
        if request.schema is None:
            return "Noted."
        return {"facts": ["I like tea."]} if "Answer again" in request.asked else "no JSON"

    path, asked = ROOT / "graphs" / "memory.yaml", []
    for is_python in (False, True):
        with answering(answer) as server:
            models = server.models
            graph = imported(export(path), models).graph if is_python else load(path, models=models)
            await served(graph).ainvoke({"messages": [("human", "I like tea")]}, THREAD)
        asked.append([request.body for request in server.requests])

    assert asked[0] == asked[1]
    assert ["response_format" in body for body in asked[0]] == [False, True, True]


async def test_a_cached_node_of_a_map_is_run_once(
    document: Any, imported: Any, files: None
) -> None:
    path = document(
        """
        state: {ids: append, seen: append}
        nodes:
          each:
            map:
              over: ids
              as: id
              concurrency: 1
              do: {python: "graphs_of_a_user:count", cache: {key: [ids]}}
        edges: {START: each, each: END}
        """
    )
    for graph in (load(path), imported(export(path)).graph):
        states = [await graph.ainvoke({"ids": [1]}) for _ in range(2)]
        assert states[0]["seen"] == states[1]["seen"]


async def test_a_namespace_of_the_user_is_the_same(document: Any, imported: Any) -> None:
    path = document(
        """
        state: {text: {type: string}}
        nodes:
          keep:
            memory:
              write:
                namespace: ["of {langgraph_auth_user_id} on {text}", "{langgraph_auth_user_id}"]
                key: a
                value: {said: "{text}"}
        edges: {START: keep, keep: END}
        """
    )
    config: Any = {"configurable": {"thread_id": "1", "langgraph_auth_user_id": "ada@b.example"}}
    for graph in (load(path), imported(export(path)).graph):
        graph = served(graph)
        await graph.ainvoke({"text": "tea"}, config)

        assert graph.store.list_namespaces() == [("of ada@b%2Eexample on tea", "ada@b%2Eexample")]


async def test_a_planner_stops_where_its_document_does(
    document: Any, imported: Any, files: None
) -> None:
    path = document(
        """
        state: {messages: messages, plan: plan}
        nodes:
          work:
            planner:
              tools: [calculator, "graphs_of_a_user:dawdle"]
              executor: {max_seconds: 0.3}
              replanner: {after: failures}
            interrupt: both
        edges: {START: work, work: END}
        """
    )
    given = [{"messages": [("human", "Calculate 12 * 12, then dawdle.")]}, None, None]
    told = []
    for graph in (load(path, models=Models()), imported(export(path)).graph):
        told.append(re.sub(r"0\.\d+", "0.3", str(await trace(served(graph), given))))
        assert graph.interrupt_after_nodes == ["work.answer"]

    assert told[0] == told[1]
    assert "12 * 12 = 144" in told[0]
    assert "NodeTimeoutError" in told[0]
