"""`graphwright draw`: the picture of a document, made on this machine alone."""

import importlib
from collections.abc import Sequence
from pathlib import Path

from graphwright.documents.finding import project_of
from graphwright.errors import CommandError
from graphwright_graphs.drawing import mermaid, svg
from graphwright_graphs.errors import DocumentError

MERMAID = (".mmd", ".mermaid", ".md")
ZOOM = 2  # pixels of a PNG for one of an SVG


def draw_document(file: Path, imports: Sequence[str], form: str) -> bytes:
    """The picture of a document in the form of that file ending. Raises CommandError."""
    if form not in (*MERMAID, ".svg", ".png"):
        found = form or "file without an ending"
        raise CommandError(f"cannot draw a {found}: end its name in .mmd, .svg or .png")
    try:
        with project_of(file, imports):
            text = mermaid(file) if form in MERMAID else svg(file)
    except DocumentError as error:
        raise CommandError(f"cannot draw {file}:\n{error}") from error
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from error
    if form == ".png":
        return _png(text)
    return (f"```mermaid\n{text}```\n" if form == ".md" else text).encode()


def _png(picture: str) -> bytes:
    try:
        resvg = importlib.import_module("resvg_py")
    except ImportError as error:
        raise CommandError(
            "PNG needs a package that is not installed: pip install 'graphwright[drawing]'. "
            "SVG and Mermaid need none: end the file's name in .svg or .mmd"
        ) from error
    return bytes(resvg.svg_to_bytes(svg_string=picture, zoom=ZOOM))
