"""What documents import, as exported Python imports it."""

from __future__ import annotations

import importlib
from functools import cached_property
from pathlib import Path
from typing import Any

from langchain_core.tools import BaseTool

from graphwright_graphs.export.module import Module
from graphwright_graphs.imports import Imports
from graphwright_graphs.offers import offered
from graphwright_graphs.problems import Problems, quoted
from graphwright_graphs.source import Where
from graphwright_graphs.tools import ENTRY_POINTS, Toolbox


class Imported:
    """What a document that could be loaded imports: tools, and all else that it names by a path."""

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

    def tool(self, name: str, module: Module, where: Where) -> str:
        """The tool, imported; a plain function is made one."""
        path = name if ":" in name else self._offered[name]
        text = self.imported(path, module, where)
        if self._is_tool(path):
            return text
        return f"{module.imported('langchain_core.tools', 'tool')}({text})"

    def imported(self, path: str, module: Module, where: Where) -> str:
        """What `module:attribute` or `file.py:attribute` names, imported."""
        home, _, attribute = path.rpartition(":")
        first, *inner = attribute.split(".")
        return ".".join([module.imported(self.home(home, module, where), first), *inner])

    def home(self, path: str, module: Module, where: Where) -> str:
        """The module to import from: for a file, its name there; one without is reported."""
        if not path.endswith(".py"):
            return path
        found = module.home(Path(self._problems.source.file).parent / path)
        if found is None:
            expected = "a file in the document's folder or below it, with names that Python imports"
            self._problems.report(where, quoted(path), expected)
        return found or path

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
