"""The databases of a service, as a person names them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from graphwright.checkpointing import explained
from graphwright.errors import CommandError
from graphwright_checkpoints import CheckpointError


def shown(url: str) -> str:
    """A database's URL without its password, wherever that stands in it."""
    if url.startswith("sqlite"):
        return url
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # a port that is no number is the latter
        scheme, separator, _ = url.partition("://")
        return f"{scheme}://…" if separator else "…"
    told = parsed.difference_update_query(["password", "sslpassword"])
    return told.render_as_string(hide_password=True)


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database; None for another database, and for one in memory."""
    if not url.startswith("sqlite"):
        return None
    path = make_url(url).database
    return Path(path) if path and path != ":memory:" else None


@contextmanager
def told() -> Iterator[None]:
    """Errors of checkpoints, as errors that the command tells."""
    try:
        yield
    except CheckpointError as error:
        raise CommandError(explained(error)) from error
