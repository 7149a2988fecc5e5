"""`graphwright db backup`: copies of the SQLite files."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from graphwright.errors import CommandError
from graphwright.operate.locations import shown, sqlite_file
from graphwright.settings import Settings

PATIENCE = 30.0  # seconds to wait for whoever is writing


def back_up(settings: Settings, folder: Path) -> Iterator[Path]:
    """Copy the record, then the checkpoints, into `folder`; a file there is not written over.

    In this order, so that no thread is recorded whose state is missing: a run whose checkpoints are
    ahead of its row goes on from them.
    """
    files = [_file(url) for url in (settings.database_url, settings.checkpoints_url)]
    copies = [folder / file.name for file in files]
    for copy in copies:
        if copy.exists():
            raise CommandError(f"{copy}: there is a file already. Name another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(
            f"{folder}: {error.strerror}. Name a folder that you may write to."
        ) from error
    for file, copy in zip(files, copies, strict=True):
        _copy(file, copy)
        yield copy


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
