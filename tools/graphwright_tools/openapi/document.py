"""An OpenAPI document: reading it, and finding places in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import unquote

import yaml

from graphwright_tools.calls import waited
from graphwright_tools.errors import ToolError
from graphwright_tools.outbound import Outbound

MOST_HOPS: Final = 32  # from a $ref to what it means
VERSIONS: Final = ("3.0", "3.1", "3.2")
WEB: Final = ("https://", "http://")


class DocumentError(ValueError):
    """The document can't be read, or is wrong at a place that the text names."""


class Unsupported(DocumentError):
    """The document is right there, but asks for what these tools can't do."""


@dataclass(frozen=True, slots=True)
class Place:
    """A value in a document, and where it stands."""

    document: Document
    pointer: tuple[str, ...]
    value: Any

    def get(self, key: str) -> Place | None:
        """What stands under a key, with its `$ref` followed; None if there is nothing."""
        if not isinstance(self.value, Mapping) or key not in self.value:
            return None
        return self.below(key, self.value[key]).resolved()

    def need(self, key: str) -> Place:
        """What stands under a key.

        Raises:
            DocumentError: nothing does.
        """
        found = self.get(key)
        if found is None:
            raise self.wrong(f"has no {key!r}")
        return found

    def text(self, key: str) -> str:
        """The text under a key; empty if there is none."""
        found = self.get(key)
        return found.value if found is not None and isinstance(found.value, str) else ""

    def items(self) -> Iterator[tuple[str, Place]]:
        """The places below this one, by their keys or numbers."""
        if isinstance(self.value, Mapping):
            pairs = [(str(key), value) for key, value in self.value.items()]
        elif isinstance(self.value, list):
            pairs = [(str(number), value) for number, value in enumerate(self.value)]
        else:
            raise self.wrong("must be an object or a list")
        for key, value in pairs:
            yield key, self.below(key, value).resolved()

    def resolved(self) -> Place:
        """The place that a `$ref` here leads to, or this one.

        Raises:
            DocumentError: it leads nowhere.
        """
        place = self
        for _ in range(MOST_HOPS):
            reference = place.reference
            if reference is None:
                return place
            place = self.document.referred(reference, place)
        raise self.wrong("has a $ref that leads back to itself")

    @property
    def reference(self) -> str | None:
        """The `$ref` here, if there is one."""
        found = self.value.get("$ref") if isinstance(self.value, Mapping) else None
        return found if isinstance(found, str) else None

    def wrong(self, what: str) -> DocumentError:
        """The error that names this place."""
        return DocumentError(f"{self}: {what}.")

    def unsupported(self, what: str) -> Unsupported:
        """The error of what these tools can't do here."""
        return Unsupported(f"{self}: {what}.")

    def below(self, key: str, value: Any) -> Place:
        """The place of a value under a key, as it stands there."""
        return Place(self.document, (*self.pointer, key), value)

    def __str__(self) -> str:
        keys = (key.replace("~", "~0").replace("/", "~1") for key in self.pointer)
        return f"{self.document.name}: #{''.join('/' + key for key in keys)}"


class Document:
    """A whole OpenAPI document.

    Args:
        content: As it was parsed.
        name: Where it came from, for errors.

    Raises:
        DocumentError: it is no OpenAPI document of version 3.0, 3.1 or 3.2.
    """

    def __init__(self, content: Any, name: str) -> None:
        self.name = name
        self.root = Place(self, (), content)
        version = str(content.get("openapi", "")) if isinstance(content, Mapping) else ""
        if not version.startswith(VERSIONS):
            said = f"openapi is {version!r}" if version else "it has no field openapi"
            raise DocumentError(f"{name} is no OpenAPI document of version 3.0 to 3.2: {said}.")
        self.is_3_0 = version.startswith("3.0")

    @classmethod
    def read(cls, source: str | Path, outbound: Outbound) -> Document:
        """Read a document in JSON or YAML from a file or a URL.

        Raises:
            DocumentError: there is none, or it can't be parsed.
        """
        text = cls._fetched(source, outbound) if is_web(source) else cls._from_file(Path(source))
        try:
            return cls(yaml.load(text, Loader=_Loader), str(source))
        except (yaml.YAMLError, RecursionError) as error:
            said = " ".join(str(error).split())
            raise DocumentError(f"{source} is neither JSON nor YAML: {said}") from None

    @staticmethod
    def _from_file(path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DocumentError(f"{path} can't be read: {error}") from error

    @staticmethod
    def _fetched(source: str | Path, outbound: Outbound) -> str:
        try:
            answer = waited(outbound.send("GET", str(source))).ok()
        except ToolError as error:
            raise DocumentError(f"{source} can't be fetched. {error}") from error
        if answer.is_cut or answer.text is None:
            raise DocumentError(f"{source} is no text of at most {outbound.most_bytes} bytes.")
        return answer.text

    def referred(self, reference: str, origin: Place) -> Place:
        """The place that a reference such as `#/components/schemas/Pet` means."""
        if not reference.startswith("#"):
            raise origin.unsupported(
                f"refers to another document, {reference!r}; bundle them into one"
            )
        place = self.root
        for part in unquote(reference[1:]).split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            value = place.value
            if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
                place = place.below(key, value[int(key)])
            elif isinstance(value, Mapping) and key in value:
                place = place.below(key, value[key])
            else:
                raise origin.wrong(f"refers to {reference}, which is not there")
        return place


def is_web(source: str | Path) -> bool:
    """Whether a document's source is a URL and no file."""
    return isinstance(source, str) and source.startswith(WEB)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML 1.2, whose plain values are those of JSON: `on` and dates are texts."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?",
        list("-+.0123456789"),
    ),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first
    )
