"""What a node says to a model: its prompt and the state's conversation, as messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from pydantic import model_validator

from graphwright_graphs.nodes.node import Body, Scope, State
from graphwright_graphs.prompts import Template

Compose = Callable[[State], list[BaseMessage]]

_ROLES: dict[str, type[BaseMessage]] = {
    "system": SystemMessage,
    "human": HumanMessage,
    "ai": AIMessage,
}


class Turn(Body):
    """One message of a prompt; exactly one of the roles is given."""

    system: str | None = None
    human: str | None = None
    ai: str | None = None
    placeholder: str | None = None
    """A messages channel, whose whole conversation stands here."""

    @model_validator(mode="after")
    def _one_role(self) -> Turn:
        if len(self.model_fields_set) != 1:
            raise ValueError("exactly one of system, human, ai or placeholder")
        return self


Prompt = str | list[Turn] | None


def composer(prompt: Prompt, channel: str | None, scope: Scope, *, key: str = "prompt") -> Compose:
    """How a node's messages come out of the state.

    One text is the system prompt, followed by the conversation in `channel`; in a graph without
    conversations it is the one human message. A list of turns is sent as it stands. `key` is the
    word that the prompt stands under.
    """
    if isinstance(prompt, list):
        return _joined([_turn(turn, (key, index), scope) for index, turn in enumerate(prompt)])
    talks = channel or any(each.reducer == "messages" for each in scope.channels.values())
    if prompt is None:
        return _conversation(scope.conversation(channel, "messages"))
    rendered = _text("system" if talks else "human", scope.template(prompt, key))
    if not talks:
        return rendered
    return _joined([rendered, _conversation(scope.conversation(channel, "messages"))])


def _turn(turn: Turn, keys: tuple[str, int], scope: Scope) -> Compose:
    role = next(iter(turn.model_fields_set))
    text = str(getattr(turn, role))
    if role == "placeholder":
        return _conversation(scope.conversation(text, keys[0]))
    return _text(role, scope.template(text, *keys, role))


def _text(role: str, template: Template) -> Compose:
    message = _ROLES[role]
    return lambda state: [message(template.render(state))]


def _conversation(channel: str) -> Compose:
    return lambda state: list(state.get(channel) or ())


def _joined(parts: Sequence[Compose]) -> Compose:
    return lambda state: [message for part in parts for message in part(state)]


def last_request(messages: Sequence[BaseMessage]) -> str:
    """What the person asked last, as text; empty when nobody has asked anything."""
    asked = [message for message in messages if isinstance(message, HumanMessage)]
    return str(asked[-1].text) if asked else ""
