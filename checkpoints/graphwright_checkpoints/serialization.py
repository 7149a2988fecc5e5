"""Between Python values and bytes, with errors that name the channel."""

import hashlib
from typing import Any, NamedTuple

from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from graphwright_checkpoints import surrogates
from graphwright_checkpoints.elements import Element
from graphwright_checkpoints.errors import ValueNotRead, ValueNotStored

MAX_VALUE = 990_000_000  # bytes; SQLite limits a row to 10^9 by default
DIGEST = 16  # bytes


class Encoded(NamedTuple):
    """A value as the serializer left it."""

    type: str
    data: bytes


class Codec:
    """A serializer, and the digests of what it writes.

    Digests are of the plain text, because a cipher makes something new of it each time. `key` keeps
    them from telling what it was: without it nobody can try guesses against a stolen file. The
    database keeps the key, encrypted by the same serializer.
    """

    def __init__(self, serde: SerializerProtocol, key: bytes) -> None:
        self.serde = serde
        self.key = key
        self._cipher = serde.cipher if isinstance(serde, EncryptedSerializer) else None
        self._plain = serde.serde if isinstance(serde, EncryptedSerializer) else serde

    def with_serde(self, serde: SerializerProtocol) -> "Codec":
        """The same digests with another serializer."""
        return Codec(serde, self.key)

    def encode(self, channel: str, value: Any) -> Encoded:
        """Serialize one value, or raise `ValueNotStored` with the channel's name."""
        return self._seal(self._serialize(channel, value))

    def element(self, channel: str, value: Any, many: bool) -> Element:
        """A value, or with `many` a list of small ones, as an element to be stored."""
        plain = self._serialize(channel, value)
        digest = hashlib.blake2b(
            plain.data,
            digest_size=DIGEST,
            key=self.key,
            person=plain.type.encode()[:15] + b"%d" % many,
        )
        return Element(digest.digest(), many, *self._seal(plain))

    def decode(self, channel: str, content: Encoded) -> Any:
        """Read one value back, or raise `ValueNotRead` with the channel's name."""
        try:
            return self.serde.loads_typed(content)
        except Exception as error:
            raise ValueNotRead(channel, f"{error} (stored as {content.type!r})") from error

    def _serialize(self, channel: str, value: Any) -> Encoded:
        try:
            type_, data = self._plain.dumps_typed(value)
        except Exception as error:
            raise ValueNotStored(channel, f"{error} (a {type(value).__name__})") from error
        if len(data) > MAX_VALUE:
            raise ValueNotStored(
                channel, f"it takes {len(data)} bytes and the limit is {MAX_VALUE}"
            )
        content = Encoded(type_, bytes(data))
        # LangGraph's serializers leave a "?" where they replaced something.
        if b"?" in content.data:
            self._refuse_half_characters(channel, value, content)
        return content

    def _refuse_half_characters(self, channel: str, value: Any, content: Encoded) -> None:
        path = surrogates.find(value, channel)
        # Another serializer may know how to keep them.
        if path is not None and surrogates.find(self._plain.loads_typed(content), "") is None:
            raise ValueNotStored(
                channel,
                f"{path} has a lone surrogate, half of a character, which would be lost."
                ' Clean the text first: text.encode("utf-8", "replace").decode()',
            )

    def _seal(self, plain: Encoded) -> Encoded:
        if self._cipher is None:
            return plain
        cipher, data = self._cipher.encrypt(plain.data)
        return Encoded(f"{plain.type}+{cipher}", data)
