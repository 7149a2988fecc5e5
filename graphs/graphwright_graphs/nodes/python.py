"""The kind `python`: a function of one's own, sync or async, from state to update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphwright_graphs.nodes.node import Body, Scope
from graphwright_graphs.problems import quoted
from graphwright_graphs.tools import import_path


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
        place = scope.place("function")
        if ":" not in body.function:
            scope.problems.report(place, quoted(body.function), "`module:function`")
            return None
        found = import_path(body.function, scope.problems, place)
        if found is not None and not callable(found):
            scope.problems.report(place, f"{quoted(body.function)}, no function", "a function")
        return found if callable(found) else None
