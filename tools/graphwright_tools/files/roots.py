"""Where files are kept, and the paths in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from graphwright_tools.errors import NotConfigured, Refused

LONGEST_PATH: Final = 1000  # characters
UNUSUAL: Final = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')  # what some system's paths can't have


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a call may move.

    Args:
        file: Bytes of a file that is read or written.
        characters: Of the lines that one call reads.
        entries: Of a folder that one call lists.
    """

    file: int = 5_000_000
    characters: int = 20_000
    entries: int = 200


class Entry(NamedTuple):
    """A file with its size in bytes, or a folder, which has none."""

    name: str
    size: int | None


class Root(Protocol):
    """A tree of files. Every path is one that `checked` gave."""

    def entries(self, folder: str) -> Iterable[Entry]:
        """What is in a folder, which is empty if it is not there."""
        ...

    def read(self, path: str, most: int) -> bytes:
        """A file's content.

        Raises:
            FileNotFoundError: there is none.
            TooLarge: it has more bytes.
        """
        ...

    def write(self, path: str, content: bytes) -> bool:
        """Keep a file, as a whole or not at all. Whether there was one before."""
        ...

    def delete(self, path: str) -> None:
        """Delete a file.

        Raises:
            FileNotFoundError: there is none.
        """
        ...


def checked(path: str) -> str:
    """A path within the root, in one form: without a slash at its ends; empty for the root.

    Raises:
        Refused: it may lead elsewhere, or could not be kept everywhere.
    """
    parts = [part for part in path.strip().removesuffix("/").split("/") if part != "."]
    wrong = path.startswith(("/", "~")) or ".." in parts or (len(parts) > 1 and "" in parts)
    if wrong or UNUSUAL.search(path) or len(path) > LONGEST_PATH:
        raise Refused(
            f"{path[:LONGEST_PATH]!r} is no path here. A path begins at the top folder without a "
            'slash, as in notes/plan.md, and has no .. and none of \\ : * ? " < > |.'
        )
    return "/".join(parts)


def root_at(place: str) -> Root:
    """The root that a folder's path or a URL names.

    Raises:
        NotConfigured: there is no such kind of place.
    """
    parts = urlsplit(place)
    if "://" not in place or parts.scheme == "file":
        from graphwright_tools.files.folder import Folder  # noqa: PLC0415

        return Folder(Path(unquote(parts.path) if "://" in place else place).expanduser())
    # Imported where it is used: obstore is large.
    from graphwright_tools.files.bucket import SCHEMES, Bucket  # noqa: PLC0415

    if parts.scheme not in SCHEMES or not parts.hostname or "@" in parts.netloc:
        raise NotConfigured(
            f"Files can't be kept at {parts.scheme}://…: a folder's path, file:///folder, "
            "s3://bucket/folder, az://container/folder or gs://bucket/folder is needed, without a "
            "name or password. An operator must correct it; don't try again."
        )
    return Bucket(place)
