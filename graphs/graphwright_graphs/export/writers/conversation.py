"""What a node says to a model, as an expression."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from graphwright_graphs.export import prompts, state
from graphwright_graphs.export.prompts import Template
from graphwright_graphs.export.writers.lowering import Conversation, Part, lowered
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes.conversation import Prompt

_ROLES: dict[str, type[BaseMessage]] = {
    "system": SystemMessage,
    "human": HumanMessage,
    "ai": AIMessage,
}


def composed(prompt: Prompt, channel: str | None, writing: Writing) -> str:
    """The list of messages that a prompt and a conversation make."""
    found = lowered(prompt, writing)
    if isinstance(found, list):
        return turns(found, writing)
    talks = channel or any(map(writing.is_conversation, writing.channels))
    conversation = _conversation(writing.conversation(channel), writing) if talks else ""
    if found is None:
        return conversation
    kind = SystemMessage if talks else HumanMessage
    message = _message(kind, found, f"{writing.name}_prompt", writing)
    return _listed([message, *([f"*{conversation}"] if talks else [])])


def turns(parts: Sequence[Part], writing: Writing) -> str:
    """The list of messages that the parts of a prompt make."""
    return _listed([_part(part, writing) for part in parts])


def _listed(parts: Sequence[str]) -> str:
    alone = len(parts) == 1 and parts[0].startswith("*")
    return parts[0][1:] if alone else f"[{', '.join(parts)}]"


def _part(part: Part, writing: Writing) -> str:
    if isinstance(part, Conversation):
        return f"*{_conversation(part.channel, writing)}"
    return _message(_ROLES[part.role], part.template, f"{writing.name}_{part.role}", writing)


def _message(kind: type[BaseMessage], template: Template, name: str, writing: Writing) -> str:
    called = writing.module.imported("langchain_core.messages", kind.__name__)
    return f"{called}({prompts.written(template, writing.readable, writing.module, name)})"


def _conversation(channel: str, writing: Writing) -> str:
    return state.read(channel, writing.channels[channel]).text
