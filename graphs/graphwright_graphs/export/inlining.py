"""Small pieces of this package that exported code brings along, as their source.

A piece is a function, class or constant of a module here. What it refers to comes with it: other
pieces before it, imports at the top.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

PACKAGE = "graphwright_graphs"


@dataclass(frozen=True, slots=True)
class Piece:
    """A definition at the top of a module, with what it refers to by name."""

    source: str
    names: frozenset[str]


class Inlined:
    """The pieces that one export has so far, in the order in which they have to stand.

    Args:
        named: gives a name like the wanted one that nothing else in the export has.
        imported: gives the name in the export of a module, or of what is imported from one.
    """

    def __init__(
        self, named: Callable[[str], str], imported: Callable[[str, str | None], str]
    ) -> None:
        self._named = named
        self._imported = imported
        self._pieces: dict[tuple[str, str], str] = {}
        self._called: dict[tuple[str, str], str] = {}
        self._modules: dict[str, _Source] = {}

    @property
    def sources(self) -> list[str]:
        """The source of each piece."""
        return list(self._pieces.values())

    def add(self, module: str, name: str) -> str:
        """Bring along what `name` is in a module of this package; what it is called."""
        key = (module, name)
        if key not in self._called:
            self._called[key] = self._named(name)
            home = self._modules.setdefault(module, _Source(importlib.import_module(module)))
            piece = home.pieces[name]
            others = {each: self._refer(home, each) for each in sorted(piece.names - {name})}
            self._pieces[key] = _renamed(piece.source, {**others, name: self._called[key]})
        return self._called[key]

    def _refer(self, home: _Source, name: str) -> str:
        """What a name of a module is called in the export."""
        if name in home.pieces:
            return self.add(home.name, name)
        found = home.imports.get(name)
        if found is None:
            return name
        module, attribute = found
        if attribute and module.startswith(PACKAGE):
            return self.add(module, attribute)
        return self._imported(module, attribute)


def _renamed(source: str, names: Mapping[str, str]) -> str:
    for name, other in names.items():
        if name != other:
            source = re.sub(rf"(?<![\w.]){re.escape(name)}\b", other, source)
    return source


class _Source:
    """A module of this package, taken apart."""

    def __init__(self, module: ModuleType) -> None:
        self.name = module.__name__
        self._lines = inspect.getsource(module).splitlines()
        self._tree = ast.parse("\n".join(self._lines))

    @cached_property
    def imports(self) -> Mapping[str, tuple[str, str | None]]:
        """What the module imports, by the name it has there: a module, or one and a name in it."""
        found: dict[str, tuple[str, str | None]] = {}
        for node in self._tree.body:
            if isinstance(node, ast.ImportFrom):
                found |= {
                    each.asname or each.name: (str(node.module), each.name) for each in node.names
                }
            elif isinstance(node, ast.Import):
                found |= {each.asname or each.name: (each.name, None) for each in node.names}
        return found

    @cached_property
    def pieces(self) -> Mapping[str, Piece]:
        """What the module defines, by name."""
        body = self._tree.body
        found = {}
        for at, node in enumerate(body):
            for name in _defined(node):
                after = body[at + 1] if at + 1 < len(body) else None
                last = after if after and _is_text(after) else node
                source = "\n".join(self._lines[self._start(node) : last.end_lineno])
                source = re.sub("  # noqa: .*", "", source)
                found[name] = Piece(source, _names(node))
        return found

    def _start(self, node: ast.stmt) -> int:
        """The index of a definition's first line, its decorators and comments included."""
        decorators = getattr(node, "decorator_list", [])
        start: int = min([node.lineno, *(each.lineno for each in decorators)]) - 1
        while start and self._lines[start - 1].startswith("#"):
            start -= 1
        return start


def _defined(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def _is_text(node: ast.stmt) -> bool:
    """Whether a statement is a text alone: it says what the constant before it is."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _names(node: ast.stmt) -> frozenset[str]:
    """Every name that a definition may take from its module."""
    inside = list(ast.walk(node))
    own = {
        each.asname or each.name
        for place in inside
        if isinstance(place, ast.Import | ast.ImportFrom)
        for each in place.names
    }
    return frozenset({each.id for each in inside if isinstance(each, ast.Name)} - own)
