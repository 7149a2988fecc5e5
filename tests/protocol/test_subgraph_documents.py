"""A document whose node is a graph of a running Graphwright."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import graphwright_graphs
from graphwright_graphs.models import Models

OUTER = """
state:
  tongue: {{type: string, default: German}}
  words: {{type: string}}
  said: {{type: string}}
nodes:
  inside:
    subgraph:
      url: "{url}"
      graph: translator
      in: {{language: tongue, text: words}}
      out: {{said: translation}}
edges: {{START: inside, inside: END}}
"""


@pytest.fixture
def outer(shipped: Any, tmp_path: Path) -> Any:
    path = tmp_path / "outer.yaml"
    path.write_text(OUTER.format(url=shipped.url))
    return graphwright_graphs.load(path, models=Models())


async def closed(graph: Any) -> None:
    """RemoteGraph leaves its connections to whoever ends the process."""
    remote = graph.nodes["inside"].bound.node
    remote.sync_client.http.client.close()
    await remote.client.http.client.aclose()


async def test_a_graph_of_another_server_runs_as_a_node(outer: Any) -> None:
    given = {"words": "good morning", "tongue": "German"}
    state = await outer.ainvoke(given)
    assert "guten morgen" in state["said"].lower()
    assert "guten morgen" in outer.invoke(given)["said"].lower()

    await closed(outer)


async def test_what_happens_there_streams(outer: Any) -> None:
    given = {"words": "good morning", "tongue": "German"}
    spaces = [
        (space[0].split(":")[0] if space else "", *update)
        async for space, update in outer.astream(given, stream_mode="updates", subgraphs=True)
    ]

    assert spaces == [("inside", "translate"), ("", "inside")]
    await closed(outer)
