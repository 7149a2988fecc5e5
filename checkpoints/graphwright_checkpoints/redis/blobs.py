"""The keys of blobs in Redis.

What deletes elements dooms their blobs in the same script, and so in the thread's own slot. Which
threads have doomed blobs Redis does not say without a look at every key: so that is done once an
hour, and this process keeps in mind what it does itself.
"""

import time
from collections.abc import Collection, Iterable, Sequence

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.redis.link import Link

AGAIN = 3600.0  # seconds between two looks at every key
READ = 500  # keys of one read


class RedisBlobs:
    """The keys under one prefix."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._looked = -AGAIN
        # The sets that may have something in them, and the one that each key was found in.
        self._sets: set[str] = set()
        self._found: dict[str, str] = {}

    def numbers(self, shelf: Shelf) -> Iterable[int]:
        with self._link.explained():
            found = self._link.client.hkeys(self._link.key(shelf.thread_id, "blobs"))
        return [int(number) for number in found]

    def kept(self, keys: Collection[str]) -> Collection[str]:
        asked = {*keys}
        kept: set[str] = set()
        with self._link.explained():
            for name in self._link.of_all("blobs"):
                kept.update(asked & {blob.decode() for blob in self._link.client.hvals(name)})
        return kept

    def doom(self, shelf: Shelf, keys: Collection[str]) -> None:
        with self._link.explained():
            self._link.client.sadd(self._link.key(shelf.thread_id, "doomed"), *keys)
        self.look_into(shelf.thread_id)

    def look_into(self, thread_id: str) -> None:
        """Keep in mind that a thread may have doomed blobs."""
        self._sets.add(self._link.key(thread_id, "doomed"))

    def doomed(self) -> Sequence[str]:
        with self._link.explained():
            if not self._sets and time.monotonic() - self._looked >= AGAIN:
                self._looked = time.monotonic()
                self._sets.update(self._link.of_all("doomed"))
            for name in sorted(self._sets):
                if found := self._link.client.srandmember(name, READ):
                    keys = [key.decode() for key in found]
                    self._found.update(dict.fromkeys(keys, name))
                    return keys
                self._sets.discard(name)
        return []

    def forget(self, keys: Collection[str]) -> None:
        with self._link.explained():
            for key in keys:
                if (name := self._found.pop(key, None)) is not None:
                    self._link.client.srem(name, key)
