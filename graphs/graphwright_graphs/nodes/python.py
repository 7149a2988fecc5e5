"""The kind `python`: a function of one's own, sync or async, from state to update."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from inspect import Parameter
from typing import Any, Final

from graphwright_graphs.nodes.node import Body, Scope
from graphwright_graphs.problems import quoted

GIVEN: Final = ("config", "runtime", "store", "writer", "previous", "error")
"""What LangGraph gives beside the state to parameters of these names."""


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
        found: Callable[..., Any] | None = scope.imported(body.function, "function")
        if found is None:
            return None
        if not callable(found):
            said = f"{quoted(body.function)}, no function"
            scope.problems.report(scope.place("function"), said, "a function")
            return None
        if flaw := _flaw(found):
            expected = f"a function of the state, which may take {', '.join(GIVEN[:4])} besides"
            said = f"{quoted(body.function)}, which {flaw}"
            scope.problems.report(scope.place("function"), said, expected)
        return found


def _flaw(function: Callable[..., Any]) -> str | None:
    """Why LangGraph could not call a function; None where it may well be able to."""
    try:
        # What a decorator wraps may need what the decorator gives.
        parameters = inspect.signature(function, follow_wrapped=False).parameters.values()
    except (TypeError, ValueError):
        return None
    named = [each for each in parameters if each.kind is not Parameter.VAR_KEYWORD]
    if not named or named[0].kind is Parameter.KEYWORD_ONLY:
        return "does not take the state"
    needed = [
        each.name
        for each in named[1:]
        if each.default is Parameter.empty
        and each.kind is not Parameter.VAR_POSITIONAL
        and each.name not in GIVEN
    ]
    return f"needs {', '.join(needed)} as well" if needed else None
