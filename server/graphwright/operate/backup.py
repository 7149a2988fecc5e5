"""`graphwright db backup`: copies of the SQLite files, and of the folder of large values."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from graphwright.errors import CommandError
from graphwright.operate.locations import shown, sqlite_file
from graphwright.settings import Settings

PATIENCE = 30.0  # seconds to wait for whoever is writing
BLOBS = "blobs"  # the folder's name, as it is in a data folder


class Copy(NamedTuple):
    """A copy that was made: a file, or a folder with all that is in it."""

    path: Path
    bytes: int


def back_up(settings: Settings, folder: Path) -> Iterator[Copy]:
    """Copy the record, then the checkpoints, then the blobs, into `folder`.

    In this order, so that no thread is recorded whose state is missing, and no value stored whose
    blob is: a run whose checkpoints are ahead of its row goes on from them. Nothing that is there
    is written over.
    """
    files = [_file(url) for url in (settings.database_url, settings.checkpoints_url)]
    copies = [folder / file.name for file in files]
    blobs = _blobs(settings)
    for copy in (*copies, *([folder / BLOBS] if blobs else [])):
        if copy.exists():
            raise CommandError(f"{copy}: there is something already. Name another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(
            f"{folder}: {error.strerror}. Name a folder that you may write to."
        ) from error
    for file, copy in zip(files, copies, strict=True):
        _copy(file, copy)
        yield Copy(copy, copy.stat().st_size)
    if blobs:
        yield Copy(folder / BLOBS, _copy_blobs(blobs, folder / BLOBS))


def elsewhere(settings: Settings) -> str | None:
    """The store of large values, without its options, if it is none that `back_up` copies."""
    url = settings.blobs_url
    return url.partition("?")[0] if url and urlsplit(url).scheme != "file" else None


def _blobs(settings: Settings) -> Path | None:
    parts = urlsplit(settings.blobs_url or "")
    folder = Path(unquote(parts.path))
    return folder if parts.scheme == "file" and folder.is_dir() else None


def _file(url: str) -> Path:
    file = sqlite_file(url)
    if file is None:
        raise CommandError(
            f"{shown(url)}: only SQLite files are copied. Use the database's own tools,"
            " pg_dump for Postgres."
        )
    if not file.is_file():
        raise CommandError(f"{file}: there is no such file. Name its folder with --data-dir.")
    return file


def _copy(file: Path, copy: Path) -> None:
    partial = copy.with_name(copy.name + ".partial")
    partial.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(file, timeout=PATIENCE, isolation_level=None)) as link:
            # One read transaction: writers go on meanwhile, and the copy has none of what they do.
            link.execute("VACUUM INTO ?", (str(partial),))
    except sqlite3.Error as error:
        partial.unlink(missing_ok=True)
        raise CommandError(f"{file}: it cannot be copied to {copy}: {error}") from error
    partial.rename(copy)


def _copy_blobs(source: Path, target: Path) -> int:
    """Copy all that is stored, and return how many bytes it is."""
    try:
        target.mkdir()
        for file in source.rglob("*"):
            copy = target / file.relative_to(source)
            # A "#" is in the names of uploads that are under way; other files may go meanwhile.
            if "#" not in file.name and file.is_file():
                copy.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileNotFoundError):
                    shutil.copy2(file, copy)
    except OSError as error:
        raise CommandError(
            f"{source}: it cannot be copied to {target}: {error.strerror}. Remove"
            f" {target.parent}, and try again where there is room."
        ) from error
    return sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
