"""The kind `llm`: a prompt and a conversation go to a chat model, its reply goes to a channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from pydantic import Field

from graphwright_graphs.errors import AnswerError
from graphwright_graphs.models.words import Model
from graphwright_graphs.nodes import structured
from graphwright_graphs.nodes.binding import Binding, with_schema, with_tools
from graphwright_graphs.nodes.conversation import Compose, Prompt, composer
from graphwright_graphs.nodes.node import Act, Body, Call, Node, Scope, State, Work
from graphwright_graphs.problems import quoted
from graphwright_graphs.values import JSON_TYPES, check_schema


class Llm(Body):
    """The words of an `llm` node."""

    prompt: Prompt = None
    messages: str | None = None
    """The messages channel that follows the prompt."""
    tools: list[str] = Field(default_factory=list)
    model: Model | None = None
    output: str | None = None
    """Where the reply goes: the conversation, unless another channel is named."""
    answer: dict[str, Any] | None = Field(default=None, alias="schema")
    """A JSON Schema: the reply is data of that form, put into `output`."""


class LlmKind:
    """Calls a chat model; its words are those of `Llm`."""

    word = "llm"
    body = Llm
    short = "prompt"

    def build(self, body: Llm, scope: Scope) -> Node:
        """The node that calls the model with the prompt and the conversation."""
        tools = scope.tools(body.tools)
        compose = composer(body.prompt, body.messages, scope)
        put = _output(body, scope)
        if body.answer is None:
            act = _reply(compose, Binding(scope.models, body.model, with_tools(tools)), put)
            return Node(act, scope.name)
        if tools:
            found, place = "both `tools` and `schema`", (*scope.where, "schema")
            scope.problems.report(place, found, "one of them", at_key=True)
        check_schema(body.answer, scope.problems, scope.place("schema"))
        _check_object(body.answer, scope)
        schema = {"title": scope.name, "description": "The answer.", **body.answer}
        binding = Binding(scope.models, body.model, with_schema(schema))
        return Node(_data(compose, binding, str(body.output), scope.name), scope.name)


def _check_object(schema: Mapping[str, Any], scope: Scope) -> None:
    """Report a schema of anything else, which no answer fits, see `as_object`."""
    kind = schema.get("type")
    if isinstance(kind, str) and kind in JSON_TYPES and kind != "object":
        hint = "write {type: object, properties: {…}}"
        place = (*scope.place("schema"), "type")
        scope.problems.report(place, quoted(kind), "object, which models answer with", hint)


Put = Callable[[BaseMessage], dict[str, Any]]


def _output(body: Llm, scope: Scope) -> Put:
    """How a reply becomes an update: a message in a conversation, text in any other channel."""
    if body.output is None and body.answer is not None:
        expected = "the channel that the data goes to"
        scope.problems.report(scope.where, "`schema` without `output`", expected, at_key=True)
    if body.output is None:
        channel = scope.conversation(body.messages, "messages" if body.messages else "output")
        return lambda reply: {channel: [reply]}
    name, channel_spec = body.output, scope.channel(body.output, "output")
    if channel_spec is None or channel_spec.reducer != "messages":
        return lambda reply: {name: str(reply.text)}
    return lambda reply: {name: [reply]}


def _reply(compose: Compose, binding: Binding, put: Put) -> Act:
    def act(state: State, config: RunnableConfig) -> Work:
        reply = yield Call(binding.for_run(config), compose(state))
        return put(reply)

    return act


def _data(compose: Compose, binding: Binding, output: str, name: str) -> Act:
    def act(state: State, config: RunnableConfig) -> Work:
        data = yield from structured.ask(binding.for_run(config), compose(state), as_object)
        if data is None:
            raise AnswerError(
                f"the model gave node `{name}` no answer that fits its schema, asked twice: "
                "simplify the schema, or use a model with structured output"
            )
        return {output: data}

    return act


def as_object(parsed: Any) -> dict[str, Any]:
    """The parsed JSON. Raises ValueError for what is no object."""
    if not isinstance(parsed, dict):
        raise ValueError(f"a JSON object is needed, not {type(parsed).__name__}")
    return parsed
