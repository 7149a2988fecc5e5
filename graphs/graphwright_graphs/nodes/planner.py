"""The kind `planner`: the goal becomes a plan, a list of steps in the state."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig
from pydantic import Field

from graphwright_graphs.models.words import Model
from graphwright_graphs.nodes import structured
from graphwright_graphs.nodes.binding import Binding, with_schema
from graphwright_graphs.nodes.conversation import composer, last_request
from graphwright_graphs.nodes.node import Act, Body, Node, Scope, State, Work
from graphwright_graphs.plan import Plan, Steps

_PROMPT = """\
Make a plan for the request of the person: a short list of steps that will be taken one after
another. Each step is one self-contained instruction. A simple request is a plan of one step.
Take no step that only repeats, checks or sums up the others."""


class Planner(Body):
    """The words of a `planner` node."""

    prompt: str = _PROMPT
    model: Model | None = None
    plan: str = "plan"
    """The channel that holds the plan; so for executor and replanner."""
    messages: str | None = None
    max_steps: int = Field(default=8, ge=1, le=50)


class PlannerKind:
    """Asks a model for a plan; its words are those of `Planner`."""

    word = "planner"
    body = Planner
    short = "prompt"

    def build(self, body: Planner, scope: Scope) -> Node:
        """The node that writes a new plan for the person's last message."""
        scope.channel(body.plan, "plan")
        return Node(_plan(body, scope), scope.name)


def _plan(body: Planner, scope: Scope) -> Act:
    channel = scope.conversation(body.messages, "messages")
    compose = composer(body.prompt, channel or None, scope)
    binding = Binding(scope.models, body.model, with_schema(Steps.model_json_schema()))

    def act(state: State, config: RunnableConfig) -> Work:
        goal = last_request(state.get(channel) or ())
        found = yield from structured.ask(
            binding.for_run(config), compose(state), Steps.model_validate
        )
        # A model that can't plan still gets its work done: the goal itself is the one step.
        steps = found.steps[: body.max_steps] if found else [goal]
        return {body.plan: Plan(goal=goal, left=steps).model_dump()}

    return act
