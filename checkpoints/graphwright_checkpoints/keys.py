"""The keys of blobs: a name of their database, one of their thread, and their element's digest.

Names are digests under the database's own key: they tell nothing to whoever may list a store, and
databases that share a store do not meet.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable
from typing import Final

FORM: Final = re.compile("[0-9a-f]{32}/[0-9a-f]{32}/[0-9a-f]{32}-[0-9a-f]{16}")


class Keys:
    """Makes the keys for one database."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.database = self._name(b"database", b"")
        """What each of its keys begins with."""

    def folder(self, thread_id: str) -> str:
        """What the keys of a thread begin with."""
        thread = self._name(b"thread", thread_id.encode(errors="surrogatepass"))
        return f"{self.database}/{thread}"

    def _name(self, purpose: bytes, text: bytes) -> str:
        return hashlib.blake2b(text, digest_size=16, key=self._secret, person=purpose).hexdigest()


def names(folder: str, digests: Iterable[bytes]) -> list[str]:
    """What the keys of elements begin with."""
    return [f"{folder}/{digest.hex()}" for digest in digests]


def new_keys(folder: str, digests: Iterable[bytes]) -> dict[bytes, str]:
    """A key for each element, which no blob has had before."""
    return {digest: f"{folder}/{digest.hex()}-{secrets.token_hex(8)}" for digest in digests}


def is_key(name: str) -> bool:
    """Whether a name in a store can be that of a blob."""
    return FORM.fullmatch(name) is not None


def renewed(key: str) -> str:
    """Another key, which no blob has had before, for the element that a key was made for."""
    return f"{key.rpartition('-')[0]}-{secrets.token_hex(8)}"


def digest_in(key: str) -> bytes:
    """The digest of the element that a key was made for."""
    return bytes.fromhex(key.rpartition("/")[2].partition("-")[0])
