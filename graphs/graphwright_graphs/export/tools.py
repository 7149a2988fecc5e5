"""Tools by the names that documents have for them, as things to import."""

from __future__ import annotations

import importlib
from functools import cached_property

from langchain_core.tools import BaseTool

from graphwright_graphs.export.module import Module
from graphwright_graphs.imports import Imports
from graphwright_graphs.offers import offered
from graphwright_graphs.problems import Problems
from graphwright_graphs.tools import ENTRY_POINTS, Toolbox


class Named:
    """The tools of a document that could be loaded."""

    def __init__(self, imports: Imports, problems: Problems) -> None:
        self._toolbox = Toolbox(imports, problems)

    @cached_property
    def _offered(self) -> dict[str, str]:
        return {name: point.value for name, point in offered(ENTRY_POINTS).items()}

    def called(self, name: str) -> str:
        """What the tool calls itself: the name by which a model knows it."""
        found = self._toolbox.get(name, ())
        return found.name if found else name

    def text(self, name: str, module: Module) -> str:
        """The tool, imported; a plain function is made one."""
        path = name if ":" in name else self._offered[name]
        home, _, attribute = path.partition(":")
        first, *inner = attribute.split(".")
        text = ".".join([module.imported(home, first), *inner])
        found = importlib.import_module(home)
        for part in attribute.split("."):
            found = getattr(found, part)
        if isinstance(found, BaseTool):
            return text
        return f"{module.imported('langchain_core.tools', 'tool')}({text})"
