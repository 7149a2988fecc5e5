"""The kind `executor`: takes the plan's next step, with tools.

`work` holds the steps' own conversations, one after another: each starts with a human message, the
step, and ends with the AI message that is its result. The model sees only that of the step at hand,
so a long plan fills neither the user's conversation nor the model's context, and a run that stops
between two tool calls goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.runnables import RunnableConfig
from pydantic import Field

from graphwright_graphs.models.words import Model
from graphwright_graphs.nodes.binding import Binding, with_tools
from graphwright_graphs.nodes.node import Act, Body, Call, Node, Scope, State, Update, Work
from graphwright_graphs.plan import Plan

_PROMPT = """\
You take one step of a plan, which the person names. Use tools where they help. Answer with the
result of this step alone, in a sentence or two; say so when it can't be done."""


class Executor(Body):
    """The words of an `executor` node."""

    prompt: str = _PROMPT
    tools: list[str] = Field(default_factory=list)
    model: Model | None = None
    plan: str = "plan"
    work: str = "work"
    """The messages channel for the steps; a `tools` node works on the same."""
    max_rounds: int = Field(default=8, ge=1, le=100)
    """How often one step may call tools; then it must answer with what it has."""


class ExecutorKind:
    """Lets a model take the plan's next step; its words are those of `Executor`."""

    word = "executor"
    body = Executor
    short = "tools"

    def build(self, body: Executor, scope: Scope) -> Node:
        """The node that works on a step until the model answers without calling tools."""
        scope.channel(body.plan, "plan")
        scope.conversation(body.work, "work")
        return Node(_step(body, scope), scope.name)


def _step(body: Executor, scope: Scope) -> Act:
    template = scope.template(body.prompt, "prompt")
    tools = scope.tools(body.tools)
    with_all = Binding(scope.models, body.model, with_tools(tools))
    with_none = Binding(scope.models, body.model, with_tools([]))

    def act(state: State, config: RunnableConfig) -> Work:
        plan = Plan.of(state, body.plan)
        if not plan.left:
            return {}
        work = _work(state.get(body.work) or (), plan.left[0])
        system = SystemMessage(f"{template.render(state)}\n\n{plan.report()}")
        if _rounds(work) < body.max_rounds:
            reply = yield Call(with_all.for_run(config), [system, *work])
        else:
            reply = yield Call(with_none.for_run(config), [system, _in_words(work)])
        return _update(body, plan, work, reply)

    return act


def _work(messages: Sequence[BaseMessage], step: str) -> list[BaseMessage]:
    """The conversation to go on with: that of this step if it is under way, or a new one."""
    started = [at for at, message in enumerate(messages) if isinstance(message, HumanMessage)]
    current = list(messages[started[-1] :]) if started else []
    # Tool results may also be left over from a step of an earlier plan that was stopped.
    if current and current[0].content == step and isinstance(current[-1], ToolMessage):
        return current
    return [HumanMessage(step)]


def _in_words(work: Sequence[BaseMessage]) -> HumanMessage:
    """A step and its tool results as one message: providers refuse tool calls where no tools are
    offered.
    """
    results = [f"- {each.name}: {each.text}" for each in work if isinstance(each, ToolMessage)]
    return HumanMessage("\n".join([str(work[0].text), "", "The tools gave:", *results]))


def _rounds(work: Sequence[BaseMessage]) -> int:
    return sum(isinstance(message, AIMessage) for message in work)


def _update(body: Executor, plan: Plan, work: list[BaseMessage], reply: AIMessage) -> Update:
    written = [*work, reply] if len(work) == 1 else [reply]
    if reply.tool_calls:
        return {body.work: written}
    return {body.work: written, body.plan: plan.advanced(str(reply.text)).model_dump()}
