"""A person's review of tool calls: what they are shown, and what their answer means.

Request and answer have the shape of LangChain's HumanInTheLoopMiddleware, which the official user
interfaces know:

    {"action_requests": [{"name", "args", "description"}],
     "review_configs": [{"action_name", "allowed_decisions": ["approve", "edit", "reject"]}]}

    {"decisions": [{"type": "approve"},
                   {"type": "edit", "edited_action": {"name", "args"}},
                   {"type": "reject", "message": "…"}]}

People who type get by with words: yes, approve, ok; no, reject; anything else is a refusal with
that text as its reason, since running what was not clearly approved would be worse.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from graphwright_graphs.errors import GraphError

ALLOWED = ("approve", "edit", "reject")
_YES = {"yes", "y", "approve", "approved", "ok", "okay", "true"}
_NO = {"no", "n", "reject", "rejected", "false"}


class UnclearAnswer(GraphError):
    """A person's answer that is no decision; it says what would be one."""


class Approve(BaseModel):
    """Run the call as it is."""

    type: Literal["approve"] = "approve"


class Action(BaseModel):
    """The call to run instead. Without a name, the tool stays the same."""

    name: str | None = None
    args: dict[str, Any]


class Edit(BaseModel):
    """Run another call instead."""

    type: Literal["edit"]
    edited_action: Action


class Reject(BaseModel):
    """Don't run the call; the model reads why."""

    type: Literal["reject"] = "reject"
    message: str | None = None


Decision = Annotated[Approve | Edit | Reject, Field(discriminator="type")]
_DECISIONS: TypeAdapter[list[Approve | Edit | Reject]] = TypeAdapter(list[Decision])


@dataclass(frozen=True, slots=True)
class Review:
    """The tool calls of one AI message that wait for a person."""

    message: AIMessage
    waiting: tuple[ToolCall, ...]

    @classmethod
    def of(cls, messages: Sequence[BaseMessage], guarded: Iterable[str]) -> Review | None:
        """The review that a conversation needs now; None when nothing waits."""
        last = messages[-1] if messages else None
        if not isinstance(last, AIMessage):
            return None
        names = set(guarded)
        waiting = tuple(call for call in last.tool_calls if call["name"] in names)
        return cls(last, waiting) if waiting else None

    def request(self) -> dict[str, Any]:
        """What the person is shown: the value of the interrupt."""
        names = dict.fromkeys(call["name"] for call in self.waiting)
        return {
            "action_requests": [
                {"name": call["name"], "args": call["args"], "description": _description(call)}
                for call in self.waiting
            ],
            "review_configs": [
                {"action_name": name, "allowed_decisions": list(ALLOWED)} for name in names
            ],
        }

    def decisions(self, answer: Any) -> list[Approve | Edit | Reject]:
        """One decision for each waiting call. Raises UnclearAnswer."""
        given = _listed(answer, len(self.waiting))
        try:
            decisions = _DECISIONS.validate_python(given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise UnclearAnswer(f"decisions.{place}: {first['msg']}") from None
        if len(decisions) != len(self.waiting):
            counts = f"{len(self.waiting)} tool calls wait, {len(decisions)} decisions were given"
            raise UnclearAnswer(f"{counts}: answer with one decision for each, in their order")
        return decisions

    def outcome(self, decisions: Sequence[Approve | Edit | Reject]) -> list[BaseMessage]:
        """The conversation's update: the message with its edited calls, and each refusal."""
        decided = {
            call["id"]: decision for call, decision in zip(self.waiting, decisions, strict=True)
        }
        calls = [_edited(call, decided.get(call["id"])) for call in self.message.tool_calls]
        refusals = [
            _refusal(call, decision)
            for call, decision in zip(self.waiting, decisions, strict=True)
            if isinstance(decision, Reject)
        ]
        return [self.message.model_copy(update={"tool_calls": calls}), *refusals]


def _listed(answer: Any, count: int) -> Any:
    """The answer as a list of decisions, not yet checked."""
    if isinstance(answer, Mapping) and "decisions" in answer:
        return answer["decisions"]
    if isinstance(answer, list):
        return answer
    if isinstance(answer, bool):
        return [{"type": "approve" if answer else "reject"}] * count
    return [_spoken(answer) if isinstance(answer, str) else answer] * count


def _spoken(answer: str) -> dict[str, str]:
    word = answer.strip().strip(".!").lower()
    if word in _YES:
        return {"type": "approve"}
    return {"type": "reject"} if word in _NO or not word else {"type": "reject", "message": answer}


def _description(call: ToolCall) -> str:
    args = json.dumps(call["args"], ensure_ascii=False, default=str)
    return f"Run {call['name']} with {args}?"


def _edited(call: ToolCall, decision: Approve | Edit | Reject | None) -> ToolCall:
    if not isinstance(decision, Edit):
        return call
    action = decision.edited_action
    return ToolCall(
        type="tool_call", id=call["id"], name=action.name or call["name"], args=action.args
    )


def _refusal(call: ToolCall, decision: Reject) -> ToolMessage:
    reason = f" They said: {decision.message}" if decision.message else ""
    content = f"A person refused this call of {call['name']}; it was not run.{reason}"
    return ToolMessage(content, name=call["name"], tool_call_id=call["id"], status="error")
