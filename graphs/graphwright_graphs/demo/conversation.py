"""What stands in the messages: the request of this turn, what was done for it, what came before."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage

# Marks the disclaimer in earlier answers, so that a conversation carries it once.
DISCLAIMER = (
    "(I'm Graphwright's built-in demo: rules, not an LLM. "
    "Set GRAPHWRIGHT_MODEL=openai:gpt-4o-mini, or another provider:model, to use a real one.)"
)


@dataclass(frozen=True)
class Result:
    """What a tool gave back."""

    text: str
    failed: bool = False


@dataclass(frozen=True)
class Turn:
    """A conversation seen from its last human message.

    `earlier` and `answers` are what person and model said before; `calls` and `results` are of this
    turn. `introduced` says that an answer told already that this is a demo. `digest` names the
    turn: it stays the same while tools answer, and differs between turns.
    """

    request: str = ""
    system: str = ""
    earlier: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    results: Mapping[str, Result] = field(default_factory=dict)
    has_media: bool = False
    introduced: bool = False
    digest: str = ""


def read_turn(messages: Sequence[BaseMessage]) -> Turn:
    """Read one model call's messages; the system prompt is the request where nobody else speaks."""
    people = [at for at, message in enumerate(messages) if _is_human(message)]
    system = "\n".join(_text(message) for message in messages if message.type == "system")
    start = people[-1] if people else -1
    asked = messages[start] if people else None
    past = messages[: start + 1]
    present = messages[start + 1 :]
    return Turn(
        request=_text(asked) if asked else system,
        system=system if people else "",
        earlier=tuple(_text(messages[at]) for at in people[:-1]),
        answers=tuple(text for m in past if isinstance(m, AIMessage) and (text := _text(m))),
        calls=tuple(call for m in present if isinstance(m, AIMessage) for call in m.tool_calls),
        results={m.tool_call_id: _result(m) for m in present if isinstance(m, ToolMessage)},
        introduced=any(DISCLAIMER in _text(m) for m in messages if isinstance(m, AIMessage)),
        has_media=asked is not None and _has_media(asked),
        digest=_digest(past),
    )


def without_disclaimer(text: str) -> str:
    """Return an earlier answer as it was before the disclaimer was added."""
    return text.replace(DISCLAIMER, "").strip()


def _is_human(message: BaseMessage) -> bool:
    return message.type == "human" or getattr(message, "role", None) in ("user", "human")


def _text(message: BaseMessage) -> str:
    return str(message.text).strip()


def _result(message: ToolMessage) -> Result:
    return Result(_text(message), failed=message.status == "error")


def _has_media(message: BaseMessage) -> bool:
    blocks = message.content if isinstance(message.content, list) else []
    return any(isinstance(block, dict) and block.get("type") != "text" for block in blocks)


def _digest(messages: Sequence[BaseMessage]) -> str:
    # System prompts are left out: one that tells the time must not make a turn look like another.
    said = hashlib.blake2b(digest_size=6)
    for message in messages:
        if message.type != "system":
            said.update(f"{message.type}\0{_text(message)}\0".encode("utf-8", "surrogatepass"))
    return said.hexdigest()
