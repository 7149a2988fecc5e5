"""A document and its hand-written twin: the same nodes, edges, events and checkpoints."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from tests.graphs.traces import THREAD, Names, trace

from graphwright_graphs import load
from graphwright_graphs.models import Models

TWINS = [path.stem for path in sorted(Path(__file__).with_name("twins").glob("[!_]*.py"))]


async def checkpoints(graph: Any) -> list[Any]:
    """The thread's checkpoints from the first on, with their pending writes."""
    names = Names()
    found = [each async for each in graph.checkpointer.alist(THREAD)]
    return [
        names.plain([each.checkpoint, each.metadata, each.pending_writes])
        for each in reversed(found)
    ]


@pytest.mark.parametrize("name", TWINS)
async def test_a_document_does_what_its_twin_does(name: str, document: Any) -> None:
    twin = importlib.import_module(f"tests.graphs.twins.{name}")
    path = document(twin.DOCUMENT, "twin.yaml")
    ours = load(path, models=Models(), imports=["tests"])
    theirs = twin.build(Models().get()).compile(name="twin")
    ours.checkpointer, theirs.checkpointer = InMemorySaver(), InMemorySaver()

    assert ours.get_graph().draw_mermaid() == theirs.get_graph().draw_mermaid()
    assert await trace(ours, twin.CONVERSATION) == await trace(theirs, twin.CONVERSATION)
    kept = await checkpoints(ours)
    assert kept == await checkpoints(theirs)
    assert len(kept) > len(twin.CONVERSATION)
