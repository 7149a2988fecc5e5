"""Drawing the graph of a document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from graphwright_graphs.compile import loader
from graphwright_graphs.drawing.picture import picture
from graphwright_graphs.drawing.svg import svg as svg_of


def mermaid(path: str | Path, *, imports: Sequence[str] = ()) -> str:
    """The graph of the document at `path` as Mermaid's text, as LangGraph draws it.

    Raises DocumentError, OSError, as `load` does; its `imports` are meant here, too.
    """
    file = Path(path)
    return loader(file, imports=imports).document(file).get_graph().draw_mermaid()


def svg(path: str | Path, *, imports: Sequence[str] = ()) -> str:
    """The graph of the document at `path` as SVG, with kinds, conditions and bounds.

    Raises DocumentError, OSError, as `load` does; its `imports` are meant here, too.
    """
    file = Path(path)
    blueprint = loader(file, imports=imports).blueprint(file)
    return svg_of(picture(blueprint), blueprint.description or file.stem)
