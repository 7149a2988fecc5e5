"""From a URL to an open checkpointer."""

from collections.abc import Sequence
from importlib import import_module
from types import TracebackType
from typing import Generic, Literal, NamedTuple, TypeVar, cast, overload

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.base import SerializerProtocol

from graphwright_checkpoints import rotation
from graphwright_checkpoints.blobs import BlobStore
from graphwright_checkpoints.database import BlobRows, Database
from graphwright_checkpoints.errors import InvalidURL
from graphwright_checkpoints.offloading import LARGE, OffloadingDatabase
from graphwright_checkpoints.saver import Saver

Opened = TypeVar("Opened", bound=BaseCheckpointSaver[str], covariant=True)


class Kind(NamedTuple):
    """A kind of database: where its class is, and the extra that installs what it needs."""

    module: str
    name: str
    extra: str | None
    forms: str


POSTGRES = Kind(
    "postgres.database",
    "PostgresDatabase",
    "postgres",
    "postgresql://user:password@host:5432/database",
)
MYSQL = Kind("mysql.server", "MysqlServer", "mysql", "mysql://user:password@host:3306/database")
REDIS = Kind("redis.server", "RedisServer", "redis", "redis://host:6379/0")

KINDS = {
    "sqlite": Kind(
        "sqlite.database",
        "SqliteDatabase",
        None,
        "sqlite:///relative.db, sqlite:////absolute/path.db, sqlite:// (in memory)",
    ),
    "postgresql": POSTGRES,
    "postgres": POSTGRES,
    "mysql": MYSQL,
    "mariadb": MYSQL,
    "mongodb": Kind("mongodb.server", "MongoServer", "mongodb", "mongodb://host:27017/database"),
    "redis": REDIS,
    "rediss": REDIS,
    "valkey": REDIS,
    "firestore": Kind(
        "firestore.server", "FirestoreServer", "firestore", "firestore://project/database"
    ),
}
"""By the URL's scheme."""


@overload
def open_checkpointer(  # type: ignore[overload-overlap]  # a literal is a str
    url: Literal["memory://"], *, serde: SerializerProtocol | None = None
) -> "Opening[InMemorySaver]": ...
@overload
def open_checkpointer(
    url: str,
    *,
    serde: SerializerProtocol | None = None,
    old_serdes: Sequence[SerializerProtocol] = (),
    blobs: str | None = None,
    blobs_above: int = LARGE,
) -> "Opening[Saver]": ...
def open_checkpointer(
    url: str,
    *,
    serde: SerializerProtocol | None = None,
    old_serdes: Sequence[SerializerProtocol] = (),
    blobs: str | None = None,
    blobs_above: int = LARGE,
) -> "Opening[BaseCheckpointSaver[str]]":
    """Open the checkpoints at `url`, with `with` or with `async with`.

    ```python
    async with open_checkpointer("sqlite:///checkpoints.db") as saver:
        graph = builder.compile(checkpointer=saver)
    ```

    URLs are SQLAlchemy's, a driver's name included ("sqlite+aiosqlite:///…"), and `memory://`,
    which is LangGraph's `InMemorySaver` without what a `Saver` does beyond that. The URL is checked
    at once (`InvalidURL`), the database when the block is entered (`DatabaseUnavailable`). `serde`
    replaces LangGraph's serializer, to encrypt for instance.
    `old_serdes` have keys that are not used any more, for reading: see `Saver.reencrypt`.

    `blobs` is the URL of a store for media and for values of more than `blobs_above` bytes:
    "file:///folder", "s3://bucket/prefix", "az://container/prefix" or "gs://bucket/prefix", with
    options like "?endpoint=http://127.0.0.1:9000". Without it everything is in the database.
    """
    if old_serdes:
        serde = rotation.with_previous(serde, old_serdes)
    database = None if url == "memory://" else _database(url)
    if blobs is not None:
        database = _offloading(database, blobs, blobs_above)
    return Opening(database, serde)


class Opening(Generic[Opened]):
    """What `open_checkpointer` returns: opens on entering a block, closes on leaving it."""

    def __init__(self, database: Database | None, serde: SerializerProtocol | None) -> None:
        self._saver = None if database is None else Saver(database, serde=serde)
        self._serde = serde

    def __enter__(self) -> Opened:
        if self._saver is not None:
            self._saver.open()
        return self._opened()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._saver is not None:
            self._saver.close()

    async def __aenter__(self) -> Opened:
        if self._saver is not None:
            await self._saver.aopen()
        return self._opened()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._saver is not None:
            await self._saver.aclose()

    def _opened(self) -> Opened:
        return cast(Opened, self._saver or InMemorySaver(serde=self._serde))


def _offloading(database: Database | None, blobs: str, above: int) -> Database:
    if not isinstance(database, BlobRows):
        raise InvalidURL(
            "checkpoints in memory:// cannot have their large values in a blob store: leave `blobs`"
            " out."
        )
    return OffloadingDatabase(database, BlobStore(blobs), large=above)


def _database(url: str) -> Database:
    scheme, separator, _ = url.partition("://")
    kind = KINDS.get(scheme.partition("+")[0])
    if kind is None or not separator:
        forms = ", ".join(kind.forms for kind in dict.fromkeys(KINDS.values()))
        raise InvalidURL(
            f"checkpoints cannot be kept at {scheme + separator}…: give {forms}, or memory://."
        )
    try:
        module = import_module(f"graphwright_checkpoints.{kind.module}")
    except ImportError as error:
        raise InvalidURL(
            f"{scheme}:// needs a package that is not installed ({error.name}):"
            f" pip install 'graphwright[{kind.extra}]'."
        ) from error
    database: Database = getattr(module, kind.name).at(url)
    return database
