"""Tools by the names that documents have for them, as things to import."""

from __future__ import annotations

import importlib
from functools import cached_property
from pathlib import PurePath
from typing import Any

from langchain_core.tools import BaseTool

from graphwright_graphs.export.module import Module
from graphwright_graphs.imports import Imports
from graphwright_graphs.offers import offered
from graphwright_graphs.problems import Problems
from graphwright_graphs.tools import ENTRY_POINTS, Toolbox


def module_name(path: str) -> str:
    """What is written after `from`: for a file, its module as seen from the document's folder."""
    return ".".join(PurePath(path).with_suffix("").parts) if path.endswith(".py") else path


class Named:
    """The tools of a document that could be loaded."""

    def __init__(self, imports: Imports, problems: Problems) -> None:
        self._toolbox = Toolbox(imports, problems)
        self._imports = imports
        self._problems = problems

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
        home, _, attribute = path.rpartition(":")
        home = module_name(home)
        first, *inner = attribute.split(".")
        text = ".".join([module.imported(home, first), *inner])
        if self._is_tool(path):
            return text
        return f"{module.imported('langchain_core.tools', 'tool')}({text})"

    def found(self, path: str) -> Any:
        """What the document imports by a path."""
        return self._imports.find(path, self._problems, ())

    def _is_tool(self, path: str) -> bool:
        """Whether a path names a tool already, and no function."""
        if path not in self._offered.values():
            return isinstance(self.found(path), BaseTool)
        home, _, attribute = path.partition(":")
        found: Any = importlib.import_module(home)
        for part in attribute.split("."):
            found = getattr(found, part)
        return isinstance(found, BaseTool)
