"""One model call from end to end: what was asked becomes tool calls, structured output or words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import BaseMessage, ToolCall

from graphwright_graphs.demo import (
    errands,
    instructions,
    phrasebook,
    plans,
    schemas,
    shapes,
    tables,
    wording,
)
from graphwright_graphs.demo.conversation import Turn, read_turn
from graphwright_graphs.demo.errands import Errand
from graphwright_graphs.demo.plans import Progress
from graphwright_graphs.demo.schemas import Material
from graphwright_graphs.demo.toolbox import Toolbox


@dataclass(frozen=True)
class Options:
    """What a caller asks of one model call beside its messages, in OpenAI's vocabulary."""

    tools: Sequence[Mapping[str, Any]] = ()
    tool_choice: Any = None
    parallel_tool_calls: bool = True
    response_format: Any = None
    stop: Sequence[str] = ()


@dataclass(frozen=True)
class Reply:
    """What the model gives back: tool calls, or a text."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()


def reply(messages: Sequence[BaseMessage], options: Options) -> Reply:
    """Answer the messages. The same messages and options give the same reply."""
    case = _Case.read(messages, Toolbox.read(options.tools))
    calls = case.calls(_choice(options.tool_choice))
    if calls:
        return Reply(calls=tuple(calls if options.parallel_tool_calls else calls[:1]))
    if (schema := _output_schema(options.response_format)) is not None:
        return Reply(json.dumps(schemas.fill(schema, case.material()), ensure_ascii=False))
    text = case.step_answer() if case.is_step else wording.introduced(case.answer(), case.turn)
    return Reply(_stopped(text, options.stop))


@dataclass(frozen=True)
class _Case:
    """One model call, read: the turn, the plan it is part of, the tools, and what to do."""

    turn: Turn
    progress: Progress | None  # told by the request itself
    is_step: bool  # of a plan
    around: Progress | None  # told by the system prompt
    toolbox: Toolbox
    wanted: Sequence[Errand]

    @classmethod
    def read(cls, messages: Sequence[BaseMessage], toolbox: Toolbox) -> _Case:
        turn = read_turn(messages)
        around = plans.read_progress(turn.system)
        progress = plans.read_progress(turn.request)
        if around:
            # What stands in a plan is no instruction for how to answer.
            turn = replace(turn, system=plans.preamble(turn.system))
        if progress:
            turn = replace(turn, request=progress.step or progress.goal or turn.request)
        told = progress or around
        last = told.done[-1].result if told and told.done else None
        wanted = tables.plan(turn, toolbox) or errands.plan(turn, toolbox, reference=last)
        is_step = around is not None or bool(progress and progress.step)
        return cls(turn, progress, is_step, around, toolbox, wanted)

    def calls(self, choice: str) -> list[ToolCall]:
        if choice == "none" or (choice == "auto" and self._asks_for_words()):
            return []
        due = errands.due(self.wanted, self.turn)
        if choice not in ("auto", "any"):
            due = [call for call in due if call["name"] == choice]
        return due if due or choice == "auto" or not self.toolbox.tools else [self._forced(choice)]

    def answer(self) -> str:
        if self.progress and not self.progress.step and self.progress.under_way:
            return self.progress.answer()
        translation = phrasebook.read(self.turn.request, self.turn.system)
        if translation is not None and not self.turn.calls:
            return wording.translation(translation)
        if not self.toolbox.tools and (done := instructions.answer(self.turn)) is not None:
            return done
        return wording.answer(self.turn, self.wanted, self.toolbox, brief=self.is_step)

    def step_answer(self) -> str:
        """The answer to a step, marked as the prompt asks for it where the step has failed."""
        failed = wording.failed(self.wanted) and plans.FAILED in self.turn.system
        return f"{plans.FAILED} {self.answer()}" if failed else self.answer()

    def material(self) -> Material:
        text = self.progress.goal if self.progress and self.progress.goal else self.turn.request
        # What answers a whole plan is read by a person, unlike other fields.
        answer = self.answer()
        if self.progress and self.progress.under_way:
            answer = wording.introduced(answer, self.turn)
        going_on = self.around if plans.GOING_ON.match(self.turn.request) else None
        progress = self.progress or going_on
        return Material(text, answer, plans.steps(text), progress, self.turn.system)

    def _forced(self, choice: str) -> ToolCall:
        """Fill a call that is demanded; where any will do, the last: there output schemas stand."""
        tool = self.toolbox.named(choice) or self.toolbox.tools[-1]
        args = schemas.fill(tool.parameters, self.material())
        return ToolCall(
            name=tool.name,
            args=args if isinstance(args, dict) else {},
            id=f"demo_{self.turn.digest}_forced_{len(self.turn.calls)}",
            type="tool_call",
        )

    def _asks_for_words(self) -> bool:
        """Whether the answer lies in the prompt: a translation, or a plan that was carried out."""
        if self.progress is not None:
            return not self.progress.step and bool(self.progress.done or self.progress.failed)
        return phrasebook.read(self.turn.request, self.turn.system) is not None


def _choice(tool_choice: Any) -> str:
    """Return "auto", "any", "none" or a tool's name, from any provider's way to say it."""
    match tool_choice:
        case None | False | "auto":
            return "auto"
        case True | "any" | "required":
            return "any"
        case {"function": {"name": str(name)}} | {"name": str(name)} | str(name):
            return name
        case {"type": str(kind)}:
            return _choice(kind)
        case _:
            raise ValueError(
                f"tool_choice {tool_choice!r} is not auto, any, required, none or a tool's name."
            )


def _output_schema(response_format: Any) -> dict[str, Any] | None:
    match response_format:
        case {"json_schema": {"schema": dict(schema)}}:
            return shapes.resolve(schema, schema) | {
                k: v for k, v in schema.items() if k == "$defs"
            }
        case {"type": "json_object"}:
            return {
                "type": "object",
                "properties": {"answer": {"type": "string"}},
                "required": ["answer"],
            }
        case _:
            return None


def _stopped(text: str, stop: Sequence[str]) -> str:
    """Return the text up to the first stop sequence, as other models do."""
    ends = [at for word in stop if word and (at := text.find(word)) >= 0]
    return text[: min(ends)] if ends else text
