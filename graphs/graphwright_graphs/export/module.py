"""The Python module that an export becomes: imports, definitions, and the graph at its end."""

from __future__ import annotations

import builtins
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from keyword import iskeyword
from pathlib import Path, PurePath
from typing import Any

from graphwright_graphs.export.inlining import Inlined
from graphwright_graphs.export.layout import WIDTH, laid_out
from graphwright_graphs.export.literals import folded


@dataclass(frozen=True, slots=True)
class Import:
    """`import module`, or `from module import name`."""

    module: str
    name: str | None = None


class Module:
    """Python text under construction. Names that it is asked for are unique in it.

    Args:
        title: its docstring.
        folder: where it will stand, as far as what it imports is concerned.
    """

    def __init__(self, title: str, folder: Path) -> None:
        self._title = title
        self._folder = folder.resolve()
        self._imported: dict[Import, str] = {}
        self._names: set[str] = set(_TAKEN)
        self._inlined = Inlined(self.named, self.imported)
        self._first: dict[str, None] = {}
        self._parts: list[str] = []
        self._constants: dict[str, str] = {}
        self._defined: dict[tuple[str, str], str] = {}

    def imported(self, module: str, name: str | None = None) -> str:
        """The name of something to import, such as `("re", None)` or `("typing", "Any")`."""
        wanted = Import(module, name)
        if wanted not in self._imported:
            self._imported[wanted] = self.named(name or module)
        return self._imported[wanted]

    def home(self, file: Path) -> str | None:
        """What is written after `from` for a Python file; None where it can't be imported."""
        place = PurePath(os.path.relpath(file.resolve(), self._folder)).with_suffix("")
        importable = all(part.isidentifier() and not iskeyword(part) for part in place.parts)
        return ".".join(place.parts) if importable else None

    def inlined(self, thing: Callable[..., Any]) -> str:
        """The name of a function or class of this package, whose source is brought along."""
        return self._inlined.add(thing.__module__, thing.__name__)

    def named(self, wanted: str) -> str:
        """A name like the wanted one, which nothing else in the module has."""
        name = re.sub(r"\W", "_", wanted) or "_"
        name = f"_{name}" if name[0].isdigit() else name
        name = f"{name}_" if iskeyword(name) or hasattr(builtins, name) else name
        free = (each for each in _numbered(name) if each not in self._names)
        self._names.add(found := next(free))
        return found

    def constant(self, wanted: str, value: str) -> str:
        """Define a constant, or find the one that has this value; its name."""
        if value not in self._constants:
            self._constants[value] = self.named(wanted.upper())
            self.add([f"{self._constants[value]} = {value}"])
        return self._constants[value]

    def defined(self, wanted: str, define: Callable[[str], Iterable[str]], key: str) -> str:
        """Define what gets about that name, unless that was done with the same key; its name."""
        if (wanted, key) not in self._defined:
            self._defined[wanted, key] = self.named(wanted)
            self.add(define(self._defined[wanted, key]))
        return self._defined[wanted, key]

    def known(self, value: str) -> str:
        """The name of the constant that has this value, or the value."""
        return self._constants.get(value, value)

    def add(self, lines: Iterable[str]) -> None:
        """Add a definition; lines that are too long are broken."""
        self._parts.append("\n".join(map(laid_out, lines)))

    def add_once(self, *definitions: Iterable[str]) -> None:
        """Add definitions before all others, unless they are there."""
        for lines in definitions:
            self._first["\n".join(map(laid_out, lines))] = None

    def text(self) -> str:
        """The whole module."""
        head = f'"""{self._title}"""\n\n'
        if any(piece.startswith(("class ", "@")) for piece in self._inlined.sources):
            head += "from __future__ import annotations\n\n"  # methods name their own class
        pieces = [*self._inlined.sources, *self._first, *self._parts]
        return f"{head}{_import_lines(self._imported)}{_spaced(pieces)}"


# What stands in each module, or what written functions call their arguments and variables.
_TAKEN = {
    *("builder", "graph", "MODEL", "MODELS", "model_name", "chat_model"),
    *("state", "config", "runtime", "context", "names", "given", "output"),
}


INDENT = "    "


def docstring(text: str, indent: str = INDENT) -> list[str]:
    """The lines of a docstring."""
    escaped = text.strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if escaped.endswith('"'):
        escaped = escaped[:-1] + '\\"'
    lines = escaped.splitlines()
    if len(lines) == 1:
        first, *others = folded(escaped, WIDTH - len(indent) - 6)
        return ["\n".join([f'{indent}"""{first}', *others]) + '"""']
    inner = [f"{indent}{line}".rstrip() for line in lines[1:]]
    return [f'{indent}"""{lines[0]}', *inner, f'{indent}"""']


_BLOCK = ("def ", "async def ", "class ", "@")


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in count(2))


def _spaced(parts: Sequence[str]) -> str:
    """The parts, with two blank lines around functions and classes and one between others."""
    text, was_block = "", False
    for part in parts:
        code = next(line for line in part.splitlines() if not line.startswith("#"))
        is_block = code.startswith(_BLOCK)
        text += ("\n\n" if is_block or was_block else "\n") + part + "\n"
        was_block = is_block
    return text


def _import_lines(imports: Mapping[Import, str]) -> str:
    """The imports, which have names by which they are called, sorted: Python's own first."""
    groups: list[str] = []
    for is_standard in (True, False):
        chosen = {
            each: imports[each] for each in imports if _is_standard(each.module) == is_standard
        }
        plain = sorted(
            f"import {_as(each.module, called)}" for each, called in chosen.items() if not each.name
        )
        modules = sorted({each.module for each in chosen if each.name}, key=str.lower)
        lines = [*plain, *(_from(module, chosen) for module in modules)]
        if lines:
            groups.append("\n".join(lines))
    return "\n\n".join(groups) + "\n"


def _as(name: str, called: str) -> str:
    return name if name == called else f"{name} as {called}"


def _from(module: str, imports: Mapping[Import, str]) -> str:
    """The imports from one module; each that has another name there on a line of its own."""
    names = {str(each.name): called for each, called in imports.items() if each.module == module}
    direct = [name for name in sorted(names, key=_order) if names[name] == name]
    others = [_as(name, names[name]) for name in sorted(names, key=_order) if names[name] != name]
    lines = [", ".join(direct)] if direct else []
    return "\n".join(laid_out(f"from {module} import {each}") for each in [*lines, *others])


def _order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name.lower()


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names
