"""The kind `python`: whatever LangGraph can call with a state is a node."""

from __future__ import annotations

from typing import Any

import pytest

import graphwright_graphs


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("any_number", "any_number"),
        ("configured", "configured"),
        ("decorated", "decorated"),
        ("method", "method"),
        ("partly", "partly"),
        ("thing", "thing"),
        ("with_default", "with_default"),
    ],
)
def test_what_can_be_called_with_the_state_is_a_node(document: Any, name: str, text: str) -> None:
    path = document(f"""
        state: {{text: {{type: string}}}}
        nodes: {{a: {{python: "tests.graphs.functions:{name}"}}}}
        edges: {{START: a, a: END}}
    """)
    graph = graphwright_graphs.load(path, imports=["tests"])

    assert graph.invoke({"text": ""}) == {"text": text}
