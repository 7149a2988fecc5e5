"""Values of classes, which LangGraph's serializer reads as bare data where it cannot make them.

A graph may do with that for once. After an import it would have nothing else, and nobody would have
been told: what is stored is compared with what was read.
"""

import sys
from collections import Counter
from typing import Any

import ormsgpack
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from graphwright_checkpoints.errors import ClassMissing
from graphwright_checkpoints.serialization import Codec, Encoded

NAMED = range(6)  # LangGraph's extensions of msgpack that begin with a module and a name in it
OFFICIAL = {"langchain_core", "langgraph", *sys.stdlib_module_names} - {"__main__"}

Class = tuple[str, str]
"""A module, and a name in it."""


class SourceCodec(Codec):
    """Raises `ClassMissing` for values of classes that cannot be made here."""

    def __init__(self, serde: SerializerProtocol) -> None:
        super().__init__(serde, b"")

    def decode(self, channel: str, content: Encoded) -> Any:
        """`Codec.decode`, of a value that is what it was."""
        value = super().decode(channel, content)
        wanted = Counter({c: n for c, n in self._classes(content).items() if not _is_official(c)})
        if not wanted:
            return value
        made = self._classes(Encoded(*self.serde.dumps_typed(value)))
        for named, number in wanted.items():
            if made[_present(named)] < number:
                raise ClassMissing(channel, *named)
        return value

    def _classes(self, content: Encoded) -> Counter[Class]:
        """The classes that a serialized value names, and how often."""
        type_, _, cipher = content.type.partition("+")
        found: Counter[Class] = Counter()
        if type_ == "msgpack":
            data = content.data
            if cipher and isinstance(self.serde, EncryptedSerializer):
                data = self.serde.cipher.decrypt(cipher, data)
            _collect(data, found)
        return found


def _collect(data: bytes, found: Counter[Class]) -> Any:
    def note(code: int, inner: bytes) -> None:
        parts = _collect(inner, found)
        if code in NAMED:
            found[parts[0], parts[1]] += 1

    return ormsgpack.unpackb(data, ext_hook=note, option=ormsgpack.OPT_NON_STR_KEYS)


def _is_official(named: Class) -> bool:
    return named[0].partition(".")[0] in OFFICIAL


def _present(named: Class) -> Class:
    """The name that a class has today, which may have moved. Imports nothing."""
    found = getattr(sys.modules.get(named[0]), named[1], None)
    return (found.__module__, found.__name__) if isinstance(found, type) else named
