"""A person's approval of a plan: what they are shown, and what their answer makes of the plan.

Request and answer have the shape in which tool calls are approved, see `approval`: the plan is one
action, named after the planner's node, whose arguments are its steps.
"""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, ToolCall
from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt

from graphwright_graphs.approval import Edit, Reject, Review, UnclearAnswer
from graphwright_graphs.nodes.node import Act, State, Work
from graphwright_graphs.nodes.replanner import tell
from graphwright_graphs.plan import Plan
from graphwright_graphs.plan_form import Form


def approve(form: Form, channel: str, planner: str) -> Act:
    """The work that asks, until the answer is one."""

    def act(state: State, config: RunnableConfig) -> Work:
        plan = Plan.of(state[channel])
        assert plan is not None, "the planner came before"
        review = _review(planner, plan)
        request, answered = _request(review, plan), None
        while answered is None:
            answer: Any = interrupt(request)
            try:
                answered = _answered(plan, review, answer, form)
            except ValueError as error:
                # Failing here would keep the useless answer: LangGraph replays it on every retry.
                request = {**_request(review, plan), "error": str(error)}
        if answered.phase == "working":
            tell(planner, answered)
        return {channel: answered.model_dump()}
        yield  # a generator that calls no model

    return act


def _review(planner: str, plan: Plan) -> Review:
    fields = {"id", "task", "needs", "tools"}
    steps = [step.model_dump(include=fields) for step in plan.waiting]
    args = {"goal": plan.goal, "steps": steps}
    call = ToolCall(type="tool_call", name=planner, args=args, id=planner)
    return Review(AIMessage("", tool_calls=[call]), (call,))


def _request(review: Review, plan: Plan) -> dict[str, Any]:
    request = review.request()
    request["action_requests"][0]["description"] = plan.report()
    return request


def _answered(plan: Plan, review: Review, answer: Any, form: Form) -> Plan:
    """The plan after an answer. Raises ValueError for one that is no decision or no plan."""
    try:
        (decision,) = review.decisions(answer)
    except UnclearAnswer as error:
        raise ValueError(str(error)) from None
    if isinstance(decision, Edit):
        steps = form.steps(decision.edited_action.args, least=1, known=plan.ended)
        return plan.model_copy(update={"phase": "working", "steps": [*plan.ended, *steps]})
    if not isinstance(decision, Reject):
        return plan.model_copy(update={"phase": "working"})
    if decision.message:
        return plan.model_copy(update={"reason": decision.message})
    return plan.model_copy(update={"phase": "declined"})
