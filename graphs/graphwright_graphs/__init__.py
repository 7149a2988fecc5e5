"""LangGraph graphs as documents: `load` compiles YAML or JSON into a CompiledStateGraph.

graph = graphwright_graphs.load("agent.yaml")
graph.invoke({"messages": [("human", "What is 12 times 12?")]})
"""

from typing import TYPE_CHECKING, Any

from graphwright_graphs.errors import (
    AnswerError,
    ConditionError,
    DocumentError,
    GraphError,
    MissingValue,
    Problem,
    RequestError,
    StoreError,
)

if TYPE_CHECKING:
    from graphwright_graphs.compile import Channels, channels, check, description, load

__all__ = [
    "AnswerError",
    "Channels",
    "ConditionError",
    "DocumentError",
    "GraphError",
    "MissingValue",
    "Problem",
    "RequestError",
    "StoreError",
    "channels",
    "check",
    "description",
    "load",
]


def __getattr__(name: str) -> Any:
    # LangGraph takes a second to import; `graphwright_graphs.models` is wanted without it.
    if name in ("Channels", "channels", "check", "description", "load"):
        from graphwright_graphs import compile  # noqa: PLC0415

        return getattr(compile, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
