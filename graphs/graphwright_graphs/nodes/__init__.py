"""The kinds of nodes, one module each. A document names a kind by its word."""

from __future__ import annotations

from collections.abc import Mapping

from graphwright_graphs.nodes.human import HumanKind
from graphwright_graphs.nodes.llm import LlmKind
from graphwright_graphs.nodes.node import Body, Call, Compound, Kind, Node, Scope
from graphwright_graphs.nodes.planner import PlannerKind
from graphwright_graphs.nodes.python import PythonKind
from graphwright_graphs.nodes.tools import ToolsKind

KINDS: Mapping[str, Kind] = {
    kind.word: kind
    for kind in (
        LlmKind(),
        ToolsKind(),
        HumanKind(),
        PlannerKind(),
        PythonKind(),
    )
}

__all__ = ["KINDS", "Body", "Call", "Compound", "Kind", "Node", "Scope"]
