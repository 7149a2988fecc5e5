"""The kind `agent`: a model that calls tools until it answers, as LangChain's `create_agent` does.

It is a graph inside a node: its model calls and tool calls are steps of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, RemoveMessage
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from pydantic import Field, model_validator

from graphwright_graphs.models.words import Model
from graphwright_graphs.nodes.binding import Binding
from graphwright_graphs.nodes.embedded import Embedded, around
from graphwright_graphs.nodes.node import Body, Scope, State, Update
from graphwright_graphs.nodes.tools import explained
from graphwright_graphs.problems import quoted


class Agent(Body):
    """The words of an `agent` node."""

    prompt: str = ""
    """The system prompt."""
    tools: list[str] = Field(default_factory=list)
    model: Model | None = None
    messages: str | None = None
    """The messages channel that it reads and writes."""
    approve: list[str] = Field(default_factory=list)
    """Tools whose calls wait for a person."""
    max_rounds: int | None = Field(default=None, ge=1, le=1000)
    """How often the model may be asked in a turn; then the agent ends with what it has."""
    middleware: list[str] = Field(default_factory=list)
    """`module:attribute` of LangChain's AgentMiddleware, or of what makes one."""
    answer: dict[str, Any] | None = Field(default=None, alias="schema")
    """A JSON Schema: the answer is also data of that form, put into `output`."""
    output: str | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Agent:
        if (self.answer is None) != (self.output is None):
            raise ValueError("`schema` and `output` together: the data, and where it goes")
        return self


class AgentKind:
    """Runs an agent; its words are those of `Agent`."""

    word = "agent"
    body = Agent
    short = "prompt"

    def build(self, body: Agent, scope: Scope) -> Embedded:
        """The node whose graph is the agent."""
        # LangChain's agents take a while to import, and most documents have none.
        from graphwright_graphs.agents import agent  # noqa: PLC0415

        channel = scope.conversation(body.messages, "messages")
        if body.output is not None:
            scope.channel(body.output, "output")
        approved = _approved(body, scope)
        template = scope.template(body.prompt, "prompt")
        graph = agent(
            lambda bind: Binding(scope.models, body.model, bind),
            scope.tools(body.tools),
            name=scope.name,
            prompt=lambda: template.render(around()),
            explain=explained,
            approve=[tool.name for tool in scope.tools(approved, "approve")],
            schema=body.answer and {"title": "answer", "description": "The answer.", **body.answer},
            max_rounds=body.max_rounds,
            middleware=_middleware(body.middleware, scope),
        )
        return Embedded(graph, scope.name, _taken(channel), _given(channel, body.output))


def _approved(body: Agent, scope: Scope) -> list[str]:
    """The tools whose calls wait for a person; one that the agent has not is reported."""
    for at, name in enumerate(body.approve):
        if name not in body.tools:
            expected = f"one of this agent's tools ({', '.join(body.tools) or 'none'})"
            scope.problems.unknown(scope.place("approve", at), name, expected, body.tools)
    return [name for name in body.approve if name in body.tools]


def _middleware(paths: Sequence[str], scope: Scope) -> list[Any]:
    from langchain.agents.middleware import AgentMiddleware  # noqa: PLC0415 - see `build`

    made: list[Any] = []
    for at, path in enumerate(paths):
        found = scope.imported(path, "middleware", at)
        if found is None:
            continue
        if not isinstance(found, AgentMiddleware) and callable(found):
            try:
                found = found()
            except Exception as error:  # a user's function may raise anything
                said = f"{quoted(path)}, which made no middleware ({type(error).__name__}: {error})"
                scope.problems.report(scope.place("middleware", at), said, "one that is ready")
                continue
        if isinstance(found, AgentMiddleware):
            made.append(found)
        else:
            said = f"{quoted(path)}, which is no middleware but {type(found).__name__}"
            scope.problems.report(
                scope.place("middleware", at), said, "LangChain's AgentMiddleware"
            )
    return made


def _taken(channel: str) -> Callable[[State], Update]:
    return lambda state: {"messages": list(state.get(channel) or ())}


def _given(channel: str, output: str | None) -> Callable[[State, Mapping[str, Any]], Update]:
    def give(state: State, result: Mapping[str, Any]) -> Update:
        update: Update = {channel: changes(state.get(channel) or (), result["messages"])}
        return {**update, output: result["structured_response"]} if output else update

    return give


def changes(before: Sequence[BaseMessage], after: Sequence[BaseMessage]) -> list[BaseMessage]:
    """What turns the conversation before into the one after; middleware may have taken some out."""
    known = {message.id: message for message in before}
    if known.keys() - {message.id for message in after}:
        return [RemoveMessage(id=REMOVE_ALL_MESSAGES), *after]
    return [message for message in after if known.get(message.id) != message]
