"""The options of a node, as what `add_node` is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphwright_graphs.edges import langgraph_name
from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.module import Module
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes.options import Cache, Options, Retry


def words(options: Options, writing: Writing, leads: Sequence[str] = ()) -> Iterator[str]:
    """The keyword arguments beside a node's name and function."""
    module = writing.module
    if leads:
        ends = tuple(dict.fromkeys(langgraph_name(target) for target in leads))
        yield f"destinations={literal(ends)}"
    if options.description:
        yield f"metadata={literal({'description': options.description})}"
    if options.retry is not None:
        policy = module.imported("langgraph.types", "RetryPolicy")
        yield f"retry_policy={policy}({', '.join(_retry(options.retry, writing))})"
    if options.timeout is not None:
        yield f"timeout={literal(options.timeout)}"
    if options.cache is not None:
        policy = module.imported("langgraph.types", "CachePolicy")
        yield f"cache_policy={policy}({', '.join(_cache(options.cache))})"
    if options.defer:
        yield "defer=True"


def _retry(retry: int | Retry, writing: Writing) -> Iterator[str]:
    if isinstance(retry, int):
        yield f"max_attempts={retry}"
        return
    usual = Retry()
    for word in ("max_attempts", "initial_interval", "backoff_factor", "max_interval", "jitter"):
        value = getattr(retry, word)
        if value != getattr(usual, word):
            yield f"{word}={literal(value)}"
    if retry.retry_on:
        yield f"retry_on=({', '.join(_exception(name, writing) for name in retry.retry_on)},)"


def _exception(name: str, writing: Writing) -> str:
    """An exception of Python's own by its name, any other imported."""
    return writing.imported(name) if ":" in name else name


def _cache(cache: int | Cache) -> Iterator[str]:
    ttl = cache.ttl if isinstance(cache, Cache) else cache
    if ttl is not None:
        yield f"ttl={ttl}"
    if isinstance(cache, Cache) and cache.key:
        names = ", ".join(f"state.get({literal(name)})" for name in cache.key)
        yield f"key_func=lambda state: repr(({names},))"


def cache(module: Module) -> str:
    """The keyword argument of `compile` for a graph that has nodes with a cache."""
    return f"cache={module.imported('langgraph.cache.memory', 'InMemoryCache')}()"
