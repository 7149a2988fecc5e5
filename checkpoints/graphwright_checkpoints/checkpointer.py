"""From a URL to an open checkpointer."""

from types import TracebackType

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.base import SerializerProtocol

from graphwright_checkpoints.errors import InvalidURL
from graphwright_checkpoints.sqlite.database import Database
from graphwright_checkpoints.sqlite.saver import SqliteSaver

FORMS = "sqlite:///relative.db, sqlite:////absolute/path.db, sqlite:// (in memory) or memory://"


def open_checkpointer(url: str, *, serde: SerializerProtocol | None = None) -> "Opening":
    """Open the checkpoints at `url`, with `with` or with `async with`.

    ```python
    async with open_checkpointer("sqlite:///checkpoints.db") as saver:
        graph = builder.compile(checkpointer=saver)
    ```

    URLs are SQLAlchemy's, a driver's name included ("sqlite+aiosqlite:///…"), and `memory://`. The
    URL is checked at once (`InvalidURL`), the database when the block is entered
    (`DatabaseUnavailable`). `serde` replaces LangGraph's serializer, to encrypt for instance.
    """
    return Opening(_sqlite_path(url), serde)


class Opening:
    """What `open_checkpointer` returns: opens on entering a block, closes on leaving it."""

    def __init__(self, path: str | None, serde: SerializerProtocol | None) -> None:
        self._path = path
        self._serde = serde
        self._saver: SqliteSaver | None = None

    def __enter__(self) -> BaseCheckpointSaver[str]:
        if self._path is None:
            return InMemorySaver(serde=self._serde)
        self._saver = SqliteSaver(Database(self._path), serde=self._serde)
        return self._saver

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._saver is not None:
            self._saver.close()

    async def __aenter__(self) -> BaseCheckpointSaver[str]:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)


def _sqlite_path(url: str) -> str | None:
    """The path in a sqlite URL, ":memory:" where it has none, None for `memory://`."""
    scheme, separator, rest = url.partition("://")
    if url == "memory://":
        return None
    if not separator or scheme.partition("+")[0] != "sqlite":
        raise InvalidURL(f"checkpoints cannot be kept at {scheme + separator}…: give {FORMS}.")
    host, _, path = rest.partition("/")
    if host or "?" in path:
        raise InvalidURL(
            f"{url}: a sqlite URL has three slashes before its path and no options: {FORMS}."
        )
    return path or ":memory:"
