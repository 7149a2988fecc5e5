"""Keys that change: what an old one wrote is read, and can be written anew with the current one."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from langgraph.checkpoint.serde.base import CipherProtocol, SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from graphwright_checkpoints.database import Database
from graphwright_checkpoints.errors import KeysNotUsable, ValueNotRead
from graphwright_checkpoints.serialization import Encoded


class Keys(CipherProtocol):
    """A cipher that encrypts with one key and decrypts with that and older ones."""

    def __init__(self, current: CipherProtocol, previous: Sequence[CipherProtocol]) -> None:
        self.current = current
        self.previous = previous

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        """Encrypt with the current key."""
        return self.current.encrypt(plaintext)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        """Decrypt with the key that fits, or raise the current one's error."""
        try:
            return self.current.decrypt(ciphername, ciphertext)
        except Exception:
            for cipher in self.previous:
                with suppress(Exception):
                    return cipher.decrypt(ciphername, ciphertext)
            raise


class Progress(NamedTuple):
    """How far `reencrypt` has come: values looked at, and those of them written anew."""

    seen: int
    rewritten: int


def with_previous(
    serde: SerializerProtocol | None, previous: Sequence[SerializerProtocol]
) -> EncryptedSerializer:
    """A serializer that writes as `serde` does and reads what the `previous` ones wrote too."""
    ciphers = [_encrypted(old, "one of old_serdes").cipher for old in previous]
    current = _encrypted(serde, "serde")
    return EncryptedSerializer(Keys(current.cipher, ciphers), current.serde)


def reencrypt(
    database: Database, serde: SerializerProtocol, progress: Callable[[Progress], object]
) -> Progress:
    """Write everything with the current key that was written with another one, or with none.

    It goes in small transactions beside other users of the database. One that was interrupted can
    be begun again: it skips what is done.
    """
    current = _encrypted(serde, "serde")
    done = Progress(0, 0)
    after: object = None
    while page := database.contents(after):
        changes = [
            (place, old, new)
            for place, old in page
            if (new := _recode(current, place, old)) is not None
        ]
        if changes:
            database.replace_contents(changes)
        after = page[-1][0]
        done = Progress(done.seen + len(page), done.rewritten + len(changes))
        progress(done)
    return done


def _recode(serde: EncryptedSerializer, place: object, content: Encoded) -> Encoded | None:
    """`content` as the current key writes it, or None if it did so already."""
    keys = serde.cipher if isinstance(serde.cipher, Keys) else Keys(serde.cipher, ())
    type_, _, name = content.type.partition("+")
    plain = content.data
    if name:
        with suppress(Exception):
            keys.current.decrypt(name, content.data)
            return None
        try:
            plain = keys.decrypt(name, content.data)
        except Exception as error:
            raise ValueNotRead(str(place), f"{error} (stored as {content.type!r})") from error
    name, data = keys.encrypt(plain)
    return Encoded(f"{type_}+{name}", data)


def _encrypted(serde: SerializerProtocol | None, which: str) -> EncryptedSerializer:
    if isinstance(serde, EncryptedSerializer):
        return serde
    kind = "missing" if serde is None else f"a {type(serde).__name__}"
    raise KeysNotUsable(
        f"keys can be changed between EncryptedSerializers only, and {which} is {kind}: pass"
        " EncryptedSerializer.from_pycryptodome_aes(key=…)."
    )
