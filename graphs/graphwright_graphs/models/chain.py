"""Asking models until one answers: the same one again after a pause, then the next."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Generator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, RemoveMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import merge_configs
from langgraph.constants import TAG_NOSTREAM
from langgraph.graph.message import push_message

from graphwright_graphs.models.conversations import cached, fitting
from graphwright_graphs.models.failures import Failure, passing
from graphwright_graphs.models.limits import Gate
from graphwright_graphs.models.words import Retry


@dataclass(frozen=True)
class Link:
    """A model of a chain, with tools or a schema bound to it, and how it is asked."""

    name: str
    model: Runnable[Any, Any]
    retry: Retry
    cache: bool = False
    gate: Gate | None = None

    @property
    def provider(self) -> str:
        """The part of its name before the colon."""
        return self.name.partition(":")[0]

    def prepared(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        """The messages as this model takes them."""
        fit = fitting(messages, self.provider)
        return cached(fit, self.provider) if self.cache else fit

    def turn(self) -> AbstractContextManager[None]:
        """Wait, in a thread, until the provider may be asked."""
        return self.gate.turn() if self.gate else nullcontext()

    def aturn(self) -> AbstractAsyncContextManager[None]:
        """Wait, on an event loop, until the provider may be asked."""
        return self.gate.aturn() if self.gate else nullcontext()


class Shown(BaseCallbackHandler):
    """Notes the message of which a client has seen the beginning."""

    run_inline = True

    def __init__(self) -> None:
        self._hidden: set[UUID] = set()
        self.message: BaseMessage | None = None

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        tags: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Leave out a model whose tokens no client sees."""
        if TAG_NOSTREAM in (tags or ()):
            self._hidden.add(run_id)

    def on_llm_new_token(
        self,
        token: Any,
        *,
        chunk: Any = None,
        run_id: UUID,
        **kwargs: Any,
    ) -> None:
        """Keep the first part; the others of its message have the same id."""
        is_part = isinstance(chunk, ChatGenerationChunk) and run_id not in self._hidden
        if self.message is None and is_part:
            self.message = chunk.message

    def withdraw(self) -> None:
        """Take the message back from the graph's stream, in LangGraph's word for it."""
        if self.message is not None and self.message.id:
            # Outside of a graph there is no stream, nor what LangGraph looks for it in.
            with suppress(RuntimeError, KeyError, UnboundLocalError):
                push_message(RemoveMessage(id=self.message.id), state_key=None)


Try = tuple[Link, RunnableConfig, float]
Tries = Generator[Try, Any, Any]


class Chain(Runnable[Sequence[BaseMessage], Any]):
    """Asks the first model, and the next where it fails in a way that is not the request's fault.

    A message of which a beginning was streamed when its model failed is withdrawn, so that what
    follows is a message of its own. An answer of another model than the first says in its
    `response_metadata["instead_of"]` which ones failed.
    """

    def __init__(self, links: Sequence[Link]) -> None:
        self.links = tuple(links)

    def invoke(
        self, input: Sequence[BaseMessage], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Any:
        """The first answer. Raises what the last model raised."""
        tries, sent = self._tries(config or {}), None
        while True:
            try:
                link, watched, pause = tries.send(sent)
            except StopIteration as done:
                return done.value
            if pause:
                time.sleep(pause)
            try:
                with link.turn():
                    sent = link.model.invoke(link.prepared(input), watched, **kwargs)
            except Exception as error:  # what it means is for `_tries` to say
                sent = error

    async def ainvoke(
        self, input: Sequence[BaseMessage], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Any:
        """The first answer, waiting on the event loop. Raises what the last model raised."""
        tries, sent = self._tries(config or {}), None
        while True:
            try:
                link, watched, pause = tries.send(sent)
            except StopIteration as done:
                return done.value
            if pause:
                await asyncio.sleep(pause)
            try:
                async with link.aturn():
                    sent = await link.model.ainvoke(link.prepared(input), watched, **kwargs)
            except Exception as error:  # what it means is for `_tries` to say
                sent = error

    def _tries(self, config: RunnableConfig) -> Tries:
        """Yields whom to ask after how many seconds, and is sent an answer or an exception."""
        failed: list[str] = []
        for link in self.links:
            attempt, pause = 1, 0.0
            while True:
                is_last = link is self.links[-1]
                # What fails for good is not withdrawn, so that nobody has to watch it.
                shown = None if is_last and attempt >= link.retry.attempts else Shown()
                watched = merge_configs(config, {"callbacks": [shown]}) if shown else config
                answer = yield link, watched, pause
                if not isinstance(answer, Exception):
                    return _marked(answer, failed)
                failure = passing(answer)
                again = _pause(link.retry, attempt, failure)
                if failure is None or (again is None and is_last):
                    raise _noted(answer, failed)
                if shown:
                    shown.withdraw()
                if again is None:
                    break
                attempt, pause = attempt + 1, again
            failed.append(f"{link.name}: {type(answer).__name__}")


def _pause(retry: Retry, attempt: int, failure: Failure | None) -> float | None:
    """The seconds before the next attempt; None when there is none."""
    if failure is None or not failure.again or attempt >= retry.attempts:
        return None
    if failure.after is not None:
        return failure.after if failure.after <= retry.longest else None
    return min(retry.wait * 2.0 ** (attempt - 1), retry.longest) * random.uniform(0.75, 1.25)


def _noted(error: Exception, failed: Sequence[str]) -> Exception:
    for line in failed:
        error.add_note(f"before it failed {line}")
    return error


def _marked(answer: Any, failed: Sequence[str]) -> Any:
    """An answer, or the raw one behind data, that says whose place it takes."""
    message = answer.get("raw") if isinstance(answer, dict) else answer
    if failed and isinstance(message, AIMessage):
        message.response_metadata["instead_of"] = list(failed)
    return answer
