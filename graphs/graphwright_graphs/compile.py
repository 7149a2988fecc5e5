"""From a document to a LangGraph graph: `load` reads and checks a file, then compiles it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from graphwright_graphs import source
from graphwright_graphs.blueprint import Blueprint, Graph
from graphwright_graphs.errors import DocumentError, Problem, in_order
from graphwright_graphs.imports import Imports
from graphwright_graphs.imports import current as allowed_imports
from graphwright_graphs.models import Models
from graphwright_graphs.models import current as current_models
from graphwright_graphs.problems import Problems
from graphwright_graphs.source import Source


def load(path: str | Path, *, models: Models | None = None, imports: Sequence[str] = ()) -> Graph:
    """Compile the document at `path`; the graph is named after the file, without its suffix.

    It has no checkpointer and no store: whoever serves it brings them, as LangGraph's server does.

    Args:
        path: a YAML or JSON file.
        models: the chat models that its nodes may use, `models.current()` when not given.
        imports: modules that it may import besides the project's own, see `imports.current`.

    Raises:
        DocumentError: the document can't become a graph; every problem is listed.
        OSError: the file can't be read.
    """
    return loader(path, models=models, imports=imports).document(Path(path))


def check(
    path: str | Path, *, models: Models | None = None, imports: Sequence[str] = ()
) -> Sequence[Problem]:
    """Everything that `load` would refuse, and what looks like a mistake, in the document's order.

    The arguments are those of `load`. Raises OSError for a file that can't be read.
    """
    return loader(path, models=models, imports=imports).problems(Path(path))


def loader(
    path: str | Path, *, models: Models | None = None, imports: Sequence[str] = ()
) -> Loader:
    """What loads the document at `path`; the arguments are those of `load`."""
    return Loader(models or current_models(), allowed_imports(Path(path)).also(imports))


def description(graph: Graph) -> str | None:
    """What the document says its graph does; None for a graph without one."""
    return graph.builder.state_schema.__doc__


class Channels(NamedTuple):
    """The names of a document's channels."""

    all: tuple[str, ...]
    input: tuple[str, ...]
    """Those that a run takes."""


def channels(graph: Graph) -> Channels:
    """The channels of a graph that was loaded from a document."""
    schemas = graph.builder.schemas
    return Channels(
        tuple(schemas[graph.builder.state_schema]), tuple(schemas[graph.builder.input_schema])
    )


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads a document, and those that it embeds."""

    models: Models
    imports: Imports
    embedding: Sequence[Path] = ()
    """The document that is built and those that embed it, from the outermost on."""

    def document(self, path: Path) -> Graph:
        """The graph of the document at `path`. Raises DocumentError, OSError."""
        return self.blueprint(path).compile(path.stem)

    def build(self, document: Source, name: str) -> Graph:
        """The graph of a document that was read already. Raises DocumentError."""
        return self._blueprint(document).compile(name)

    def blueprint(self, path: Path) -> Blueprint:
        """All that the document at `path` says. Raises DocumentError, OSError."""
        return self._inside(path)._blueprint(source.read(path))

    def problems(self, path: Path) -> Sequence[Problem]:
        """What is wrong, and what looks wrong, with the document at `path`. Raises OSError."""
        try:
            problems = Problems(source.read(path))
        except DocumentError as error:
            return error.problems
        with suppress(DocumentError):  # it says no more than what is in `problems`
            Blueprint.read(problems.source.data, problems, self._inside(path))
        return in_order(problems.found)

    def _inside(self, path: Path) -> Loader:
        return replace(self, embedding=(*self.embedding, path.resolve()))

    def _blueprint(self, document: Source) -> Blueprint:
        problems = Problems(document)
        blueprint = Blueprint.read(document.data, problems, self)
        problems.raise_if_any()
        return blueprint
