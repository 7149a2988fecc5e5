"""The kind `planner`: a goal becomes a plan, the plan is carried out, the person gets an answer.

It is one node of a document and several of LangGraph's, each of which does one thing:

    planner ----> planner.approval   where a person is to approve
       |              |
       +------+-------+
              v
        planner.step  planner.step …   the steps that are ready, side by side
              |
        planner.replan ----> planner.step … as long as steps are left
              v
        planner.answer

Where to go is read from the plan (`Plan.due`) and from nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.messages import SystemMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.graph import StateGraph
from langgraph.types import Send
from pydantic import Field, model_validator

from graphwright_graphs.models.words import Model
from graphwright_graphs.nodes import executor, plan_approval, replanner, structured
from graphwright_graphs.nodes.binding import Binding, with_schema
from graphwright_graphs.nodes.conversation import composer, last_request
from graphwright_graphs.nodes.executor import Executor
from graphwright_graphs.nodes.human import Expiry
from graphwright_graphs.nodes.node import Act, Body, Compound, Node, Scope, State, Work
from graphwright_graphs.nodes.replanner import Answer, Replanner, tell
from graphwright_graphs.plan import MAX_TASK, Plan, Step
from graphwright_graphs.plan_form import Form
from graphwright_graphs.prompts import Template

_PROMPT = "Make a plan for the request of the person."
_RULES = """\
Each step is one self-contained instruction, carried out by an assistant that sees nothing but the
goal and the results of the steps it needs. Steps that don't need each other are done at the same
time, so name in `needs` what a step builds on. A simple request is a plan of one step. Take no step
that only repeats, checks or sums up the others. At most {most} steps."""
_TOOLS = "The steps have these tools:"
_EARLIER = """\
An earlier plan was left in the middle; you see how far it came. Where the person goes on with it,
plan what is still to be done, and name what is done in `needs` by the id that it has there. Where
the person has turned to something else, pay no heed to it."""
_REFUSED = "A person has refused the plan below and says why. Make another."


class Planner(Body):
    """The words of a `planner` node. A list stands for `tools`."""

    tools: list[str] = Field(default_factory=list)
    """The tools that steps may use."""
    approve: bool = False
    """Whether a person sees the plan first, and may approve, edit or refuse it."""
    expiry: Expiry | None = None
    """What is answered when nobody has looked at the plan in time."""
    prompt: str = _PROMPT
    model: Model | None = None
    messages: str | None = None
    """The conversation: the request stands there, and the answer goes there."""
    plan: str = "plan"
    """The channel that holds the plan; its reducer is `plan`."""
    max_steps: int = Field(default=8, ge=1, le=50)
    executor: Executor = Field(default_factory=Executor)
    """How one step is carried out."""
    replanner: Replanner = Field(default_factory=Replanner)
    """When the plan is changed."""
    answer: Answer = Field(default_factory=Answer)
    """How the results become an answer."""

    @model_validator(mode="after")
    def _somebody_asked(self) -> Planner:
        if self.expiry is not None and not self.approve:
            raise ValueError("`approve: true` beside `expiry`, which is about approval")
        return self


class PlannerKind:
    """Plans, carries out, replans and answers; its words are those of `Planner`."""

    word = "planner"
    body = Planner
    short = "tools"

    def build(self, body: Planner, scope: Scope) -> Compound:
        """The nodes of the planner, and the edges between them."""
        channel = _channel(body, scope)
        messages = scope.conversation(body.messages, "messages")
        tools, name = scope.tools(body.tools), scope.name
        form = Form([tool.name for tool in tools], body.max_steps)
        acts = {
            name: _plan(body, form, channel, messages, tools, scope),
            f"{name}.approval": plan_approval.approve(form, channel, body.expiry, scope.name),
            f"{name}.replan": replanner.review(body.replanner, body.model, form, channel, scope),
            f"{name}.answer": replanner.answer(body.answer, body.model, channel, messages, scope),
        }
        if not body.approve:
            del acts[f"{name}.approval"]
        step = executor.executor(body.executor, tools, body.model, channel, scope)
        nodes = {each: Node(act, each) for each, act in acts.items()} | {f"{name}.step": step}
        prompt = scope.template(body.executor.prompt, "executor", "prompt")
        return Compound(nodes, f"{name}.answer", _wire(Lead(name, channel, prompt), list(nodes)))


def _channel(body: Planner, scope: Scope) -> str:
    channel = scope.channel(body.plan, "plan")
    if channel is not None and channel.reducer != "plan":
        found, expected = f"a channel whose reducer is `{channel.reducer}`", f"`{body.plan}: plan`"
        scope.problems.report(("state", body.plan), found, expected)
    return body.plan


class Lead(Runnable[Any, "str | list[Send]"]):
    """Where a planner goes next, as its plan says.

    A Runnable, since LangGraph sends plain functions to a thread, which costs more than they do.
    """

    def __init__(self, planner: str, channel: str, prompt: Template) -> None:
        self.name = "due"
        self.planner = planner
        self._channel = channel
        self._prompt = prompt

    def invoke(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> str | list[Send]:
        """The next node, or a task for each step that is ready."""
        plan = Plan.of(input[self._channel])
        assert plan is not None, "the planner came before"
        return executor.lead(self.planner, plan, self._prompt.render(input))

    async def ainvoke(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> str | list[Send]:
        """The same, inline: it takes microseconds."""
        return self.invoke(input, config)


def _wire(lead: Lead, nodes: Sequence[str]) -> Callable[[StateGraph[Any]], None]:
    planner = lead.planner
    working = [f"{planner}.step", f"{planner}.replan", f"{planner}.answer"]

    def wire(graph: StateGraph[Any]) -> None:
        graph.add_edge(f"{planner}.step", f"{planner}.replan")
        graph.add_conditional_edges(f"{planner}.replan", lead, [working[0], working[2]])
        if (approval := f"{planner}.approval") in nodes:
            graph.add_conditional_edges(planner, lead, [approval, *working])
            graph.add_conditional_edges(approval, lead, [planner, working[0], working[2]])
        else:
            graph.add_conditional_edges(planner, lead, working)

    return wire


def _plan(
    body: Planner,
    form: Form,
    channel: str,
    messages: str,
    tools: Sequence[BaseTool],
    scope: Scope,
) -> Act:
    compose = composer(body.prompt, messages or None, scope)
    afresh, going_on = _bindings(body, form, scope)
    rules = told_always(form.most, tools)

    def act(state: State, config: RunnableConfig) -> Work:
        before = Plan.of(state.get(channel))
        request = last_request(state.get(messages) or ())
        if before and before.goes_on(request.id or ""):
            return {}
        earlier = before.carried() if before and before.unfinished else Plan(goal="")
        known = earlier.ended
        system, *talk = compose(state)
        said = [str(system.text), rules, *told_before(earlier)]
        found = yield from structured.ask(
            (going_on if known else afresh).for_run(config),
            [SystemMessage("\n\n".join(said)), *talk],
            lambda given: form.steps(given, least=1, known=known),
        )
        goal = str(request.text)
        # A model that can't plan still gets its work done: the goal itself is the one step.
        steps = found or [Step(id="s1", task=goal[:MAX_TASK] or "Answer the person.")]
        plan = Plan.made(goal, request.id or "", known, steps, approve=body.approve)
        tell(scope.name, plan)
        return {channel: plan.model_dump()}

    return act


def _bindings(body: Planner, form: Form, scope: Scope) -> tuple[Binding, Binding]:
    """For a plan of its own, and for one that may build on what an earlier one has found."""
    ids = [f"s{at}" for at in range(1, form.most + 1)]
    known = [f"e{at}" for at in range(1, form.most + 1)]
    plain = form.schema("Plan", least=1, ids=ids)
    more = form.schema("Plan", least=1, ids=ids, known=known)
    first, second = (
        Binding(scope.models, body.model, with_schema(schema)) for schema in (plain, more)
    )
    return first, second


def told_always(most: int, tools: Sequence[BaseTool]) -> str:
    """What a model is told of any plan: its rules, and the tools that its steps have."""
    lines = [f"- {tool.name}: {tool.description.strip().splitlines()[0]}" for tool in tools]
    return "\n".join([_RULES.format(most=most), *([_TOOLS, *lines] if lines else [])])


def told_before(plan: Plan) -> list[str]:
    """What a model is told about a plan that was left in the middle, or refused."""
    if not plan.steps:
        return []
    refused = f"{_REFUSED} They said: {plan.reason}"
    return [refused if plan.reason else _EARLIER, plan.report()]
