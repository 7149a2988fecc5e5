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
    """A database's URL without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url.partition("://")[0] + "://…"


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
