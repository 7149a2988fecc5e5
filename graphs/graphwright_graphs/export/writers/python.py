"""The kind `python`: a function of the project's own."""

from __future__ import annotations

from graphwright_graphs.export.tools import module_name
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes.python import Python


def write(body: Python, writing: Writing) -> str:
    """The function itself, imported."""
    module, _, attribute = body.function.rpartition(":")
    return writing.module.imported(module_name(module), attribute)
