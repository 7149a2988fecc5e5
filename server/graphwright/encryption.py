"""How checkpoints are encrypted at rest: AES, with LangGraph's own serializer."""

from typing import NamedTuple

from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from pydantic import SecretStr

from graphwright.errors import StartError
from graphwright.settings import Settings

KEY_SIZES = (16, 24, 32)  # bytes: AES-128, AES-192 and AES-256


class Serializers(NamedTuple):
    """The serializer that writes, None for LangGraph's plain one, and those that also read."""

    current: EncryptedSerializer | None = None
    previous: tuple[EncryptedSerializer, ...] = ()


def serializers(settings: Settings) -> Serializers:
    """What the settings ask for, or raise `StartError` with what is wrong with a key."""
    key, old = settings.encryption_key, settings.encryption_key_previous
    if key is None:
        if old is not None:
            raise StartError(
                "LANGGRAPH_AES_KEY_PREVIOUS is set without LANGGRAPH_AES_KEY: set the key to"
                " encrypt with too."
            )
        return Serializers()
    previous = () if old is None else (_serializer("LANGGRAPH_AES_KEY_PREVIOUS", old),)
    return Serializers(_serializer("LANGGRAPH_AES_KEY", key), previous)


def _serializer(name: str, key: SecretStr) -> EncryptedSerializer:
    secret = key.get_secret_value().encode()
    if len(secret) not in KEY_SIZES:
        raise StartError(f"{name} has {len(secret)} bytes: give it 16, 24 or 32.")
    try:
        return EncryptedSerializer.from_pycryptodome_aes(key=secret)
    except ImportError as error:
        raise StartError(
            f"{name} is set, but encryption is not installed: pip install 'graphwright[encryption]'"
        ) from error
