"""Which model a node calls in a run, with the node's tools or schema bound to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool

from graphwright_graphs.models import Models
from graphwright_graphs.models.chain import Chain, Link
from graphwright_graphs.models.words import RETRIES, Candidate, Model, candidates
from graphwright_graphs.nodes import structured

Bind = Callable[[BaseChatModel], Runnable[Any, Any]]


class Binding:
    """A node's models, chosen per run and bound once.

    A node that names its own model keeps it. Any other takes the run's `configurable.model`, which
    comes from a caller and so must be one that is allowed, or else the default.
    """

    def __init__(self, models: Models, own: Model | None, bind: Bind) -> None:
        self._models = models
        self._candidates = candidates(own)
        self._is_free = any(each.name is None for each in self._candidates)
        self._bind = bind
        self._bound: dict[str | None, Chain] = {}
        for each in self._candidates:
            if each.name or each.options:
                options = {key: each.options[key] for key in each.options if key != RETRIES}
                models.named.append((each.name or models.default, options))

    def for_run(self, config: RunnableConfig) -> Chain:
        """The bound models of this run. Raises models.ModelNotAllowed for one not on the list."""
        asked = self._asked_for(config) if self._is_free else None
        if asked not in self._bound:
            self._bound[asked] = Chain([self._link(each, asked) for each in self._candidates])
        return self._bound[asked]

    def _link(self, candidate: Candidate, asked: str | None) -> Link:
        spec = candidate.name or asked
        options = {"options": candidate.options} if candidate.options else {}
        bound = self._bind(self._models.get(spec, **options))
        name = spec or self._models.default
        gate = self._models.limits.gate(name.partition(":")[0])
        return Link(name, bound, candidate.retry, candidate.cache, gate)

    def _asked_for(self, config: RunnableConfig) -> str | None:
        asked = (config.get("configurable") or {}).get("model")
        if asked is None:
            return None
        # Stripped as the catalogue does: each spelling would else be bound and kept.
        spec = str(asked).strip()
        self._models.allow(spec)
        return spec


def with_tools(tools: Sequence[BaseTool]) -> Bind:
    """Bind tools; without any, the model as it is (some providers refuse an empty list)."""
    return lambda model: model.bind_tools(tools) if tools else model


def with_schema(schema: dict[str, Any]) -> Bind:
    """Ask for structured output; the parsed value arrives with the node's update."""
    return lambda model: structured.bound(model, schema)
