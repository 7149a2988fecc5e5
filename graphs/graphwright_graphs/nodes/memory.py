"""The kind `memory`: what outlives a conversation is read from the store, and written to it.

The store is LangGraph's: whoever serves the graph brings it. A namespace is a list of labels, each
a template, so that one user's memories are apart from another's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_config
from langgraph.runtime import get_runtime
from langgraph.store.base import BaseStore
from pydantic import Field, model_validator

from graphwright_graphs import prompts
from graphwright_graphs.context import Setting
from graphwright_graphs.errors import StoreError
from graphwright_graphs.nodes.filling import filler
from graphwright_graphs.nodes.node import Act, Body, Do, Node, Scope, State, Work
from graphwright_graphs.problems import path_text, shown
from graphwright_graphs.prompts import Template

USER = "langgraph_auth_user_id"
"""What a namespace may name beside channels: the user whom authentication knows."""


class Place(Body):
    """Where a memory is."""

    namespace: list[str] = Field(min_length=1)
    key: str


class Read(Place):
    """Gives the value under a key, or null."""

    output: str


class Write(Body):
    """Keeps an object under a key."""

    namespace: list[str] = Field(min_length=1)
    key: str | None = None
    """Without one, it is made of the value: the same memory is kept once."""
    value: dict[str, Any] = Field(min_length=1)
    """A text `{channel}` alone in it is the channel's value as data."""


class Search(Body):
    """Gives memories as a list of `{key, value}`."""

    namespace: list[str] = Field(min_length=1)
    """Its beginning is enough."""
    query: str | None = None
    """What they should be about, where the store has an index; without, the newest."""
    filter: dict[str, Any] = Field(default_factory=dict)
    """Values that theirs must have."""
    limit: int = Field(default=10, ge=1, le=1000)
    output: str


class Memory(Body):
    """The words of a `memory` node: one of `read`, `write`, `search` and `delete`."""

    read: Read | None = None
    write: Write | None = None
    search: Search | None = None
    delete: Place | None = None

    @model_validator(mode="after")
    def _one_use(self) -> Memory:
        uses = (self.read, self.write, self.search, self.delete)
        if sum(use is not None for use in uses) != 1:
            raise ValueError("exactly one of read, write, search or delete")
        return self


class MemoryKind:
    """Uses the store; its words are those of `Memory`."""

    word = "memory"
    body = Memory
    short = None

    def build(self, body: Memory, scope: Scope) -> Node:
        """The node that reads, writes, searches or deletes."""
        if body.read is not None:
            return Node(_read(body.read, scope), scope.name)
        if body.write is not None:
            return Node(_write(body.write, scope), scope.name)
        if body.search is not None:
            return Node(_search(body.search, scope), scope.name)
        assert body.delete is not None  # the model has one of the four
        return Node(_delete(body.delete, scope), scope.name)


def _read(body: Read, scope: Scope) -> Act:
    place = _Namespace(body.namespace, scope, "read")
    key = scope.template(body.key, "read", "key")
    scope.channel(body.output, "read", "output")

    def act(state: State, config: RunnableConfig) -> Work:
        store, where, name = _store(scope), place.of(state), key.render(state)
        item = yield Do(lambda: store.aget(where, name), lambda: store.get(where, name))
        return {body.output: None if item is None else item.value}

    return act


def _write(body: Write, scope: Scope) -> Act:
    place = _Namespace(body.namespace, scope, "write")
    key = scope.template(body.key, "write", "key") if body.key is not None else None
    fill = filler(body.value, scope, "write", "value")

    def act(state: State, config: RunnableConfig) -> Work:
        store, where, value = _store(scope), place.of(state), fill(state)
        name = key.render(state) if key else key_of(value)
        yield Do(lambda: store.aput(where, name, value), lambda: store.put(where, name, value))
        return {}

    return act


def _search(body: Search, scope: Scope) -> Act:
    place = _Namespace(body.namespace, scope, "search")
    query = scope.template(body.query, "search", "query") if body.query is not None else None
    fill = filler(body.filter, scope, "search", "filter")
    scope.channel(body.output, "search", "output")

    def act(state: State, config: RunnableConfig) -> Work:
        store, where = _store(scope), place.of(state)
        words: dict[str, Any] = {
            "query": query.render(state) if query else None,
            "filter": fill(state) or None,
            "limit": body.limit,
        }
        found = yield Do(
            lambda: store.asearch(where, **words), lambda: store.search(where, **words)
        )
        return {body.output: [{"key": item.key, "value": item.value} for item in found]}

    return act


def _delete(body: Place, scope: Scope) -> Act:
    place = _Namespace(body.namespace, scope, "delete")
    key = scope.template(body.key, "delete", "key")

    def act(state: State, config: RunnableConfig) -> Work:
        store, where, name = _store(scope), place.of(state), key.render(state)
        yield Do(lambda: store.adelete(where, name), lambda: store.delete(where, name))
        return {}

    return act


class _User(Setting):
    """The user whom authentication knows, read like a setting."""

    def empty(self) -> Any:
        return (get_config().get("configurable") or {}).get(USER)

    def missing(self, name: str) -> str:
        return "the user who is signed in, and there is none: turn authentication on"


class _Namespace:
    """A namespace of the store, whose labels are filled in from the state."""

    def __init__(self, labels: Sequence[str], scope: Scope, word: str) -> None:
        self._node = scope.name
        readable = {**scope.readable, USER: _User()}
        self._labels: list[Template] = []
        for at, label in enumerate(labels):
            place = scope.place(word, "namespace", at)
            if not label.strip():
                scope.problems.report(place, shown(label), "a label that is not empty")
            template = prompts.parse(label, readable, scope.problems, place, path_text(place))
            self._labels.append(template)

    def of(self, state: State) -> tuple[str, ...]:
        """The labels. Raises StoreError for an empty one, which would be everybody's."""
        labels = [template.render(state).strip() for template in self._labels]
        if not all(labels):
            raise StoreError(
                f"node `{self._node}`: label {labels.index('') + 1} of its namespace is empty: "
                "give the channel that it names a value"
            )
        return tuple(map(label, labels))


def label(text: str) -> str:
    """A label of a namespace. Raises ValueError for an empty one, which would be everybody's."""
    if not text.strip():
        raise ValueError("a label of a namespace is empty")
    # LangGraph allows no dot, which most e-mail addresses have.
    return text.strip().replace("%", "%25").replace(".", "%2E")


def _store(scope: Scope) -> BaseStore:
    store = get_runtime().store
    if store is None:
        raise StoreError(
            f"node `{scope.name}` needs a store and the graph has none: serve it with Graphwright, "
            "or set one in Python (graph.store = InMemoryStore())"
        )
    return store


def key_of(value: Mapping[str, Any]) -> str:
    """The key of a value that has none of its own: the same value is kept once."""
    written = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(written.encode()).hexdigest()[:32]
