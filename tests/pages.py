"""The code that stands in README.md and on the pages of docs/, for the tests that run it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(graphwright [^`]+)`")


@dataclass(frozen=True)
class Snippet:
    """One block of a page."""

    page: Path
    line: int
    """Where its code begins."""
    language: str
    """The word after the fence; empty for what is typed into a terminal, or comes out of it."""
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def snippets(*languages: str) -> list[Snippet]:
    """All blocks of these languages, in the order of the pages."""
    return [each for page in PAGES for each in _of(page) if each.language in languages]


def inline_commands() -> list[Snippet]:
    """The commands that stand in backticks within a sentence."""
    return [
        Snippet(page, _line(text, match.start()), "", " ".join(match[1].split()))
        for page in PAGES
        for text in [_BLOCK.sub(lambda block: "\n" * block[0].count("\n"), page.read_text("utf-8"))]
        for match in _INLINE.finditer(text)
    ]


def _of(page: Path) -> list[Snippet]:
    text = page.read_text("utf-8")
    return [
        Snippet(page, _line(text, match.start()) + 1, match[2], dedent(match[3]))
        for match in _BLOCK.finditer(text)
    ]


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
