"""The kind `human`: the run waits until a person has answered."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt
from pydantic import Field, model_validator

from graphwright_graphs import approval
from graphwright_graphs.nodes.node import Act, Body, Node, Scope, State, Work


class Human(Body):
    """The words of a `human` node: `approve` or `ask`."""

    approve: list[str] = Field(default_factory=list)
    """Tools whose calls wait for a person; calls of other tools pass."""
    messages: str | None = None
    """The messages channel whose tool calls are looked at."""
    ask: str | None = None
    """A question, as a template; the answer goes to `output`."""
    output: str | None = None

    @model_validator(mode="after")
    def _one_use(self) -> Human:
        if bool(self.approve) == (self.ask is not None):
            raise ValueError("either `approve` with a list of tools, or `ask` with a question")
        return self


class HumanKind:
    """Interrupts the run; its words are those of `Human`."""

    word = "human"
    body = Human
    short = None

    def build(self, body: Human, scope: Scope) -> Node:
        """The node that interrupts, and goes on with `Command(resume=…)`."""
        if body.ask is not None:
            return Node(_question(body, scope), scope.name)
        # A model calls a tool by its own name, which an import path need not end with.
        guarded = frozenset(tool.name for tool in scope.tools(body.approve, "approve"))
        channel = scope.conversation(body.messages, "messages")
        return Node(_review(guarded, channel), scope.name)


def _question(body: Human, scope: Scope) -> Act:
    template = scope.template(str(body.ask), "ask")
    name = body.output or scope.conversation(None, "output")
    channel = scope.channel(name, "output") if name else None
    as_message = channel is not None and channel.reducer == "messages"

    def act(state: State, config: RunnableConfig) -> Work:
        answer = interrupt({"question": template.render(state)})
        return {name: [HumanMessage(str(answer))] if as_message else answer}
        yield  # a generator that calls no model

    return act


def _review(guarded: frozenset[str], channel: str) -> Act:
    def act(state: State, config: RunnableConfig) -> Work:
        review = approval.Review.of(state.get(channel) or (), guarded)
        if review is None:
            return {}
        decisions, request = None, review.request()
        while decisions is None:
            answer: Any = interrupt(request)
            try:
                decisions = review.decisions(answer)
            except approval.UnclearAnswer as error:
                # Failing here would keep the useless answer: LangGraph replays it on every retry.
                request = {**review.request(), "error": str(error)}
        return {channel: review.outcome(decisions)}
        yield  # a generator that calls no model

    return act
