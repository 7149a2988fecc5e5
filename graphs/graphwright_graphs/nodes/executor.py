"""What a planner does with one step: a model works on it with tools, within a budget.

Each step is a task of its own, which LangGraph runs beside the others, and in it a small graph of
its own, model and tools in turn: a run that is killed between two calls goes on from there. A step
sees the goal and the results of the steps that it needs, nothing else, so that a long plan fills
neither the conversation nor the context of a model.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
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
from graphwright_graphs.nodes.timing import Timed
from graphwright_graphs.nodes.tools import Result, explained
from graphwright_graphs.plan import Outcome, Plan, Step, told

FAILED = "FAILED:"
"""How an answer begins by which a model says that a step can't be done."""

_PROMPT = """\
You take one step of a plan. Use tools where they help. Answer with the result of this step alone,
in full: whoever goes on with it sees nothing else. Invent nothing."""


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
    """A step that takes longer has failed."""


class Task(TypedDict):
    """What a step is sent to work with."""

    goal: str
    step: dict[str, Any]
    given: list[dict[str, Any]]
    """The steps that it needs, with their results."""
    prompt: str


class Progress(TypedDict):
    """The state of one step's own graph. It is no `messages` channel: a stop of the run would take
    that for a part of the conversation with the person.
    """

    work: Annotated[list[AnyMessage], add_messages]
    prompt: str
    tools: list[str]


def step_node(planner: str) -> str:
    """The name of the node that carries out the steps of a planner."""
    return f"{planner}.step"


def lead(planner: str, plan: Plan, prompt: str) -> str | list[Send]:
    """Where a plan leads: to a node of its planner, or to a task for each step that is ready."""
    if plan.due != "step":
        return planner if plan.due == "plan" else f"{planner}.{plan.due}"
    system = f"{prompt}\n\nIf the step can't be done, answer `{FAILED}` and the reason."
    return [Send(step_node(planner), _task(plan, step, system)) for step in plan.ready]


def _task(plan: Plan, step: Step, system: str) -> Task:
    given = [each.model_dump() for each in plan.given(step)]
    return Task(goal=plan.goal, step=step.model_dump(), given=given, prompt=system)


def executor(
    body: Executor, tools: Sequence[BaseTool], model: Model | None, channel: str, scope: Scope
) -> Node:
    """The node that carries out one step and writes its outcome into the plan's channel."""
    agent = _agent(body, tools, body.model or model, scope)
    offered = [tool.name for tool in tools]

    def act(state: State, config: RunnableConfig) -> Work:
        step = Step(**state["step"])
        tell = get_stream_writer()
        tell(started(scope.name, step, config))
        try:
            ended = yield Call(agent, begun(state, offered))
            outcome = came_out(step, str(ended["work"][-1].text))
        except GraphBubbleUp:  # an interrupt in a tool, or a drain: the step goes on later
            raise
        except Exception as error:  # one step that fails is no reason to lose the others
            outcome = Outcome(step=step.id, status="failed", result=why(error))
        tell(over(scope.name, outcome))
        return {channel: outcome.model_dump()}

    return Node(act, step_node(scope.name))


def started(planner: str, step: Step, config: RunnableConfig) -> dict[str, Any]:
    """The event that tells of a step that begins; its work is streamed in the `namespace`."""
    place = config.get("configurable", {}).get("checkpoint_ns", "")
    told = {"type": "step", "node": planner, "id": step.id, "status": "started"}
    return {**told, "task": step.task, "namespace": place}


def over(planner: str, outcome: Outcome) -> dict[str, Any]:
    """The event that tells how a step came out."""
    told = {"type": "step", "node": planner, "id": outcome.step}
    return {**told, "status": outcome.status, "result": outcome.result}


def begun(task: Mapping[str, Any], tools: Sequence[str]) -> dict[str, Any]:
    """The state in which the work on a step begins; `tools` are those of the planner."""
    step, given = Step(**task["step"]), [Step(**each) for each in task["given"]]
    done = [each for each in given if each.status == "done"]
    failed = [each for each in given if each.status == "failed"]
    request = told(task["goal"], done, failed, step=step.task)
    return {
        "work": [HumanMessage(request)],
        "prompt": task["prompt"],
        "tools": step.tools or list(tools),
    }


def why(error: Exception) -> str:
    """What an exception says of a step that could not be carried out."""
    return f"{type(error).__name__}: {error}".rstrip(": ")


def came_out(step: Step, answer: str) -> Outcome:
    """What a model's last answer says of a step."""
    answer = answer.strip()
    if answer.upper().startswith(FAILED) or not answer:
        reason = answer[len(FAILED) :].strip() or "the model gave no answer"
        return Outcome(step=step.id, status="failed", result=reason)
    return Outcome(step=step.id, status="done", result=answer)


def _agent(
    body: Executor, tools: Sequence[BaseTool], model: Model | None, scope: Scope
) -> Runnable[Any, Any]:
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(Progress)
    ends = ("tools", END) if tools else (END,)
    graph.add_node("model", _model(body, tools, model, scope), destinations=ends)
    graph.add_edge(START, "model")
    if tools:
        run = ToolNode(
            tools,
            handle_tool_errors=explained,
            messages_key="work",
            wrap_tool_call=only_granted,
            awrap_tool_call=only_granted_async,
        )
        graph.add_node("tools", run)
        graph.add_edge("tools", "model")
    # LangGraph streams what a run of its node's own name returns as messages of that node.
    agent = graph.compile(name="step")
    return agent if body.max_seconds is None else Timed(agent, "step", body.max_seconds)


def _model(body: Executor, tools: Sequence[BaseTool], model: Model | None, scope: Scope) -> Node:
    budget = Budget(body.max_rounds, body.max_tokens)

    @lru_cache(maxsize=32)
    def binding(granted: tuple[str, ...]) -> Binding:
        bound = [tool for tool in tools if tool.name in granted]
        return Binding(scope.models, model, with_tools(bound))

    def act(state: State, config: RunnableConfig) -> Work:
        work, system = state["work"], SystemMessage(state["prompt"])
        if may_call := bool(tools) and budget.allows(work):
            bound = binding(tuple(state["tools"])).for_run(config)
            reply = yield Call(bound, [system, *work])
        else:
            reply = yield Call(binding(()).for_run(config), [system, in_words(work)])
        # Calls that are made where no tools are offered are not run.
        goto = "tools" if may_call and reply.tool_calls else END
        return Command(update={"work": [reply]}, goto=goto)

    return Node(act, "model")


@dataclass(frozen=True, slots=True)
class Budget:
    """What one step may use up before it must answer."""

    rounds: int
    tokens: int | None = None

    def allows(self, work: Sequence[BaseMessage]) -> bool:
        """Whether the model of a step may call tools once more."""
        replies = [message for message in work if isinstance(message, AIMessage)]
        used = sum(each.usage_metadata["total_tokens"] for each in replies if each.usage_metadata)
        return len(replies) < self.rounds and (self.tokens is None or used < self.tokens)


def in_words(work: Sequence[BaseMessage]) -> HumanMessage:
    """A step and its tool results as one message: providers refuse tool calls where no tools are
    offered.
    """
    results = [f"- {each.name}: {each.text}" for each in work if isinstance(each, ToolMessage)]
    told = ["", "The tools gave:", *results] if results else []
    return HumanMessage("\n".join([str(work[0].text), *told]))


def _ungranted(request: ToolCallRequest) -> ToolMessage | None:
    """What a model is told that calls a tool which its step was not given."""
    call, granted = request.tool_call, request.state["tools"]
    if call["name"] in granted:
        return None
    text = f"This step has no tool {call['name']!r}; it has {', '.join(granted)}."
    return ToolMessage(text, name=call["name"], tool_call_id=call["id"], status="error")


def only_granted(request: ToolCallRequest, run: Callable[[ToolCallRequest], Result]) -> Result:
    """Run a call of a tool that its step was given; any other is answered."""
    return _ungranted(request) or run(request)


async def only_granted_async(
    request: ToolCallRequest, run: Callable[[ToolCallRequest], Awaitable[Result]]
) -> Result:
    """The same, awaited."""
    return _ungranted(request) or await run(request)
