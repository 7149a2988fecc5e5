"""The plan: steps with the steps they need, how each came out, and what is due next.

    proposed -- approved --> working -- every step has ended --> done
       ^  \\                   |    ^
       |   `-- refused --> declined | reviewed: goes on, or with other steps
       `------ with a reason       `-- steps have ended

A plan is plain data in one channel, so that a checkpoint holds all of it: a thread that is resumed,
forked or stopped goes on in the middle. Steps that run side by side each write an outcome, and
`joined` is the reducer that brings them into the plan. Nothing here knows of models or graphs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

MAX_ID = 16  # characters
MAX_TASK = 300  # characters

Phase = Literal["proposed", "declined", "working", "done"]
Status = Literal["waiting", "done", "failed"]
Due = Literal["plan", "approval", "step", "replan", "answer"]


_Stripped = StringConstraints(strip_whitespace=True)


class Outcome(BaseModel):
    """How a step came out; an update of the plan's channel."""

    step: str
    status: Literal["done", "failed"]
    result: str


class Step(BaseModel):
    """One step. `result` says why where it has failed."""

    id: Annotated[str, _Stripped, Field(min_length=1, max_length=MAX_ID)]
    task: Annotated[str, _Stripped, Field(min_length=1, max_length=MAX_TASK)]
    needs: list[str] = Field(default_factory=list)
    tools: list[str] = Field(default_factory=list)
    """The tools it may use; all of the planner's where none is named."""
    status: Status = "waiting"
    result: str = ""

    @property
    def ended(self) -> bool:
        """Whether it has been carried out, well or not."""
        return self.status != "waiting"


class Plan(BaseModel):
    """A goal, and the steps that reach it."""

    goal: str
    request: str = ""
    """The id of the message that asked for it."""
    steps: list[Step] = Field(default_factory=list)
    phase: Phase = "working"
    reason: str | None = None
    """Why a person has refused it."""
    reviewed: list[str] = Field(default_factory=list)
    """The steps whose outcomes have been looked at."""
    replans: int = 0
    """How often the steps that waited have been changed."""

    @classmethod
    def of(cls, value: Any) -> Plan | None:
        """The plan that a channel holds, if any."""
        return cls.model_validate(value) if value else None

    @classmethod
    def made(
        cls, goal: str, request: str, known: Sequence[Step], steps: Sequence[Step], *, approve: bool
    ) -> Plan:
        """A new plan; `known` are steps that an earlier one has done."""
        return cls(
            goal=goal,
            request=request,
            steps=[*known, *steps],
            phase="proposed" if approve else "working",
            reviewed=[step.id for step in known],
        )

    @property
    def due(self) -> Due:
        """What comes next. It leads the graph from node to node."""
        if self.phase == "proposed":
            return "plan" if self.reason else "approval"
        if self.phase == "working" and self.unreviewed:
            return "replan"
        return "step" if self.phase == "working" and self.ready else "answer"

    def goes_on(self, request: str) -> bool:
        """Whether it was left in the middle, and the person has said nothing since."""
        return self.unfinished and not self.reason and self.request == request

    @property
    def unfinished(self) -> bool:
        """Whether it was left in the middle."""
        return self.phase in ("proposed", "working")

    def is_to_be_reviewed(self, max_replans: int, *, results: bool) -> bool:
        """Whether what came out may change the plan: failures, and also `results` if so asked."""
        failed = any(step.status == "failed" for step in self.unreviewed)
        return self.replans < max_replans and (failed or (results and bool(self.waiting)))

    @property
    def ended(self) -> list[Step]:
        """The steps that were carried out."""
        return [step for step in self.steps if step.ended]

    @property
    def waiting(self) -> list[Step]:
        """The steps that were not carried out yet."""
        return [step for step in self.steps if not step.ended]

    @property
    def ready(self) -> list[Step]:
        """The waiting steps whose needs have all ended; they can run side by side.

        A need that failed has ended too: who needs it is told why, and may find another way.
        """
        ended = {step.id for step in self.ended}
        return [step for step in self.waiting if ended.issuperset(step.needs)]

    @property
    def unreviewed(self) -> list[Step]:
        """The steps that have ended since the last review."""
        return [step for step in self.ended if step.id not in self.reviewed]

    def given(self, step: Step) -> list[Step]:
        """The steps whose results a step gets: those that it needs."""
        return [each for each in self.steps if each.id in step.needs]

    def joined(self, outcome: Outcome) -> Plan:
        """The plan after a step has ended; the same plan where that step does not wait."""
        changed = {"status": outcome.status, "result": outcome.result}
        steps = [
            step.model_copy(update=changed) if step.id == outcome.step and not step.ended else step
            for step in self.steps
        ]
        return self.model_copy(update={"steps": steps})

    def reviewed_as(self, steps: Sequence[Step] | None = None) -> Plan:
        """The plan once its outcomes were looked at, with `steps` in the place of what waited.

        A step that is done is not done again; a failed one that `steps` names is tried again.
        """
        reviewed = [step.id for step in self.ended]
        if steps is None or list(steps) == self.waiting:
            return self.model_copy(update={"reviewed": reviewed})
        again = {step.id for step in steps}
        kept = [step for step in self.ended if step.id not in again]
        changed = {"steps": [*kept, *steps], "replans": self.replans + 1}
        return self.model_copy(update=changed | {"reviewed": [step.id for step in kept]})

    def carried(self) -> Plan:
        """The plan as the plan after it sees it, when it was left in the middle.

        What is done has ids that no new step will have by chance. What failed is left out.
        """
        left = {step.id for step in self.waiting}
        free = (name for at in count(1) if (name := f"e{at}") not in left)
        names = {step.id: next(free) for step in self.steps if step.status == "done"}
        names |= {name: name for name in left}
        steps = [
            step.model_copy(update={"id": names[step.id], "needs": _renamed(step.needs, names)})
            for step in self.steps
            if step.id in names
        ]
        return self.model_copy(update={"steps": steps})

    def report(self) -> str:
        """Goal, results and waiting steps, as a model is asked about them."""
        failed = [step for step in self.ended if step.status == "failed"]
        return told(
            goal=self.goal,
            done=[step for step in self.ended if step.status == "done"],
            failed=failed,
            left=self.waiting,
        )


def _renamed(needs: Sequence[str], names: Mapping[str, str]) -> list[str]:
    return [names[name] for name in needs if name in names]


def joined(before: Mapping[str, Any] | None, update: Mapping[str, Any] | None) -> dict[str, Any]:
    """The reducer of a plan's channel: a plan replaces, the outcome of a step joins.

    The outcomes of steps that ran side by side give the same plan in any order.
    """
    if not update or "step" not in update:
        return dict(update or {})
    plan = Plan.of(before)
    return plan.joined(Outcome.model_validate(update)).model_dump() if plan else {}


def told(
    goal: str,
    done: Iterable[Step] = (),
    failed: Iterable[Step] = (),
    left: Iterable[Step] = (),
    step: str = "",
) -> str:
    """A plan in words, results in full; blocks with nothing in them are left out."""
    blocks = {
        "Goal:": [_indented(goal)],
        "Done:": [_ended(each) for each in done],
        "Failed:": [_ended(each) for each in failed],
        "Left:": [_waiting(each) for each in left],
        "Step:": [_indented(step)] if step else [],
    }
    lines = [
        f"{label} {items[0]}" if label in ("Goal:", "Step:") else "\n".join([label, *items])
        for label, items in blocks.items()
        if items
    ]
    return "\n".join(lines)


def _ended(step: Step) -> str:
    return f"- [{step.id}] {_indented(step.task)}\n  {_indented(step.result)}"


def _waiting(step: Step) -> str:
    needs = f" (needs {', '.join(step.needs)})" if step.needs else ""
    return f"- [{step.id}] {_indented(step.task)}{needs}"


def _indented(text: str) -> str:
    """The text such that no line of it begins as a line of the report does."""
    return text.strip().replace("\n", "\n  ")
