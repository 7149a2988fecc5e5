"""What a node returned, kept for when it is asked the same again.

LangGraph's own cache knows a node's input alone. Here the run's context and `configurable` count
too, which may be another person's; routing is not kept, since conditions may read other channels;
messages are new ones in each run; and memory is bounded.
"""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import fields, is_dataclass
from typing import Any
from uuid import uuid4

from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.runtime import get_runtime
from pydantic import BaseModel

from graphwright_graphs.nodes.wrapping import Wrapped

MAX_RESULTS = 1_000  # of one node; the one that was longest unused is forgotten first

# Which run it is, and where in it, says nothing about what a node would return.
_PLACES = ("thread_id", "run_id", "checkpoint_id", "checkpoint_ns", "checkpoint_map")


class Cached(Wrapped):
    """A node whose results are used again, for the same channels, context and `configurable`.

    Args:
        node: what is run when nothing was kept.
        name: the node's.
        ttl: for how many seconds a result is used again; None for as long as there is room.
        channels: those that a result depends on; None for all.
    """

    def __init__(
        self, node: Runnable[Any, Any], name: str, ttl: float | None, channels: Sequence[str] | None
    ) -> None:
        super().__init__(node, name)
        self._channels = channels
        self._results = Results(ttl)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """What was returned before, or what the node returns now."""
        key = self._key(input, config or {})
        if (kept := self._results.get(key)) is not None:
            return kept[0]
        result = self.node.invoke(input, config, **kwargs)
        self._keep(key, input, result)
        return result

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """The same, on the event loop."""
        key = self._key(input, config or {})
        if (kept := self._results.get(key)) is not None:
            return kept[0]
        result = await self.node.ainvoke(input, config, **kwargs)
        self._keep(key, input, result)
        return result

    def _key(self, input: Any, config: RunnableConfig) -> bytes:
        configurable = config.get("configurable") or {}
        own = {
            name: value
            for name, value in configurable.items()
            if not name.startswith("__") and name not in _PLACES
        }
        if self._channels is not None and isinstance(input, Mapping):
            input = {name: input.get(name) for name in self._channels}
        return fingerprint([input, get_runtime().context, own])

    def _keep(self, key: bytes, input: Any, result: Any) -> None:
        asked = {message.id for message in _messages(input)}
        # An id of this conversation, as a removal has, means nothing in another one.
        if not any(
            message.id in asked or message.type == "remove" for message in _messages(result)
        ):
            self._results.put(key, result)


class Results:
    """Results by key, for some time, and as many as there is room for. Any thread may use it."""

    def __init__(self, ttl: float | None, limit: int = MAX_RESULTS) -> None:
        self._ttl = ttl
        self._limit = limit
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, tuple[float, Any]] = OrderedDict()

    def get(self, key: bytes) -> tuple[Any] | None:
        """A copy of the result, in a tuple, since a result may be None."""
        with self._lock:
            until, result = self._kept.get(key, (0.0, None))
            if until <= time.monotonic():
                self._kept.pop(key, None)
                return None
            self._kept.move_to_end(key)
        return (deepcopy(result),)

    def put(self, key: bytes, result: Any) -> None:
        """Keep a copy. Its messages lose their ids: with the same one, the next would replace it in
        the conversation instead of being its next message.
        """
        try:
            copy = deepcopy(result)
        except Exception:  # a result with a connection, a lock or the like is used once
            return
        for message in _messages(copy):
            message.id = None
        until = float("inf") if self._ttl is None else time.monotonic() + self._ttl
        with self._lock:
            self._kept[key] = (until, copy)
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)


def fingerprint(value: Any) -> bytes:
    """A digest that is the same for values that say the same; ids of messages say nothing."""
    text = json.dumps(value, default=_plain, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseMessage):
        return value.model_dump(exclude={"id"})
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    try:
        return base64.b85encode(pickle.dumps(value)).decode()
    except Exception:  # objects raise what they like; what can't be compared is never the same
        return uuid4().hex


def _messages(value: Any) -> Iterator[BaseMessage]:
    """Every message in an update or a state."""
    if isinstance(value, BaseMessage):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _messages(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _messages(each)
