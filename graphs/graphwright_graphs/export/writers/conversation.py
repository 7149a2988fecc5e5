"""What a node says to a model, as an expression."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from graphwright_graphs.export import prompts, state
from graphwright_graphs.export.writers.lowering import lowered
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes.conversation import Prompt, Turn

_ROLES: dict[str, type[BaseMessage]] = {
    "system": SystemMessage,
    "human": HumanMessage,
    "ai": AIMessage,
}


def composed(prompt: Prompt, channel: str | None, writing: Writing) -> str:
    """The list of messages that a prompt and a conversation make."""
    prompt = lowered(prompt, writing)
    if isinstance(prompt, list):
        return _listed([_turn(turn, writing) for turn in prompt])
    talks = channel or any(map(writing.is_conversation, writing.channels))
    conversation = _conversation(writing.conversation(channel), writing) if talks else ""
    if prompt is None:
        return conversation
    kind = SystemMessage if talks else HumanMessage
    message = _message(kind, prompt, f"{writing.name}_prompt", writing)
    return _listed([message, *([f"*{conversation}"] if talks else [])])


def _listed(parts: Sequence[str]) -> str:
    alone = len(parts) == 1 and parts[0].startswith("*")
    return parts[0][1:] if alone else f"[{', '.join(parts)}]"


def _turn(turn: Turn, writing: Writing) -> str:
    role = next(iter(turn.model_fields_set))
    text = str(getattr(turn, role))
    if role == "placeholder":
        return f"*{_conversation(writing.conversation(text), writing)}"
    return _message(_ROLES[role], text, f"{writing.name}_{role}", writing)


def _message(kind: type[BaseMessage], text: str, name: str, writing: Writing) -> str:
    called = writing.module.imported("langchain_core.messages", kind.__name__)
    return f"{called}({prompts.filled(text, writing.readable, writing.module, name)})"


def _conversation(channel: str, writing: Writing) -> str:
    return state.read(channel, writing.channels[channel]).text
