"""A connection to Redis: the names of its keys, its scripts, and its errors in our words."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import redis

from graphwright_checkpoints.errors import DatabaseUnavailable, InvalidURL
from graphwright_checkpoints.networked.rows import WriteRow, digest, thread_digest
from graphwright_checkpoints.networked.server import Disconnected
from graphwright_checkpoints.redis import scripts

FORMS = "redis://host:6379/0, rediss://… (TLS), redis+cluster://host:6379; ?prefix=name"
PREFIX = "graphwright"
SCANNED = 1000  # keys that Redis looks at before it answers

Client = redis.Redis | redis.RedisCluster


class Link:
    """A Redis server or cluster, and the prefix of the keys."""

    def __init__(self, url: str) -> None:
        scheme, _, rest = url.partition("://")
        name, _, driver = scheme.partition("+")
        parts = urlsplit(f"{'rediss' if name == 'rediss' else 'redis'}://{rest}")
        self.where = f"{scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        """The URL for people, without its password."""
        options = parse_qs(parts.query)
        self.prefix = options.pop("prefix", [PREFIX])[-1]
        self._url = urlunsplit(parts._replace(query=urlencode(options, doseq=True)))
        try:
            self._kind: Any = {"": redis.Redis, "cluster": redis.RedisCluster}[driver]
            # To see whether it can be read: neither call connects.
            redis.Redis.from_url(self._url).connection_pool.make_connection()
            if not re.fullmatch(r"/?\d*", parts.path):  # redis-py would take database 0
                raise ValueError(f"the database is a number, not {parts.path[1:]!r}")
        except (KeyError, ValueError, TypeError) as error:
            raise InvalidURL(f"{self.where}: {error}. Give {FORMS}.") from error
        self.client: Any = None

    def open(self) -> None:
        """Connect."""
        self.close()
        self.client = client = self._kind.from_url(self._url)
        self._scripts = {script: client.register_script(script) for script in scripts.ALL}

    def close(self) -> None:
        """Disconnect."""
        if self.client is not None:
            self.client.close()

    @property
    def settings(self) -> str:
        """The hash of what is not about a thread."""
        return f"{self.prefix}:keys"

    def keys(self, thread_id: str) -> list[str]:
        """The keys of a thread, in the order of `scripts.PARTS`."""
        tag = f"{self.prefix}:{{{thread_digest(thread_id)}}}"
        return [f"{tag}:{part}" for part in scripts.PARTS]

    def key(self, thread_id: str, part: str) -> str:
        """One of the keys of a thread."""
        return self.keys(thread_id)[scripts.PARTS.index(part)]

    def run(self, run_id: str) -> str:
        """The set of the threads that a run has written to."""
        return f"{self.prefix}:run:{digest(run_id)}"

    def do(self, script: str, thread_id: str, *arguments: Any) -> Any:
        """Run one of the scripts on a thread."""
        return self._scripts[script](keys=self.keys(thread_id), args=arguments)

    def of_all(self, part: str) -> list[str]:
        """One key of each thread that has it. Redis looks at every key for this."""
        # A prefix may have characters that mean something to MATCH.
        pattern = re.sub(r"([*?\[\]\\])", r"\\\1", self.prefix) + f":{{*}}:{part}"
        found = self.client.scan_iter(match=pattern, count=SCANNED)
        return sorted({name.decode() for name in found})

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Raise the driver's errors as ours, with what to do."""
        try:
            yield
        except redis.AuthenticationError as error:
            raise DatabaseUnavailable(
                f"{self.where}: {error}. Put the right user and password into the URL:"
                " redis://user:password@host."
            ) from error
        except (redis.ConnectionError, redis.TimeoutError) as error:
            said = str(error).rstrip(".")
            raise Disconnected(
                f"{self.where}: {said}. See that Redis runs and can be reached from here."
            ) from error
        except redis.OutOfMemoryError as error:
            raise DatabaseUnavailable(
                f"{self.where}: {error} Raise `maxmemory`, or delete threads."
            ) from error
        except redis.RedisError as error:
            raise DatabaseUnavailable(
                f"{self.where}: {error}. Redis refused the call: see its log and its configuration."
            ) from error


def field_of(write: WriteRow) -> str:
    """A write's key in its thread. Those of a checkpoint begin alike, see `scripts.FIND`."""
    place = hashlib.sha1(write.place.encode(), usedforsecurity=False).hexdigest()
    return place + write.name
