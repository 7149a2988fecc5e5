"""Files in a folder of this machine."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from graphwright_tools.errors import NotConfigured, Refused, TooLarge
from graphwright_tools.files.roots import Entry


class Folder:
    """A folder, and nothing that a symbolic link in it leads to outside of it.

    Args:
        path: The folder, which must be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self, folder: str) -> Iterator[Entry]:
        """What is in a folder; a link that leads outside is left out."""
        place = self._place(folder)
        if not place.is_dir():
            return
        for path in sorted(place.iterdir()):
            if _target(path, self._top) is None:
                continue
            if path.is_dir():
                yield Entry(path.name, None)
            elif path.is_file():
                yield Entry(path.name, path.stat().st_size)

    def read(self, path: str, most: int) -> bytes:
        """A file's content."""
        # Not to wait for a pipe's other end, and not to follow a link that came in the meantime.
        place = self._place(path)
        descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise Refused(f"{path} is no file. List a folder to see what is in it.")
            content = file.read(most + 1)
            if len(content) > most:
                raise TooLarge(f"{path} has {found.st_size} bytes; at most {most} can be read.")
            return content

    def write(self, path: str, content: bytes) -> bool:
        """Write beside the file and put it in its place."""
        place = self._place(path)
        if place.is_dir():
            raise Refused(f"{path} is a folder. Choose another name.")
        place.parent.mkdir(parents=True, exist_ok=True)
        existed = place.exists()
        descriptor, draft = tempfile.mkstemp(dir=place.parent, prefix=".", suffix=".draft")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(draft).chmod(place.stat().st_mode & 0o777 if existed else 0o644)
            Path(draft).replace(place)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        return existed

    def delete(self, path: str) -> None:
        """Delete the file, or the link that stands in its place."""
        place = self._place(path)
        if place.is_dir():
            raise Refused(f"{path} is a folder. Delete the files in it.")
        if not place.exists():
            raise FileNotFoundError(path)
        (self._top / path).unlink()

    @property
    def _top(self) -> Path:
        return self._path.resolve()

    def _place(self, path: str) -> Path:
        top = self._top
        if not top.is_dir():
            raise NotConfigured(
                f"There is no folder at {self._path}. An operator must make it; don't try again."
            )
        place = _target(top / path, top)
        if place is None:
            raise Refused(f"{path} leads out of the folder. Choose another path.")
        return place


def _target(path: Path, top: Path) -> Path | None:
    """Where a path leads, or None if that is outside or nowhere."""
    try:
        place = path.resolve()
    except RuntimeError:  # links that lead to each other, before Python 3.13
        return None
    return place if place.is_relative_to(top) and not place.is_symlink() else None
