"""The kind `replanner`: after a step, either the answer or the steps that are still needed."""

from __future__ import annotations

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from pydantic import Field

from graphwright_graphs.models.words import Model
from graphwright_graphs.nodes import structured
from graphwright_graphs.nodes.binding import Binding, with_schema
from graphwright_graphs.nodes.node import Act, Body, Node, Scope, State, Work
from graphwright_graphs.plan import Decision, Plan

_PROMPT = """\
A plan is being carried out; you see its goal, the results so far and the steps that are left.
Where the results reach the goal, or nothing is left to do, answer the person: use the results,
invent nothing, and say what could not be done. Otherwise give the steps that are still needed,
changing them only where a result makes that necessary."""


class Replanner(Body):
    """The words of a `replanner` node."""

    prompt: str = _PROMPT
    model: Model | None = None
    plan: str = "plan"
    messages: str | None = None
    """The messages channel that gets the answer."""
    max_replans: int = Field(default=2, ge=0, le=20)
    """How often the steps that are left may be changed; then the plan is followed to its end."""


class ReplannerKind:
    """Asks a model to go on or to answer; its words are those of `Replanner`."""

    word = "replanner"
    body = Replanner
    short = "prompt"

    def build(self, body: Replanner, scope: Scope) -> Node:
        """The node that empties the plan when it answers; `size(plan.left) > 0` says go on."""
        scope.channel(body.plan, "plan")
        return Node(_decide(body, scope), scope.name)


def _decide(body: Replanner, scope: Scope) -> Act:
    channel = scope.conversation(body.messages, "messages")
    template = scope.template(body.prompt, "prompt")
    binding = Binding(scope.models, body.model, with_schema(Decision.model_json_schema()))

    def act(state: State, config: RunnableConfig) -> Work:
        plan = Plan.of(state, body.plan)
        messages = [SystemMessage(template.render(state)), HumanMessage(plan.report())]
        found = yield from structured.ask(
            binding.for_run(config), messages, Decision.model_validate
        )
        decision = found or Decision(answer="", steps=plan.left)
        if decision.steps:
            plan = plan.revised(decision.steps, body.max_replans)
        elif decision.answer:
            plan = plan.finished()
        if plan.left:
            return {body.plan: plan.model_dump()}
        answer = AIMessage(decision.answer or plan.results())
        return {body.plan: plan.model_dump(), channel: [answer]}

    return act
