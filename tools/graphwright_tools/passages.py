"""Documents cut into passages: short enough for a model to read, each under its heading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SUFFIXES: Final = frozenset({".md", ".txt"})
LONGEST: Final = 900  # characters of a passage, unless one line is longer

HEADING: Final = re.compile(r"#{1,6}\s+(.+?)\s*#*")
FENCE: Final = re.compile(r"\s*(?:```|~~~)")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document. `heading` is empty before the document's first heading."""

    document: str
    heading: str
    text: str


def files(folder: Path) -> list[Path]:
    """The documents of a folder and of the folders in it, hidden ones left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(path for path in found if path.is_file() and not _hidden(path, folder))


def read(path: Path) -> tuple[str, list[Passage]]:
    """A document's title, which is its first heading or else its file's name, and its passages."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    # In plain text a line that begins with # is no heading.
    sections = list(_sections(text)) if path.suffix.lower() == ".md" else [("", text)]
    title = next((heading for heading, _ in sections if heading), path.name)
    found = [Passage(path.name, head, piece) for head, body in sections for piece in _pieces(body)]
    return title, found


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _sections(text: str) -> Iterator[tuple[str, str]]:
    heading, lines, fenced = "", list[str](), False
    for line in text.splitlines():
        fenced ^= bool(FENCE.match(line))
        found = None if fenced else HEADING.fullmatch(line)
        if found:
            yield heading, "\n".join(lines)
            heading, lines = found[1], []
        else:
            lines.append(line)
    yield heading, "\n".join(lines)


def _pieces(body: str) -> Iterator[str]:
    piece = ""
    for paragraph in _paragraphs(body):
        if piece and len(piece) + len(paragraph) > LONGEST:
            yield piece
            piece = ""
        piece = f"{piece}\n\n{paragraph}" if piece else paragraph
    if piece:
        yield piece


def _paragraphs(body: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", body.strip("\n")):
        if len(paragraph) <= LONGEST:
            yield from [paragraph.strip("\n")] if paragraph.strip() else []
        else:
            yield from filter(str.strip, paragraph.splitlines())
