"""The kinds of nodes, one module each. A document names a kind by its word."""

from __future__ import annotations

from collections.abc import Mapping

from graphwright_graphs.nodes.executor import ExecutorKind
from graphwright_graphs.nodes.human import HumanKind
from graphwright_graphs.nodes.llm import LlmKind
from graphwright_graphs.nodes.node import Body, Call, Kind, Node, Scope
from graphwright_graphs.nodes.planner import PlannerKind
from graphwright_graphs.nodes.prompt import PromptKind
from graphwright_graphs.nodes.python import PythonKind
from graphwright_graphs.nodes.replanner import ReplannerKind
from graphwright_graphs.nodes.router import RouterKind
from graphwright_graphs.nodes.tools import ToolsKind

KINDS: Mapping[str, Kind] = {
    kind.word: kind
    for kind in (
        LlmKind(),
        ToolsKind(),
        HumanKind(),
        PlannerKind(),
        ExecutorKind(),
        ReplannerKind(),
        PythonKind(),
        PromptKind(),
        RouterKind(),
    )
}

__all__ = ["KINDS", "Body", "Call", "Kind", "Node", "Scope"]
