"""The form in which a model or a person gives the steps of a plan: told to them, and checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import count
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from graphwright_graphs.plan import MAX_ID, MAX_TASK, Step


def _names(given: Any) -> Any:
    return [given] if isinstance(given, str) else [] if given is None else given


class _Draft(BaseModel):
    """A step as a model or a person gives it: what it leaves out is filled in."""

    id: Annotated[str | None, BeforeValidator(lambda v: str(v) if isinstance(v, int) else v)] = None
    task: str
    needs: Annotated[list[str], BeforeValidator(_names)] = Field(default_factory=list)
    tools: Annotated[list[str], BeforeValidator(_names)] = Field(default_factory=list)


class _Drafts(BaseModel):
    steps: list[_Draft]


@dataclass(frozen=True, slots=True)
class Form:
    """What steps may look like, as a model is told and as its answer is checked."""

    tools: Sequence[str]
    most: int

    def schema(
        self, title: str, *, least: int, ids: Sequence[str] = (), known: Sequence[str] = ()
    ) -> dict[str, Any]:
        """The JSON Schema by which a model gives steps.

        `ids` are those that steps may have, any if there are none, and `known` are further ones
        that they may need: under a grammar, a small model would need steps that do not exist.

        Every text and list is bounded: a small model that writes under a grammar would else not
        come to an end. Where texts have bounds, OpenAI's `strict` refuses a schema; it is not asked
        for, and `steps` checks what providers leave to the model. No field is optional and there is
        no `$ref`, which grammars and providers support unevenly.
        """
        fields = self._fields(ids, known)
        step = {
            "type": "object",
            "properties": fields,
            "required": list(fields),
            "additionalProperties": False,
        }
        steps = {"type": "array", "items": step, "minItems": least, "maxItems": self.most}
        return {
            "title": title,
            "description": "The steps of the plan.",
            "type": "object",
            "properties": {"steps": steps},
            "required": ["steps"],
            "additionalProperties": False,
        }

    def _fields(self, ids: Sequence[str], known: Sequence[str]) -> dict[str, Any]:
        name: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": MAX_ID}
        need = {"type": "string", "enum": [*ids, *known]} if ids else name
        name = {"type": "string", "enum": list(ids)} if ids else name
        task = {"type": "string", "minLength": 1, "maxLength": MAX_TASK}
        fields: dict[str, Any] = {
            "id": {**name, "description": "A short name, such as s1."},
            "task": {**task, "description": "One self-contained instruction."},
            "needs": {
                "type": "array",
                "items": need,
                "maxItems": self.most,
                "description": "The ids of the steps whose results it needs; no other is given.",
            },
        }
        if self.tools:
            fields["tools"] = {
                "type": "array",
                "items": {"type": "string", "enum": list(self.tools)},
                "maxItems": len(self.tools),
                "description": "The tools it may use; empty for all of them.",
            }
        return fields

    def steps(self, given: Any, *, least: int, known: Sequence[Step] = ()) -> list[Step]:
        """The steps that a model or a person has given, checked.

        `known` are steps that have ended: they may be needed. One that is done and is named again
        is passed over; one that failed is tried again. Raises ValueError: all that is wrong.
        """
        try:
            steps = _read(given, known)
        except ValidationError as error:
            raise ValueError(_said(error)) from None
        wrong = [
            *_out_of_bounds(steps, least, self.most),
            *_misnamed(steps, self.tools, known),
        ]
        if wrong := wrong or _circular(steps):
            raise ValueError("; ".join(wrong))
        return steps


def _read(given: Any, known: Sequence[Step]) -> list[Step]:
    drafts = _Drafts.model_validate(given).steps
    done = {step.id for step in known if step.status == "done"}
    fresh = _free_ids({*(draft.id or "" for draft in drafts), *(step.id for step in known)})
    return [
        Step(id=draft.id or next(fresh), task=draft.task, needs=draft.needs, tools=draft.tools)
        for draft in drafts
        if draft.id not in done
    ]


def _free_ids(taken: Collection[str]) -> Iterator[str]:
    return (name for at in count(1) if (name := f"s{at}") not in taken)


def _said(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    places = [".".join(map(str, each["loc"])) or "the answer" for each in found]
    return "; ".join(f"{at}: {each['msg']}" for at, each in zip(places, found, strict=True))


def _out_of_bounds(steps: Sequence[Step], least: int, most: int) -> list[str]:
    if least <= len(steps) <= most:
        return []
    return [f"{len(steps)} steps were given, between {least} and {most} are allowed"]


def _misnamed(
    steps: Sequence[Step], tools: Collection[str], known: Sequence[Step]
) -> Iterable[str]:
    ids = [step.id for step in steps]
    for name in {each for each in ids if ids.count(each) > 1}:
        yield f"the id {name!r} is used more than once"
    existing = {*ids, *(step.id for step in known)}
    for step in steps:
        for name in step.needs:
            if name not in existing:
                yield f"step {step.id!r} needs {name!r}, and there is no such step"
        for name in step.tools:
            if name not in tools:
                yield f"step {step.id!r} names the tool {name!r}, and there is no such tool"


def _circular(steps: Sequence[Step]) -> list[str]:
    try:
        TopologicalSorter({step.id: step.needs for step in steps}).prepare()
    except CycleError as error:
        return [f"steps need each other in a circle: {' -> '.join(error.args[1])}"]
    return []
