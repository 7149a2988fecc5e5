"""Names as Postgres can hold them: its text has no NUL, and its indexes no long keys."""

import hashlib

from graphwright_checkpoints.errors import ValueNotStored


def escape(name: str) -> str:
    """A name without NUL. Names without control characters stay; the order of names stays too.

    Raises `ValueNotStored` for what is not valid Unicode.
    """
    if name.isprintable():  # most are: neither control characters nor halves of others
        return name
    if not name.isascii():
        _encode(name)
    if "\x00" in name or "\x01" in name:
        return name.replace("\x01", "\x01\x02").replace("\x00", "\x01\x01")
    return name


def unescape(escaped: str) -> str:
    """The name that `escape` was given."""
    if "\x01" in escaped:
        return escaped.replace("\x01\x01", "\x00").replace("\x01\x02", "\x01")
    return escaped


def hash_of(thread_id: str) -> bytes:
    """What a thread is found by: its id may be long, and an index takes 2.7 kB."""
    return hashlib.sha256(_encode(thread_id)).digest()


def _encode(name: str) -> bytes:
    try:
        return name.encode()
    except UnicodeEncodeError as error:
        raise ValueNotStored(
            "address", f"a thread id, a namespace or a name is not valid Unicode ({error})"
        ) from error
