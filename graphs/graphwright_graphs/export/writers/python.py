"""The kind `python`: a function of the project's own."""

from __future__ import annotations

from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes.python import Python


def write(body: Python, writing: Writing) -> str:
    """The function itself, imported."""
    return writing.imported(body.function)


def awaited(function: str, writing: Writing) -> str:
    """An async function that calls a sync one of the state alone in a thread, as LangGraph does."""
    thread = f"{writing.module.imported('asyncio')}.to_thread"
    about = f"Call `{function}` in a thread, so that it can have a timeout."
    return writing.function(about, [f"return await {thread}({function}, state)"])
