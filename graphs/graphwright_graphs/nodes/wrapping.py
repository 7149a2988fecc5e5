"""A node around another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import Runnable, RunnableLambda


class Wrapped(RunnableLambda[Any, Any]):
    """A node that runs another one, which LangGraph still finds when it looks for subgraphs.

    It looks into what a RunnableLambda depends on. Nothing else of a RunnableLambda is used: a
    node adds no trace of its own.
    """

    def __init__(self, node: Runnable[Any, Any], name: str) -> None:
        super().__init__(node.invoke, node.ainvoke, name=name)
        self.node = node

    @property
    def deps(self) -> Sequence[Runnable[Any, Any]]:  # type: ignore[override]
        """The node inside."""
        return [self.node]
