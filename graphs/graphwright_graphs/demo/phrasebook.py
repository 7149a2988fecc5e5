"""Translation by phrase book: a few common phrases in six languages, and nothing beyond them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

LANGUAGES: Final = ("English", "French", "German", "Spanish", "Italian", "Portuguese")
NAMES: Final = {
    **{name.casefold(): name for name in LANGUAGES},
    "en": "English",
    "fr": "French",
    "de": "German",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "français": "French",
    "deutsch": "German",
    "español": "Spanish",
    "italiano": "Italian",
    "português": "Portuguese",
}

# One phrase a row, in the order of LANGUAGES; a column's first wording is the one that is given.
PHRASES: Final = tuple(
    tuple(tuple(column.strip().split(" | ")) for column in row.split(";"))
    for row in files("graphwright_graphs.demo")
    .joinpath("phrases.txt")
    .read_text("utf-8")
    .splitlines()
)

LANGUAGE: Final = r"(?:brazilian )?([^\W\d_]+)"
INTO: Final = re.compile(
    rf"^(?:please |can you |could you )*translate\b(?P<before>.*?)\b(?:in)?to {LANGUAGE}\b"
    r"\s*[:,.-]*\s*(?P<after>.*)$",
    re.I | re.S,
)
HOW_TO_SAY: Final = re.compile(
    rf"^(?:how (?:do|does|would|can) (?:you|i|one|we) say|what is|"
    rf"what's) (?P<before>.+?) in {LANGUAGE}\s*\??$",
    re.I | re.S,
)
STANDING: Final = re.compile(
    rf"\btranslat\w*\b(?:[^.\n]*?)\b(?:in)?to {LANGUAGE}\b|\bin {LANGUAGE}\b[^.\n]*\btranslation",
    re.I,
)
FILLER: Final = re.compile(
    r"^\s*(?:this|the following)?(?:\s*(?:text|sentence|phrase|word|words|user's \w+))?"
    r"(?:\s+from \w+)?(?:\s+(?:in)?to \w+)?\s*:?\s+",
    re.I,
)
FURTHER: Final = re.compile(r"(?:and|then)\b", re.I)


@dataclass(frozen=True)
class Translation:
    """What should be translated, and into which language, as the request names it."""

    text: str
    language: str

    def answer(self) -> str | None:
        """Return the phrase in the other language, or None where the phrase book lacks it."""
        return translate(self.text, self.language)


def read(request: str, system: str = "") -> Translation | None:
    """Return the translation that is asked for, here or by the system prompt for every message."""
    found = INTO.match(request.strip()) or HOW_TO_SAY.match(request.strip())
    if found and (found.re is INTO or found[2].casefold() in NAMES):
        parts = found.groupdict()
        before = re.sub(r"\s+from\s+\w+\s*$", "", parts["before"]) + " "
        text = FILLER.sub("", before).strip(" :") or parts.get("after", "")
        if text != parts.get("after") and FURTHER.match(parts.get("after", "")):
            return None  # more is asked for; `intents` takes the requests apart
        return Translation(text.strip().strip("\"'“”«» "), found[2])
    standing = STANDING.search(system)
    if standing is None:
        return None
    return Translation(request.strip().strip("\"'“”«» "), standing[1] or standing[2])


def translate(text: str, language: str) -> str | None:
    """Return the phrase in that language; None where language or phrase are not in the book."""
    name = NAMES.get(language.casefold())
    if name is None:
        return None
    column = LANGUAGES.index(name)
    if whole := _phrase(text, column):
        return whole
    parts = [_phrase(part, column) for part in re.split(r"[.!?;,]\s+|\s+and\s+", text)]
    return ", ".join(part for part in parts if part) if all(parts) else None


def _phrase(text: str, column: int) -> str | None:
    wanted = _plain(text)
    for phrase in PHRASES:
        if any(_plain(wording) == wanted for wordings in phrase for wording in wordings):
            return phrase[column][0]
    return None


def _plain(text: str) -> str:
    return re.sub(r"[^\w' ]+", "", text.casefold().replace("\u2019", "'")).strip()
