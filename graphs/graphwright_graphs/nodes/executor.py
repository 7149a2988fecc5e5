"""What a planner does with one step: a model works on it with tools, within a budget.

Each step is a task of its own, which LangGraph runs beside the others, and in it a small graph of
its own, model and tools in turn: a run that is killed between two calls goes on from there. A step
sees the goal and the results of the steps that it needs, nothing else, so that a long plan fills
neither the conversation nor the context of a model.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Annotated, Any

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.config import get_stream_writer
from langgraph.errors import GraphBubbleUp
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.types import Command, Send
from pydantic import Field
from typing_extensions import TypedDict

from graphwright_graphs.models.words import Model
from graphwright_graphs.nodes.binding import Binding, with_tools
from graphwright_graphs.nodes.node import Body, Call, Node, Scope, State, Work
from graphwright_graphs.nodes.tools import Result, explained
from graphwright_graphs.plan import Outcome, Plan, Step, told

FAILED = "FAILED:"
"""How an answer begins by which a model says that a step can't be done."""

_PROMPT = """\
You take one step of a plan. Use tools where they help. Answer with the result of this step alone,
in full: whoever goes on with it sees nothing else. Invent nothing."""
RULE = f"If the step can't be done, answer `{FAILED}` and the reason."


class Executor(Body):
    """The words under `executor`: how one step is carried out."""

    prompt: str = _PROMPT
    model: Model | None = None
    """The planner's, if none is given."""
    max_rounds: int = Field(default=8, ge=1, le=100)
    """How often one step may call tools; then it must answer with what it has."""
    max_tokens: int | None = Field(default=None, ge=1)
    """After so many tokens of its model, it must answer too."""
    max_seconds: float | None = Field(default=None, gt=0)
    """The same for time; a call that is under way is not cut off."""


class Task(TypedDict):
    """What a step is sent to work with."""

    goal: str
    step: dict[str, Any]
    given: list[dict[str, Any]]
    """The steps that it needs, with their results."""
    prompt: str


class _Progress(TypedDict):
    """The state of one step's own graph. It is no `messages` channel: a stop of the run would take
    that for a part of the conversation with the person.
    """

    work: Annotated[list[AnyMessage], add_messages]
    prompt: str
    tools: list[str]
    began: float


def step_node(planner: str) -> str:
    """The name of the node that carries out the steps of a planner."""
    return f"{planner}.step"


def send(planner: str, plan: Plan, step: Step, prompt: str) -> Send:
    """The task of a step that is ready."""
    given = [each.model_dump() for each in plan.given(step)]
    return Send(
        step_node(planner), Task(goal=plan.goal, step=step.model_dump(), given=given, prompt=prompt)
    )


def executor(
    body: Executor, tools: Sequence[BaseTool], model: Model | None, channel: str, scope: Scope
) -> Node:
    """The node that carries out one step and writes its outcome into the plan's channel."""
    agent = _agent(body, tools, body.model or model, scope)

    def act(state: State, config: RunnableConfig) -> Work:
        step, given = Step(**state["step"]), [Step(**each) for each in state["given"]]
        tell = get_stream_writer()
        told_as = {"type": "step", "node": scope.name, "id": step.id}
        tell({**told_as, "status": "started", "task": step.task})
        request = told(state["goal"], *_by_status(given), step=step.task)
        granted = step.tools or [tool.name for tool in tools]
        task = {"work": [HumanMessage(request)], "prompt": state["prompt"], "tools": granted}
        try:
            ended = yield Call(agent, {**task, "began": time.time()})
            outcome = _outcome(step, str(ended["work"][-1].text))
        except GraphBubbleUp:  # an interrupt in a tool, or a drain: the step goes on later
            raise
        except Exception as error:  # one step that fails is no reason to lose the others
            outcome = Outcome(step=step.id, status="failed", result=explained(error))
        tell({**told_as, "status": outcome.status, "result": outcome.result})
        return {channel: outcome.model_dump()}

    return Node(act, step_node(scope.name))


def _by_status(steps: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    done = [step for step in steps if step.status == "done"]
    return done, [step for step in steps if step.status == "failed"]


def _outcome(step: Step, answer: str) -> Outcome:
    answer = answer.strip()
    if answer.upper().startswith(FAILED) or not answer:
        reason = answer[len(FAILED) :].strip() or "the model gave no answer"
        return Outcome(step=step.id, status="failed", result=reason)
    return Outcome(step=step.id, status="done", result=answer)


def _agent(
    body: Executor, tools: Sequence[BaseTool], model: Model | None, scope: Scope
) -> Runnable[Any, Any]:
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(_Progress)
    ends = ("tools", END) if tools else (END,)
    graph.add_node("model", _model(body, tools, model, scope), destinations=ends)
    graph.add_edge(START, "model")
    if tools:
        run = ToolNode(
            tools,
            handle_tool_errors=explained,
            messages_key="work",
            wrap_tool_call=_granted,
            awrap_tool_call=_agranted,
        )
        graph.add_node("tools", run)
        graph.add_edge("tools", "model")
    # LangGraph streams what a run of its node's own name returns as messages of that node.
    return graph.compile(name="step")


def _model(body: Executor, tools: Sequence[BaseTool], model: Model | None, scope: Scope) -> Node:
    @lru_cache(maxsize=32)
    def binding(granted: tuple[str, ...]) -> Binding:
        bound = [tool for tool in tools if tool.name in granted]
        return Binding(scope.models, model, with_tools(bound))

    def act(state: State, config: RunnableConfig) -> Work:
        work, system = state["work"], SystemMessage(state["prompt"])
        if may_call := bool(tools) and _within(body, work, state["began"]):
            bound = binding(tuple(state["tools"])).for_run(config)
            reply = yield Call(bound, [system, *work])
        else:
            reply = yield Call(binding(()).for_run(config), [system, _in_words(work)])
        # Calls that are made where no tools are offered are not run.
        goto = "tools" if may_call and reply.tool_calls else END
        return Command(update={"work": [reply]}, goto=goto)

    return Node(act, "model")


def _within(body: Executor, work: Sequence[BaseMessage], began: float) -> bool:
    """Whether the step's budget allows it to call tools once more."""
    replies = [message for message in work if isinstance(message, AIMessage)]
    tokens = sum(each.usage_metadata["total_tokens"] for each in replies if each.usage_metadata)
    return (
        len(replies) < body.max_rounds
        and (body.max_tokens is None or tokens < body.max_tokens)
        and (body.max_seconds is None or time.time() - began < body.max_seconds)
    )


def _in_words(work: Sequence[BaseMessage]) -> HumanMessage:
    """A step and its tool results as one message: providers refuse tool calls where no tools are
    offered.
    """
    results = [f"- {each.name}: {each.text}" for each in work if isinstance(each, ToolMessage)]
    told = ["", "The tools gave:", *results] if results else []
    return HumanMessage("\n".join([str(work[0].text), *told]))


def _refusal(request: ToolCallRequest) -> ToolMessage | None:
    """What a model is told that calls a tool which its step was not given."""
    call, granted = request.tool_call, request.state["tools"]
    if call["name"] in granted:
        return None
    text = f"This step has no tool {call['name']!r}; it has {', '.join(granted)}."
    return ToolMessage(text, name=call["name"], tool_call_id=call["id"], status="error")


def _granted(request: ToolCallRequest, run: Callable[[ToolCallRequest], Result]) -> Result:
    return _refusal(request) or run(request)


async def _agranted(
    request: ToolCallRequest, run: Callable[[ToolCallRequest], Awaitable[Result]]
) -> Result:
    return _refusal(request) or await run(request)
