"""From a URL to a source."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from graphwright_checkpoints.errors import SourceError
from graphwright_checkpoints.importing import sqlite
from graphwright_checkpoints.importing.classes import SourceCodec
from graphwright_checkpoints.importing.source import Source
from graphwright_checkpoints.serialization import Codec

FORMS = "sqlite:///file.db or postgresql://user:password@host/database"
KEY_SIZES = (16, 24, 32)  # bytes


def open_source(
    url: str,
    *,
    serde: SerializerProtocol | None = None,
    aes_key: str | None = None,
    plain_data: bool = False,
) -> AbstractContextManager[Source]:
    """Open the database at `url` for reading, with `with`.

    `serde` is the serializer that wrote it, by default LangGraph's. `aes_key` is what the
    environment variable LANGGRAPH_AES_KEY was to the program that wrote it. Values of classes that
    cannot be made here are refused, or read as `plain_data`. Raises `SourceError`.
    """
    serde = serde or JsonPlusSerializer()
    if aes_key:
        serde = _encrypted(serde, aes_key)
    codec = Codec(serde, b"") if plain_data else SourceCodec(serde)
    scheme, separator, rest = url.partition("://")
    kind = scheme.partition("+")[0]
    if kind == "sqlite" and separator:
        return sqlite.opened(_path(rest), codec)
    if kind in ("postgresql", "postgres") and separator:
        return _postgres(f"{kind}://{rest}", codec)
    raise SourceError(f"{scheme + separator}… cannot be imported from: give {FORMS}.")


def _path(rest: str) -> str:
    host, _, path = rest.partition("/")
    if host or not path or "?" in path:
        raise SourceError(
            "a SQLite source is named by three slashes and its path, without options:"
            " sqlite:///relative.db or sqlite:////absolute/path.db."
        )
    return path


@contextmanager
def _postgres(url: str, codec: Codec) -> Iterator[Source]:
    try:
        from graphwright_checkpoints.importing import postgres  # noqa: PLC0415
    except ImportError as error:
        raise SourceError(
            f"postgresql:// needs a package that is not installed ({error.name}):"
            " pip install 'graphwright[postgres]'."
        ) from error
    with postgres.opened(url, codec) as source:
        yield source


def _encrypted(plain: SerializerProtocol, key: str) -> SerializerProtocol:
    if len(key.encode()) not in KEY_SIZES:
        raise SourceError(
            f"LANGGRAPH_AES_KEY has {len(key.encode())} bytes; an AES key has 16, 24 or 32."
        )
    try:
        return EncryptedSerializer.from_pycryptodome_aes(plain, key=key.encode())
    except ImportError as error:
        raise SourceError(
            "an encrypted source needs a package that is not installed: pip install pycryptodome."
        ) from error
