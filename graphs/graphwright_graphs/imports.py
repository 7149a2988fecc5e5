"""What a document may import by `module:attribute`: the project's own modules, and listed ones.

A document is data, and importing a module runs its code. So a module is looked up before it is
imported, and what is taken from it must have been made there: `tools:os.system` is no way to `os`.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from graphwright_graphs.problems import Problems, did_you_mean, meant, quoted
from graphwright_graphs.source import Where

VARIABLE = "GRAPHWRIGHT_IMPORTS"

_PROJECT_FILES = ("langgraph.json", "pyproject.toml")


class Refused(Exception):
    """A module that documents may not import; the message is its name."""


class Lacking(Exception):
    """A module that does not have what a document takes from it."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name)
        self.name = name
        self.known = known


@dataclass(frozen=True, slots=True)
class Imports:
    """What the documents of one project may import.

    Args:
        roots: folders of the project. Their modules may be imported, but for packages that are
            installed below them (`.venv`).
        modules: further modules, each with all that is in it.
    """

    roots: tuple[Path, ...]
    modules: tuple[str, ...] = ()

    def also(self, modules: Iterable[str]) -> Imports:
        """The same, with further modules."""
        return replace(self, modules=(*self.modules, *modules))

    def find(self, path: str, problems: Problems, where: Where) -> Any | None:
        """What `module:attribute` names; what is wrong with it is reported, and None returned.

        In place of a module there may be a file, `folder/file.py:attribute`, from the folder of
        the document on.
        """
        module, colon, attribute = path.rpartition(":")
        if not (module and colon and attribute):
            problems.report(where, quoted(path), "`module:attribute`", _with_colon(path))
            return None
        folder = Path(problems.source.file).parent
        try:
            is_file = module.endswith(".py")
            loaded = self._file(folder / module) if is_file else self._module(module)
            return self._attribute(loaded, attribute)
        except Lacking as lacking:
            found = f"{quoted(path)}, where there is no `{lacking.name}`"
            hint = did_you_mean(lacking.name, lacking.known)
            problems.report(where, found, "a name that the module has", hint)
        except Refused as refused:
            found = f"{quoted(path)}, of the module {refused}, which is not the project's own"
            expected = f"a module in {' or '.join(str(root) for root in self.roots)}"
            hint = (
                f"allow it with {VARIABLE}={refused} or load(…, imports=[{quoted(str(refused))}])"
            )
            problems.report(where, found, expected, hint)
        # A user's module may raise anything while it is imported, and may end like a script.
        except (Exception, SystemExit) as error:
            found = f"{quoted(path)}, which can't be imported ({type(error).__name__}: {error})"
            expected = "`module:attribute` of a module on the import path"
            file = f"{module.replace('.', '/')}.py"
            is_beside = isinstance(error, ModuleNotFoundError) and (folder / file).is_file()
            hint = meant(f"{file}:{attribute}") if is_beside else None
            problems.report(where, found, expected, hint)
        return None

    def _module(self, name: str) -> ModuleType:
        self._check(name)
        return importlib.import_module(name)

    def _file(self, path: Path) -> ModuleType:
        """The module that a file of the project is, under a name of its own."""
        path = path.resolve()
        if not self._is_own(path):
            raise ImportError(f"{path} is not a file of the project")
        name = _name(path)
        if name not in sys.modules:
            spec = spec_from_file_location(name, path)
            if spec is None or spec.loader is None or not path.is_file():
                raise FileNotFoundError(f"there is no Python file {path}")
            sys.modules[name] = module_from_spec(spec)
            try:
                spec.loader.exec_module(sys.modules[name])
            except BaseException:
                del sys.modules[name]
                raise
        return sys.modules[name]

    def _check(self, name: str) -> None:
        """Raise Refused for a module that may not be imported, before any of its code runs."""
        if any(name == each or name.startswith(f"{each}.") for each in self.modules):
            return
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            # Looking up `a.b` imports `a`, which is known to be the project's by then.
            if not self._may_be_passed(".".join(parts[:length]), whole=length == len(parts)):
                raise Refused(parts[0])

    def _may_be_passed(self, name: str, *, whole: bool) -> bool:
        made = sys.modules.get(name)
        if made is not None and getattr(made, "__spec__", None) is None:
            # A script (`__main__`), a notebook, or a module that the program made: it runs already.
            file = getattr(made, "__file__", None)
            return file is None or self._is_own(Path(file))
        spec = find_spec(name)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {name!r}")
        if spec.origin is None and spec.submodule_search_locations is not None and not whole:
            return True  # a folder without __init__.py: what is in it is looked at next
        return bool(spec.has_location and spec.origin and self._is_own(Path(spec.origin)))

    def _is_own(self, file: Path) -> bool:
        file = file.resolve()
        installed = [Path(path).resolve() for path in sysconfig.get_paths().values()]
        for root in (each.resolve() for each in self.roots):
            if file.is_relative_to(root):
                below = file.relative_to(root).parts
                libraries = [
                    each for each in installed if each != root and each.is_relative_to(root)
                ]
                return not (
                    {"site-packages", "dist-packages"} & set(below)
                    or any(file.is_relative_to(each) for each in libraries)
                )
        return False

    def _attribute(self, found: Any, path: str) -> Any:
        for part in path.split("."):
            if part.startswith("__"):
                raise AttributeError(f"{part!r} is not for documents")
            if isinstance(found, ModuleType) and not hasattr(found, part):
                raise Lacking(part, [each for each in vars(found) if not each.startswith("_")])
            found = getattr(found, part)
            if isinstance(found, ModuleType):
                self._check(found.__name__)
        made_in = getattr(found, "__module__", None)
        if made_in and (inspect.isroutine(found) or isinstance(found, type)):
            self._check(made_in)
        return found


def _with_colon(path: str) -> str | None:
    """A hint for what is written as Python has it, `module.attribute`."""
    module, dot, attribute = path.rpartition(".")
    is_dotted = dot and module and attribute.isidentifier() and attribute != "py"
    return meant(f"{module}:{attribute}") if is_dotted and ":" not in path else None


def _name(file: Path) -> str:
    """What the module of a file is called, which no other module is."""
    return f"{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"


def file_of(module: str) -> Path | None:
    """The file of a module that documents name by it; None for a module with a name of its own."""
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file) if file and _name(Path(file)) == module else None


_current: ContextVar[Imports | None] = ContextVar("imports", default=None)


@contextmanager
def using(imports: Imports) -> Iterator[None]:
    """Make `imports` what documents loaded inside the block may import."""
    token = _current.set(imports)
    try:
        yield
    finally:
        _current.reset(token)


def current(document: Path, environ: Mapping[str, str] = os.environ) -> Imports:
    """What `using` set, else what the project around a document and GRAPHWRIGHT_IMPORTS allow.

    The project is the nearest folder above the document that has a langgraph.json or a
    pyproject.toml, or else the document's own folder.
    """
    if (imports := _current.get()) is not None:
        return imports
    listed = (name.strip() for name in environ.get(VARIABLE, "").split(","))
    return Imports((project(document),), tuple(name for name in listed if name))


def project(document: Path) -> Path:
    """The folder of the project that a document belongs to, see `current`."""
    folder = document.resolve().parent
    for each in (folder, *folder.parents):
        if any((each / name).is_file() for name in _PROJECT_FILES):
            return each
    return folder
