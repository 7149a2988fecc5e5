"""The plan that planner, executor and replanner share through the state.

It is plain data in one channel, so that a checkpoint holds all of it and a resumed thread goes on
in the middle of its plan. `size(plan.left) > 0` is the condition that says whether to go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, model_validator

from graphwright_graphs.errors import PlanError

MAX_STEP = 500  # characters


def _cleaned(steps: list[str]) -> list[str]:
    """Steps without blank and repeated ones; what is left of a very long one will do."""
    return list(dict.fromkeys(step.strip()[:MAX_STEP] for step in steps if step.strip()))


def _at_least_one(steps: list[str]) -> list[str]:
    if not steps:
        raise ValueError("a plan needs at least one step")
    return steps


# The schemas that models see have neither bounds nor defaults, which strict structured output of
# some providers refuses; what they would say is checked here instead.
class Steps(BaseModel):
    """The steps that reach the goal, in the order in which to take them."""

    steps: Annotated[list[str], AfterValidator(_cleaned), AfterValidator(_at_least_one)] = Field(
        description="Short, self-contained instructions; each can be done by itself."
    )


class Decision(BaseModel):
    """Either the answer, when the goal is reached, or the steps that are still needed."""

    answer: str = Field(description="The answer to the goal; empty while steps remain.")
    steps: Annotated[list[str], AfterValidator(_cleaned)] = Field(
        description="The steps still needed; empty once there is an answer."
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: Any) -> Any:
        """A model that leaves out the empty field has been clear enough."""
        return {"answer": "", "steps": [], **given} if isinstance(given, dict) else given


class Done(BaseModel):
    """A step that was taken, and what came of it."""

    step: str
    result: str


class Plan(BaseModel):
    """A goal, what was done for it, and what is left."""

    goal: str
    left: list[str]
    done: list[Done] = Field(default_factory=list)
    replans: int = 0
    """How often the steps that were left have been changed."""

    @classmethod
    def of(cls, state: Mapping[str, Any], channel: str) -> Plan:
        """The plan in the state. Raises PlanError when no planner has written one."""
        if not state.get(channel):
            raise PlanError(f"the channel `{channel}` holds no plan: lead here from a planner")
        return cls.model_validate(state[channel])

    def advanced(self, result: str) -> Plan:
        """The plan after its first step is done."""
        done = [*self.done, Done(step=self.left[0], result=result)]
        return self.model_copy(update={"left": self.left[1:], "done": done})

    def revised(self, steps: Sequence[str], limit: int) -> Plan:
        """The plan with other steps left; the same plan once it was changed `limit` times."""
        if list(steps) == self.left or self.replans >= limit:
            return self
        return self.model_copy(update={"left": list(steps), "replans": self.replans + 1})

    def finished(self) -> Plan:
        """The plan with nothing left."""
        return self.model_copy(update={"left": []})

    def report(self) -> str:
        """Goal, results and remaining steps, as a model is asked about them."""
        done = [f"- {each.step}: {_one_line(each.result)}" for each in self.done]
        left = [f"- {step}" for step in self.left]
        return "\n".join([f"Goal: {self.goal}", "Done:", *done, "Left:", *left])

    def results(self) -> str:
        """The results so far, one a line: the answer when no model words a better one."""
        return "\n".join(f"{each.step}: {each.result}" for each in self.done)


def _one_line(text: str) -> str:
    return " ".join(text.split())
