"""What `graphs/summary.yaml` does to a text without a model."""

from collections.abc import Mapping
from typing import Any

LONGEST = 3_000  # characters of a part that one call of a model gets


def split(state: Mapping[str, Any]) -> dict[str, Any]:
    """Cut a text into parts at its paragraphs; a paragraph that is too long is cut at words."""
    parts: list[str] = []
    for paragraph in str(state.get("text") or "").split("\n\n"):
        for piece in _pieces(paragraph.strip()):
            if parts and len(parts[-1]) + len(piece) + 2 <= LONGEST:
                parts[-1] += f"\n\n{piece}"
            elif piece:
                parts.append(piece)
    return {"parts": parts}


def _pieces(paragraph: str) -> list[str]:
    pieces: list[str] = []
    while len(paragraph) > LONGEST:
        at = paragraph.rfind(" ", 1, LONGEST)
        at = LONGEST if at < 0 else at
        pieces.append(paragraph[:at])
        paragraph = paragraph[at:].strip()
    return [*pieces, paragraph]
