"""What a planner does once steps have ended: look whether the plan still holds, and answer."""

from __future__ import annotations

from typing import Literal

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer
from pydantic import Field

from graphwright_graphs.models.words import Model
from graphwright_graphs.nodes import structured
from graphwright_graphs.nodes.binding import Binding, with_schema, with_tools
from graphwright_graphs.nodes.node import Act, Body, Call, Scope, State, Work
from graphwright_graphs.plan import Plan
from graphwright_graphs.plan_form import Form

_PROMPT = """\
A plan is being carried out; you see its goal, what its steps gave, which failed, and which are
left. Give the steps that are still needed, in full. Keep those that are left as they are, unless a
result or a failure makes a change necessary; give none once the results reach the goal."""
CHANGES = """\
Never repeat a step that is done; name it in `needs` where its result is needed. To try a failed
step again, give it under its id, in a way that avoids what went wrong. At most {most} steps."""
_ANSWER = """\
A plan was carried out for a request. Answer the person from its results: use them, invent nothing,
and say what could not be done."""
REFUSED = "The plan was not approved, so nothing was done."


class Replanner(Body):
    """The words under `replanner`: when the steps that wait are looked at again."""

    prompt: str = _PROMPT
    model: Model | None = None
    """The planner's, if none is given."""
    after: Literal["results", "failures"] = "results"
    """Whether each result may change the plan, or failures alone, which costs fewer calls."""
    max_replans: int = Field(default=2, ge=0, le=20)
    """How often the steps that wait may be changed; then the plan is followed to its end."""


class Answer(Body):
    """The words under `answer`: how the results become an answer to the person."""

    prompt: str = _ANSWER
    model: Model | None = None
    """The planner's, if none is given."""


def review(body: Replanner, model: Model | None, form: Form, channel: str, scope: Scope) -> Act:
    """The work that changes what is left of the plan where that is called for."""
    template = scope.template(body.prompt, "replanner", "prompt")
    schema = form.schema("StepsLeft", least=0)
    binding = Binding(scope.models, body.model or model, with_schema(schema))

    def act(state: State, config: RunnableConfig) -> Work:
        plan = Plan.of(state[channel])
        assert plan is not None, "a step has ended"
        if not plan.is_to_be_reviewed(body.max_replans, results=body.after == "results"):
            return {channel: plan.reviewed_as().model_dump()}
        system = f"{template.render(state)}\n\n{CHANGES.format(most=form.most)}"
        found = yield from structured.ask(
            binding.for_run(config),
            [SystemMessage(system), HumanMessage(plan.report())],
            lambda given: form.steps(given, least=0, known=plan.ended),
        )
        revised = plan.reviewed_as(found)
        if revised.replans != plan.replans:
            tell(scope.name, revised)
        return {channel: revised.model_dump()}

    return act


def answer(body: Answer, model: Model | None, channel: str, messages: str, scope: Scope) -> Act:
    """The work that answers the person; its tokens are streamed."""
    template = scope.template(body.prompt, "answer", "prompt")
    binding = Binding(scope.models, body.model or model, with_tools([]))

    def act(state: State, config: RunnableConfig) -> Work:
        plan = Plan.of(state[channel])
        assert plan is not None, "a planner came before"
        done = plan.model_copy(update={"phase": "done"}).model_dump()
        if plan.phase == "declined":
            return {messages: [AIMessage(REFUSED)], channel: done}
        asked = [SystemMessage(template.render(state)), HumanMessage(plan.report())]
        reply = yield Call(binding.for_run(config), asked)
        return {messages: [reply], channel: done}

    return act


def tell(node: str, plan: Plan) -> None:
    """Stream a plan that was made or changed."""
    get_stream_writer()({"type": "plan", "node": node, "plan": plan.model_dump()})
