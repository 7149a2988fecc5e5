"""The kind `python`: a function of the project's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes.python import Python

# What LangGraph gives a function besides its state, by the parameter's name: the type's home.
_GIVEN: Mapping[str, tuple[str, str]] = {
    "config": ("langchain_core.runnables", "RunnableConfig"),
    "runtime": ("langgraph.runtime", "Runtime"),
    "store": ("langgraph.store.base", "BaseStore"),
    "writer": ("langgraph.types", "StreamWriter"),
    "previous": ("typing", "Any"),
}


def write(body: Python, writing: Writing) -> str:
    """The function itself, imported; a sync one that has a timeout is called by an async one."""
    name, function = writing.imported(body.function), writing.imports.found(body.function)
    call = getattr(function, "__call__", None)  # noqa: B004 - the code of an object is looked at
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
    return name if is_async or not writing.timeout else _awaited(name, function, writing)


def _awaited(name: str, function: Callable[..., Any], writing: Writing) -> str:
    """An async function that calls a sync one in a thread: LangGraph has timeouts for that."""
    known = [each for each in inspect.signature(function).parameters if each in _GIVEN]
    arguments = ", ".join([name, "state", *(f"{each}={each}" for each in known)])
    return writing.function(
        f"Call `{name}` in a thread, so that it can have a timeout.",
        [f"return await {writing.module.imported('asyncio')}.to_thread({arguments})"],
        parameters=[f"{each}: {writing.module.imported(*_GIVEN[each])}" for each in known],
    )


def names_a_state(function: Callable[..., Any]) -> bool:
    """Whether LangGraph would give a function the state that its annotation names."""
    first = next(iter(inspect.signature(function).parameters.values()), None)
    return first is not None and isinstance(first.annotation, type | str)
