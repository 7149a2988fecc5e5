"""From a document to a LangGraph graph: `load` reads and checks a file, then compiles it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from graphwright_graphs import source
from graphwright_graphs.blueprint import Blueprint, Graph
from graphwright_graphs.models import Models, current
from graphwright_graphs.problems import Problems
from graphwright_graphs.source import Source


def load(path: str | Path, *, models: Models | None = None) -> Graph:
    """Compile the document at `path`; the graph is named after the file, without its suffix.

    It has no checkpointer and no store: whoever serves it brings them, as LangGraph's server does.

    Args:
        path: a YAML or JSON file.
        models: the chat models that its nodes may use, `models.current()` when not given.

    Raises:
        DocumentError: the document can't become a graph; every problem is listed.
        OSError: the file can't be read.
    """
    return Loader(models or current()).document(Path(path))


def build(document: Source, name: str, *, models: Models | None = None) -> Graph:
    """Compile a document that was read already, see `load`."""
    return Loader(models or current()).build(document, name)


def description(graph: Graph) -> str | None:
    """What the document says its graph does; None for a graph without one."""
    return graph.builder.state_schema.__doc__


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads a document, and those that it embeds."""

    models: Models
    embedding: Sequence[Path] = ()
    """The document that is built and those that embed it, from the outermost on."""

    def document(self, path: Path) -> Graph:
        """The graph of the document at `path`. Raises DocumentError, OSError."""
        inside = replace(self, embedding=(*self.embedding, path.resolve()))
        return inside.build(source.read(path), path.stem)

    def build(self, document: Source, name: str) -> Graph:
        """The graph of a document that was read already. Raises DocumentError."""
        problems = Problems(document)
        blueprint = Blueprint.read(document.data, problems, self)
        problems.raise_if_any()
        return blueprint.compile(name)
