"""Between Python values and bytes, with errors that name the channel."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from graphwright_checkpoints import media, surrogates
from graphwright_checkpoints.elements import Element
from graphwright_checkpoints.errors import ValueNotRead, ValueNotStored
from graphwright_checkpoints.media import Medium

MAX_VALUE = 990_000_000  # bytes; SQLite limits a row to 10^9 by default
DIGEST = 16  # bytes
HALF_CHARACTER = (
    "{} has a lone surrogate, half of a character, which would be lost."
    ' Clean the text first: text.encode("utf-8", "replace").decode()'
)


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
        self._dumps = self._plain.dumps_typed
        self.encode = self._serialize if self._cipher is None else self._serialize_and_seal

    def with_serde(self, serde: SerializerProtocol) -> "Codec":
        """The same digests with another serializer."""
        return Codec(serde, self.key)

    def element(self, channel: str, value: Any, many: bool) -> Element:
        """A value, or with `many` a list of small ones, as an element to be stored."""
        plain = self._serialize(channel, value)
        if media.is_likely(plain.data):
            rest, found = media.take_out(value)
            if found:
                return self._element_of_media(channel, rest, found)
        return self._element(plain, many)

    def _element_of_media(self, channel: str, rest: Any, found: Sequence[Medium]) -> Element:
        elements = []
        for medium in found:
            type_, data = self._serialize(channel, medium.data)
            elements.append(self._element(Encoded(media.TYPE + type_, data), many=False))
        # The digests are there for the element's own: it is another one with other media.
        holes = [
            [list(path), inner.digest] for (path, _), inner in zip(found, elements, strict=True)
        ]
        element = self._element(self._serialize(channel, [rest, holes]), many=False)
        element.media = tuple(elements)
        return element

    def is_whole(self, digest: bytes, many: bool, content: Encoded) -> bool:
        """Whether an element's bytes are those that were stored. A cipher sees to its own."""
        return "+" in content.type or self._digest(content, many) == digest

    def _element(self, plain: Encoded, many: bool) -> Element:
        return Element(self._digest(plain, many), many, *self._seal(plain))

    def _digest(self, plain: Encoded, many: bool) -> bytes:
        digest = hashlib.blake2b(
            plain.data,
            digest_size=DIGEST,
            key=self.key,
            person=plain.type.encode()[:15] + b"%d" % many,
        )
        return digest.digest()

    def decode(self, channel: str, content: Encoded) -> Any:
        """Read one value back, or raise `ValueNotRead` with the channel's name."""
        content = Encoded(content.type.removeprefix(media.TYPE), content.data)
        try:
            return self.serde.loads_typed(content)
        except Exception as error:
            raise ValueNotRead(channel, f"{error} (stored as {content.type!r})") from error

    def decode_with_media(self, channel: str, content: Encoded, found: Sequence[bytes]) -> Any:
        """Read back a value whose media were stored as elements of their own."""
        value, holes = self.decode(channel, content)
        return media.put_back(
            value, [Medium(path, data) for (path, _), data in zip(holes, found, strict=True)]
        )

    def _serialize_and_seal(self, channel: str, value: Any) -> Encoded:
        return self._seal(self._serialize(channel, value))

    def _serialize(self, channel: str, value: Any) -> Encoded:
        """Serialize one value, or raise `ValueNotStored` with the channel's name."""
        try:
            type_, data = self._dumps(value)
        except Exception as error:
            raise ValueNotStored(channel, _reason(channel, value, error)) from error
        if len(data) > MAX_VALUE:
            raise ValueNotStored(
                channel, f"it takes {len(data)} bytes and the limit is {MAX_VALUE}"
            )
        content = Encoded(type_, data if type(data) is bytes else bytes(data))
        # LangGraph's serializers leave a "?" where they replaced something.
        if b"?" in data:
            self._refuse_half_characters(channel, value, content)
        return content

    def _refuse_half_characters(self, channel: str, value: Any, content: Encoded) -> None:
        path = surrogates.find(value, channel)
        # Another serializer may know how to keep them.
        if path is not None and surrogates.find(self._plain.loads_typed(content), "") is None:
            raise ValueNotStored(channel, HALF_CHARACTER.format(path))

    def _seal(self, plain: Encoded) -> Encoded:
        if self._cipher is None:
            return plain
        cipher, data = self._cipher.encrypt(plain.data)
        return Encoded(f"{plain.type}+{cipher}", data)


def _reason(channel: str, value: Any, error: Exception) -> str:
    """Why a serializer refused a value: in keys of dicts it refuses half a character itself."""
    with suppress(RecursionError):  # of what contains itself
        if (path := surrogates.find(value, channel)) is not None:
            return HALF_CHARACTER.format(path)
    return f"{error} (a {type(value).__name__})"
