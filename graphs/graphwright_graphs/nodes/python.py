"""The kind `python`: a function of one's own, sync or async, from state to update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphwright_graphs.nodes.node import Body, Scope
from graphwright_graphs.problems import quoted


class Python(Body):
    """The words of a `python` node."""

    function: str
    """`module:function`, on the import path."""


class PythonKind:
    """Calls a function as LangGraph would call it in a graph written in Python."""

    word = "python"
    body = Python
    short = "function"

    def build(self, body: Python, scope: Scope) -> Callable[..., Any] | None:
        """The function itself: LangGraph runs a sync one in a thread, off the event loop."""
        found = scope.imported(body.function, "function")
        if found is not None and not callable(found):
            said = f"{quoted(body.function)}, no function"
            scope.problems.report(scope.place("function"), said, "a function")
        return found if callable(found) else None
