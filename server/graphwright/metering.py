"""What the models of a run take and give, as LangChain tells it while they run.

Every chat model that runs inside a graph is counted, whoever made it: LangChain hands a run's
callbacks down to it.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, LLMResult

from graphwright.prices import Prices, Tokens
from graphwright_graphs.models.failures import was_refused

DEMO = "graphwright"  # the provider of the demo model, whose rules use no tokens

# Providers whose name in LangChain's metadata is another than in `provider:model`.
PROVIDERS = {
    "amazon_bedrock": "bedrock_converse",
    "azure": "azure_openai",
    "mistral": "mistralai",
}


@dataclass
class Use:
    """What one node of a run used of one model."""

    node: str
    model: str
    calls: int = 0
    unmetered: int = 0
    """Calls that did not say what they used: streams that were cut or cancelled, mostly."""
    tokens: Tokens = field(default_factory=Tokens)
    cost: float | None = None

    def add(self, usage: UsageMetadata | None) -> None:
        """Count one call."""
        self.calls += 1
        if usage is None:
            self.unmetered += 1
            return
        details = usage.get("input_token_details")
        self.tokens.input += usage["input_tokens"]
        self.tokens.output += usage["output_tokens"]
        self.tokens.cache_read += _detail(details, "cache_read")
        # Anthropic's two times to live stand in the place of `cache_creation`.
        self.tokens.cache_write += _detail(details, "cache_creation", "ephemeral")
        self.tokens.reasoning += _detail(usage.get("output_token_details"), "reasoning")


Key = tuple[str, str]


class Meter(BaseCallbackHandler):
    """Counts the use of models in one attempt of a run."""

    run_inline = True

    def __init__(self, prices: Prices | None = None) -> None:
        self._prices = prices or Prices()
        self._open: dict[UUID, Key] = {}
        self._uses: dict[Key, Use] = {}
        self._lock = threading.Lock()

    @property
    def ignore_chain(self) -> bool:
        """Only models are counted."""
        return True

    @property
    def ignore_agent(self) -> bool:
        """Only models are counted: not tools, which LangChain has under this word."""
        return True

    @property
    def ignore_retriever(self) -> bool:
        """Only models are counted."""
        return True

    @property
    def ignore_custom_event(self) -> bool:
        """Only models are counted."""
        return True

    def uses(self) -> Sequence[Use]:
        """What was used so far; calls that have not ended by now are unmetered."""
        with self._lock:
            for key in self._open.values():
                self._count(key, None)
            self._open.clear()
            for use in self._uses.values():
                use.cost = self._prices.cost(use.model, use.tokens)
            return list(self._uses.values())

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Note the node and the model of a call."""
        about = metadata or {}
        provider = str(about.get("ls_provider") or "unknown")
        if provider != DEMO:
            model = f"{PROVIDERS.get(provider, provider)}:{about.get('ls_model_name') or 'unknown'}"
            with self._lock:
                self._open[run_id] = str(about.get("langgraph_node") or ""), model

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """Count a call that has ended."""
        with self._lock:
            if key := self._open.pop(run_id, None):
                self._count(key, _usage(response))

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Count a call that failed on the way; one that was refused is free."""
        response = kwargs.get("response")
        with self._lock:
            key = self._open.pop(run_id, None)
            if key and not was_refused(error):
                self._count(key, _usage(response) if isinstance(response, LLMResult) else None)

    def _count(self, key: Key, usage: UsageMetadata | None) -> None:
        self._uses.setdefault(key, Use(*key)).add(usage)


def _usage(response: LLMResult) -> UsageMetadata | None:
    for generation in (each for several in response.generations for each in several):
        if isinstance(generation, ChatGeneration) and isinstance(generation.message, AIMessage):
            return generation.message.usage_metadata
    return None


def _detail(details: Mapping[str, Any] | None, *kinds: str) -> int:
    """The tokens of some kinds; a provider may tell them by its tiers (`priority_cache_read`)."""
    counts = (
        count
        for name, count in (details or {}).items()
        if any(kind in name for kind in kinds) and isinstance(count, int)
    )
    return sum(counts)
