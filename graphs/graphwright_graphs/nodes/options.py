"""What may stand beside the kind of any node: how it is run, whatever it does.

The words and their meaning are those of LangGraph's `add_node`, RetryPolicy and CachePolicy.
"""

from __future__ import annotations

import builtins
from typing import Annotated, Any, Literal

from langchain_core.runnables import Runnable
from langgraph.types import RetryPolicy
from pydantic import Field

from graphwright_graphs import bodies
from graphwright_graphs.nodes.caching import Cached
from graphwright_graphs.nodes.node import Body, Scope
from graphwright_graphs.nodes.timing import Timed
from graphwright_graphs.problems import did_you_mean, quoted

YEAR = 31_536_000  # seconds

Attempts = Annotated[int, Field(ge=2, le=100)]
Seconds = Annotated[int, Field(ge=1, le=YEAR)]


class Retry(Body):
    """Calls a node again that failed; the words are those of LangGraph's RetryPolicy."""

    max_attempts: Attempts = 3
    """The first attempt included."""
    initial_interval: float = Field(default=0.5, ge=0, le=3600)
    """Seconds before the second attempt."""
    backoff_factor: float = Field(default=2.0, ge=1, le=100)
    max_interval: float = Field(default=128.0, ge=0, le=86_400)
    """Seconds."""
    jitter: bool = True
    retry_on: list[str] = Field(default_factory=list)
    """Exceptions, each Python's own or `module:Class`; without them, LangGraph's choice."""


class Cache(Body):
    """Keeps what a node returned; the words are those of LangGraph's CachePolicy."""

    ttl: Seconds | None = None
    """For how many seconds a result is used again; without it, while the process lives."""
    key: list[str] | None = Field(default=None, min_length=1)
    """The channels that the result depends on; without it, all of them."""


class Options(Body):
    """The words that any node may have beside its kind."""

    description: str | None = None
    """What the node is for: in the metadata of its events, and in drawings."""
    retry: Attempts | Retry | None = None
    """How many attempts, or more about them."""
    timeout: float | None = Field(default=None, gt=0, le=YEAR)
    """Seconds that one attempt may take."""
    cache: Seconds | Cache | None = None
    """For how many seconds a result is used again, or more about it."""
    interrupt: Literal["before", "after", "both"] | None = None
    """Where a run stops, until it is resumed."""
    defer: bool = False
    """Wait until nothing else of the run is left to do."""

    _policy: RetryPolicy | None = None

    @classmethod
    def read(cls, data: dict[str, Any], scope: Scope) -> Options:
        """The options among a node's words; what is wrong with them is reported."""
        words = {word: data[word] for word in WORDS if word in data}
        options = bodies.read(cls, words, scope.where, scope.problems)
        if options is None:
            return cls()
        options._policy = _policy(options.retry, scope)
        for at, name in enumerate(_key(options.cache) or ()):
            if name not in scope.channels:
                expected = f"a channel ({', '.join(scope.channels)})"
                place = (*scope.where, "cache", "key", at)
                scope.problems.unknown(place, name, expected, scope.channels)
        return options

    @property
    def stops_before(self) -> bool:
        """Whether a run stops before this node."""
        return self.interrupt in ("before", "both")

    @property
    def stops_after(self) -> bool:
        """Whether a run stops after this node."""
        return self.interrupt in ("after", "both")

    def arguments(self) -> dict[str, Any]:
        """What `StateGraph.add_node` is told."""
        metadata = {"description": self.description} if self.description else None
        return {"metadata": metadata, "retry_policy": self._policy, "defer": self.defer}

    def around(self, node: Runnable[Any, Any], name: str) -> Runnable[Any, Any]:
        """The node with its timeout and its cache: a result that is kept takes no time."""
        if self.timeout is not None:
            node = Timed(node, name, self.timeout)
        if self.cache is not None:
            ttl = self.cache.ttl if isinstance(self.cache, Cache) else self.cache
            node = Cached(node, name, ttl, _key(self.cache))
        return node


WORDS = tuple(Options.model_fields)
INNER_WORDS = ("description", "retry", "timeout", "cache")
"""The options of a node inside another: where a run stops and waits, the outer one says."""


def _key(cache: int | Cache | None) -> list[str] | None:
    return cache.key if isinstance(cache, Cache) else None


def _policy(retry: int | Retry | None, scope: Scope) -> RetryPolicy | None:
    if retry is None:
        return None
    if isinstance(retry, int):
        retry = Retry(max_attempts=retry)
    words = retry.model_dump(exclude={"retry_on"})
    if not retry.retry_on:
        return RetryPolicy(**words)
    found = [_exception(name, at, scope) for at, name in enumerate(retry.retry_on)]
    return RetryPolicy(**words, retry_on=[each for each in found if each is not None])


def _exception(name: str, at: int, scope: Scope) -> type[Exception] | None:
    place = (*scope.where, "retry", "retry_on", at)
    if ":" in name:
        found = scope.imports.find(name, scope.problems, place)
        if found is None:
            return None
    else:
        found = getattr(builtins, name, None)
    if isinstance(found, type) and issubclass(found, Exception):
        return found
    hint = did_you_mean(name, [each for each in dir(builtins) if each.endswith("Error")])
    expected = "an exception of Python or `module:Class`"
    scope.problems.report(place, quoted(name), expected, hint)
    return None
