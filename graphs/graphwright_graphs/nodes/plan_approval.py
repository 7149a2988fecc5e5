"""A person's approval of a plan: what they are shown, and what their answer makes of the plan.

Request and answer have the shape in which tool calls are approved, see `approval`: the plan is one
action, named after the planner's node, whose arguments are its steps.
"""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, ToolCall
from langchain_core.runnables import RunnableConfig

from graphwright_graphs.approval import Edit, Reject, Review, UnclearAnswer
from graphwright_graphs.nodes.human import Expiry, answered
from graphwright_graphs.nodes.node import Act, State, Work
from graphwright_graphs.nodes.replanner import tell
from graphwright_graphs.plan import Plan
from graphwright_graphs.plan_form import Form


def approve(form: Form, channel: str, expiry: Expiry | None, planner: str) -> Act:
    """The work that asks, until the answer is one."""

    def act(state: State, config: RunnableConfig) -> Work:
        plan = Plan.of(state[channel])
        assert plan is not None, "the planner came before"
        request = asked(planner, plan)
        decided = answered(request, expiry, lambda answer: decision(planner, plan, form, answer))
        if decided.phase == "working":
            tell(planner, decided)
        return {channel: decided.model_dump()}
        yield  # a generator that waits for nothing

    return act


def asked(planner: str, plan: Plan) -> dict[str, Any]:
    """What a person is shown: the value of the interrupt."""
    request = _review(planner, plan).request()
    request["action_requests"][0]["description"] = plan.report()
    return request


def decision(planner: str, plan: Plan, form: Form, answer: Any) -> Plan:
    """The plan after an answer. Raises UnclearAnswer for one that is no decision or no plan."""
    (decided,) = _review(planner, plan).decisions(answer)
    if isinstance(decided, Edit):
        try:
            steps = form.steps(decided.edited_action.args, least=1, known=plan.ended)
        except ValueError as error:
            raise UnclearAnswer(str(error)) from None
        return plan.model_copy(update={"phase": "working", "steps": [*plan.ended, *steps]})
    if not isinstance(decided, Reject):
        return plan.model_copy(update={"phase": "working"})
    if decided.message:
        return plan.model_copy(update={"reason": decided.message})
    return plan.model_copy(update={"phase": "declined"})


def _review(planner: str, plan: Plan) -> Review:
    fields = {"id", "task", "needs", "tools"}
    steps = [step.model_dump(include=fields) for step in plan.waiting]
    args = {"goal": plan.goal, "steps": steps}
    call = ToolCall(type="tool_call", name=planner, args=args, id=planner)
    return Review(AIMessage("", tool_calls=[call]), (call,))
