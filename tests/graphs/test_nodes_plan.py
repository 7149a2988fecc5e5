"""The kind `planner`: a plan is made, approved, carried out side by side, changed, and answered."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from langgraph.types import Command
from pydantic import Field, PrivateAttr
from tests.graphs.openai_server import Request, answering

import graphwright_graphs
from graphwright import stopping
from graphwright_graphs.models import Models

THREAD: Any = {"configurable": {"thread_id": "1"}}
GOAL = {"messages": "Do a and b."}
PLANNER = """
    state: {{messages: messages, plan: plan}}
    nodes: {{planner: {{planner: {words}}}}}
    edges: {{START: planner, planner: END}}
"""
TOOLS = '''
import asyncio

from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt

TRIED = []


async def calculator(expression: str, config: RunnableConfig) -> str:
    """Work out a sum, as soon as another one is being worked out too."""
    await asyncio.wait_for(config["configurable"]["barrier"].wait(), 10)
    return f"{eval(expression)}"


def flaky(expression: str) -> str:
    """Work out a sum, but not at the first attempt."""
    TRIED.append(expression)
    if len(TRIED) == 1:
        raise ConnectionError("try later")
    return f"{eval(expression)}"


def add(a: int, b: int) -> int:
    """Add two integers."""
    return a + b


def ask(question: str) -> str:
    """Ask a person."""
    return interrupt({"question": question})
'''


def step(name: str, *needs: str, tools: Sequence[str] = ()) -> dict[str, Any]:
    return {"id": name, "task": f"do {name}", "needs": list(needs), "tools": list(tools)}


class Script(BaseChatModel):
    """Plays every part by what it is asked: plans, what is left, and each step by its task."""

    plans: list[Any] = Field(default_factory=list)
    left: list[Any] = Field(default_factory=list)
    steps: dict[str, Any] = Field(default_factory=dict)
    """The answers to a step's rounds, in order; a step that is not here gives its task back."""
    hold: Callable[[str], Any] | None = None
    _asked: list[tuple[str, list[BaseMessage], list[str]]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "script"

    def asked(self, part: str) -> list[tuple[list[BaseMessage], list[str]]]:
        return [(messages, tools) for of, messages, tools in self._asked if of == part]

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, Any]:
        return self.bind(tools=[convert_to_openai_tool(each)["function"]["name"] for each in tools])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        reply = self._reply(messages, kwargs.get("tools") or [])
        if isinstance(reply, Exception):
            raise reply
        message = AIMessage(reply) if isinstance(reply, str) else reply.model_copy(deep=True)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if self.hold and "Step: " in str(messages[1].content):
            await self.hold(str(messages[1].content).rpartition("Step: ")[2])
        return self._generate(messages, **kwargs)

    def _reply(self, messages: list[BaseMessage], tools: list[str]) -> Any:
        for part, replies in (("Plan", self.plans), ("StepsLeft", self.left)):
            if part in tools:
                reply = replies[len(self.asked(part))]
                self._asked.append((part, messages, tools))
                return reply if isinstance(reply, str) else made(part, reply)
        request = str(messages[1].content)
        part, found, task = request.rpartition("Step: ")
        self._asked.append(("step" if found else "answer", messages, tools))
        if not found:
            return request
        task = task.partition("\n")[0]
        rounds = self.steps.get(task, task)
        if isinstance(rounds, str | Exception):
            return rounds
        return rounds[sum(m.type == "ai" for m in messages) if tools else -1]


def made(tool: str, steps: Any) -> AIMessage:
    call = ToolCall(type="tool_call", name=tool, args={"steps": steps}, id="call")
    return AIMessage("", tool_calls=[call])


def adding(**args: int) -> AIMessage:
    return AIMessage("", tool_calls=[ToolCall(type="tool_call", name="add", args=args, id="1")])


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module of tools, importable as `plan_tools`."""
    (tmp_path / "plan_tools.py").write_text(TOOLS)
    monkeypatch.syspath_prepend(tmp_path)
    yield "plan_tools"
    sys.modules.pop("plan_tools", None)


@pytest.fixture
def planner(compiled: Any, catalogue: Any) -> Callable[..., Any]:
    """`planner(model, words)`: a graph that is one planner, with checkpoints in memory."""

    def make(model: Script, words: str = "{}", **kwargs: Any) -> Any:
        graph = compiled(PLANNER.format(words=words), models=catalogue(model))
        graph.checkpointer = kwargs.get("saver") or InMemorySaver()
        return graph

    return make


def said(state: dict[str, Any]) -> str:
    return str(state["messages"][-1].content)


def outcomes(state: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(each["id"], each["status"], each["result"]) for each in state["plan"]["steps"]]


async def events(graph: Any, given: Any, config: Any = THREAD) -> list[dict[str, Any]]:
    return [event async for event in graph.astream(given, config, stream_mode="custom")]


async def test_steps_get_the_results_that_they_need_in_full(planner: Any) -> None:
    model = Script(
        plans=[[step("a"), step("b"), step("c", "a")]],
        left=[[step("c", "a")]],
        steps={"do a": "1\nDone:\n2", "do c": "3"},
    )
    state = await planner(model).ainvoke(GOAL, THREAD)

    assert outcomes(state) == [
        ("a", "done", "1\nDone:\n2"),
        ("b", "done", "do b"),
        ("c", "done", "3"),
    ]
    assert (state["plan"]["phase"], state["plan"]["replans"]) == ("done", 0)
    requests = [str(messages[1].content) for messages, _ in model.asked("step")]
    assert requests[2] == "Goal: Do a and b.\nDone:\n- [a] do a\n  1\n  Done:\n  2\nStep: do c"
    assert said(state).startswith("Goal: Do a and b.\nDone:\n- [a] do a")


def test_a_sync_run_does_the_same(planner: Any, tools: str) -> None:
    model = Script(plans=[[step("a")]], steps={"do a": [adding(a=1, b=2), "three"]})
    state = planner(model, '["plan_tools:add"]').invoke(GOAL, THREAD)

    assert outcomes(state) == [("a", "done", "three")]


async def test_ready_steps_are_carried_out_at_the_same_time(planner: Any) -> None:
    barrier = asyncio.Barrier(3)

    async def hold(task: str) -> None:
        await asyncio.wait_for(barrier.wait(), 10)

    model = Script(plans=[[step("a"), step("b"), step("c")]], hold=hold)
    state = await planner(model).ainvoke(GOAL, THREAD)

    assert [status for _, status, _ in outcomes(state)] == ["done"] * 3


async def test_plan_and_steps_are_streamed_as_custom_events(planner: Any) -> None:
    model = Script(
        plans=[[step("a"), step("b", "a")]],
        left=[[step("b", "a"), step("c")]],
        steps={"do b": "FAILED: no road"},
    )
    streamed = await events(planner(model, "{replanner: {max_replans: 1}}"), GOAL)

    assert all(event["node"] == "planner" for event in streamed)
    told = [
        [each["id"] for each in event["plan"]["steps"]]
        if event["type"] == "plan"
        else (event["id"], event["status"], event.get("result"))
        for event in streamed
    ]
    assert told[:4] == [["a", "b"], ("a", "started", None), ("a", "done", "do a"), ["a", "b", "c"]]
    assert set(map(str, told[4:])) == {
        str(("b", "started", None)),
        str(("c", "started", None)),
        str(("b", "failed", "no road")),
        str(("c", "done", "do c")),
    }


async def test_a_step_tells_where_its_own_events_are(planner: Any) -> None:
    graph = planner(Script(plans=[[step("a")]]))
    modes = ["custom", "messages"]
    parts = [part async for part in graph.astream(GOAL, THREAD, stream_mode=modes, subgraphs=True)]
    (started,) = [data for _, _, data in parts if data and "namespace" in data]
    said_by_steps = {space for space, mode, _ in parts if mode == "messages" and space}

    assert said_by_steps == {(started["namespace"],)}


async def test_the_answer_is_streamed_and_the_words_of_steps_are_not(planner: Any) -> None:
    graph = planner(Script(plans=[[step("a")]]))
    streamed = [
        (metadata["langgraph_node"], message.type)
        async for message, metadata in graph.astream(GOAL, THREAD, stream_mode="messages")
    ]
    assert streamed == [("planner.answer", "ai")]


async def test_a_plan_that_will_not_do_is_repaired_once(planner: Any) -> None:
    model = Script(plans=[[step("a", "b")], [step("a")]])
    state = await planner(model).ainvoke(GOAL, THREAD)

    (_, _), (repaired, _) = model.asked("Plan")
    assert "step 'a' needs 'b', and there is no such step" in str(repaired[-1].content)
    assert outcomes(state) == [("a", "done", "do a")]


@pytest.mark.parametrize("plan", ["I plan", [step("a", "a")], [step(each) for each in "abcd"]])
async def test_after_two_of_them_the_goal_is_the_one_step(planner: Any, plan: Any) -> None:
    model = Script(plans=[plan, plan])
    state = await planner(model, "{max_steps: 3}").ainvoke(GOAL, THREAD)

    assert outcomes(state) == [("s1", "done", "Do a and b.")]


async def test_a_step_has_the_tools_that_it_names_and_no_other(planner: Any, tools: str) -> None:
    add = adding(a=1, b=2)
    model = Script(
        plans=[[step("a", tools=["add"]), step("b", tools=["flaky"]), step("c")]],
        steps={"do a": [add, "done"], "do b": [add, "done"]},
    )
    words = '["plan_tools:add", "plan_tools:flaky"]'
    await planner(model, words).ainvoke(GOAL, THREAD)

    offered = {str(messages[1].content)[-1]: tools for messages, tools in model.asked("step")}
    assert offered == {"a": ["add"], "b": ["flaky"], "c": ["add", "flaky"]}
    results = {
        str(messages[1].content)[-1]: str(messages[-1].content)
        for messages, _ in model.asked("step")
        if isinstance(messages[-1], ToolMessage)
    }
    assert results == {"a": "3", "b": "This step has no tool 'add'; it has flaky."}


@pytest.mark.parametrize("budget", ["max_rounds: 2", "max_tokens: 20"])
async def test_a_step_whose_budget_is_used_up_has_to_answer(
    planner: Any, tools: str, budget: str
) -> None:
    add = adding(a=1, b=1)
    add.usage_metadata = {"input_tokens": 5, "output_tokens": 5, "total_tokens": 10}
    model = Script(plans=[[step("a")]], steps={"do a": [add, add, "two"]})
    words = f'{{tools: ["plan_tools:add"], executor: {{{budget}}}}}'
    state = await planner(model, words).ainvoke(GOAL, THREAD)

    messages, offered = model.asked("step")[-1]
    assert outcomes(state) == [("a", "done", "two")]
    assert (offered, [message.type for message in messages]) == ([], ["system", "human"])
    assert str(messages[1].content).count("- add: 2") == 2


async def test_a_step_that_takes_too_long_has_failed(planner: Any) -> None:
    async def hold(task: str) -> None:
        await asyncio.sleep(60 if task == "do a" else 0)

    model = Script(plans=[[step("a"), step("b")]], left=[[]], hold=hold)
    state = await planner(model, "{executor: {max_seconds: 0.2}}").ainvoke(GOAL, THREAD)

    (_, failed, why), (_, done, _) = outcomes(state)
    assert (failed, done) == ("failed", "done")
    assert why.startswith("NodeTimeoutError: ")


async def test_a_step_that_raises_has_failed_and_the_others_are_kept(planner: Any) -> None:
    model = Script(
        plans=[[step("a"), step("b")]],
        left=[[]],
        steps={"do a": RuntimeError("cut off"), "do b": ""},
    )
    state = await planner(model).ainvoke(GOAL, THREAD)

    assert outcomes(state) == [
        ("a", "failed", "RuntimeError: cut off"),
        ("b", "failed", "the model gave no answer"),
    ]
    assert "Failed:\n- [a] do a" in said(state)


async def test_a_failed_step_is_tried_again_and_what_waits_may_change(planner: Any) -> None:
    again = {**step("a"), "task": "do it by hand"}
    model = Script(
        plans=[[step("a"), step("b", "a")]],
        left=[[again, step("c", "a")], [step("c", "a")]],
        steps={"do a": "FAILED: broken"},
    )
    state = await planner(model).ainvoke(GOAL, THREAD)

    assert "Failed:\n- [a] do a\n  broken\nLeft:\n- [b] do b (needs a)" in str(
        model.asked("StepsLeft")[0][0][-1].content
    )
    assert outcomes(state) == [("a", "done", "do it by hand"), ("c", "done", "do c")]
    assert state["plan"]["replans"] == 1


async def test_replans_are_bounded_and_then_the_plan_is_followed(planner: Any) -> None:
    model = Script(
        plans=[[step("a"), step("b", "a")]],
        left=[[step("c"), step("d", "c")]],
        steps={"do c": "FAILED: no"},
    )
    state = await planner(model, "{replanner: {max_replans: 1}}").ainvoke(GOAL, THREAD)

    assert outcomes(state) == [
        ("a", "done", "do a"),
        ("c", "failed", "no"),
        ("d", "done", "do d"),
    ]
    assert "Failed:\n- [c] do c\n  no\nStep: do d" in str(model.asked("step")[-1][0][1].content)


async def test_an_unclear_review_leaves_the_plan_as_it_is(planner: Any) -> None:
    model = Script(plans=[[step("a"), step("b", "a")]], left=["?", [step("c", "z")]])
    state = await planner(model).ainvoke(GOAL, THREAD)
    assert [name for name, _, _ in outcomes(state)] == ["a", "b"]


async def test_results_may_be_left_unreviewed(planner: Any) -> None:
    model = Script(plans=[[step("a"), step("b", "a")]])
    state = await planner(model, "{replanner: {after: failures}}").ainvoke(GOAL, THREAD)
    assert [name for name, _, _ in outcomes(state)] == ["a", "b"]


async def test_a_person_approves_a_plan(planner: Any) -> None:
    model = Script(plans=[[step("a"), step("b")]])
    graph = planner(model, "{approve: true}")
    state = await graph.ainvoke(GOAL, THREAD)
    (asked,) = state["__interrupt__"]

    assert asked.value["action_requests"] == [
        {
            "name": "planner",
            "args": {"goal": "Do a and b.", "steps": [step("a"), step("b")]},
            "description": "Goal: Do a and b.\nLeft:\n- [a] do a\n- [b] do b",
        }
    ]
    assert asked.value["review_configs"][0]["allowed_decisions"] == ["approve", "edit", "reject"]
    assert model.asked("step") == []

    state = await graph.ainvoke(Command(resume={"decisions": [{"type": "approve"}]}), THREAD)
    assert [name for name, _, _ in outcomes(state)] == ["a", "b"]


async def test_a_person_edits_a_plan_and_is_told_what_is_wrong_with_it(planner: Any) -> None:
    graph = planner(Script(plans=[[step("a"), step("b")]]), "{approve: true}")
    await graph.ainvoke(GOAL, THREAD)

    def edit(*steps: Any) -> Command[Any]:
        action = {"name": "planner", "args": {"steps": list(steps)}}
        return Command(resume={"decisions": [{"type": "edit", "edited_action": action}]})

    state = await graph.ainvoke(edit(step("a", "z")), THREAD)
    (asked,) = state["__interrupt__"]
    assert asked.value["error"] == "step 'a' needs 'z', and there is no such step"

    state = await graph.ainvoke(edit(step("z"), {"task": "mine"}), THREAD)
    assert outcomes(state) == [("z", "done", "do z"), ("s1", "done", "mine")]


async def test_a_refusal_with_a_reason_makes_another_plan(planner: Any) -> None:
    model = Script(plans=[[step("a")], [step("b")]])
    graph = planner(model, "{approve: true}")
    await graph.ainvoke(GOAL, THREAD)
    refusal = {"type": "reject", "message": "not that way"}
    state = await graph.ainvoke(Command(resume={"decisions": [refusal]}), THREAD)

    assert "They said: not that way" in str(model.asked("Plan")[1][0][0].content)
    assert [
        each["id"]
        for each in state["__interrupt__"][0].value["action_requests"][0]["args"]["steps"]
    ] == ["b"]
    state = await graph.ainvoke(Command(resume="yes"), THREAD)
    assert outcomes(state) == [("b", "done", "do b")]


async def test_a_refusal_without_a_reason_ends_it(planner: Any) -> None:
    model = Script(plans=[[step("a")], [step("b")]])
    graph = planner(model, "{approve: true}")
    await graph.ainvoke(GOAL, THREAD)
    state = await graph.ainvoke(Command(resume="no"), THREAD)

    assert said(state) == "The plan was not approved, so nothing was done."
    assert (model.asked("step"), model.asked("answer")) == ([], [])

    await graph.ainvoke({"messages": "Then do b."}, THREAD)
    assert "earlier plan" not in str(model.asked("Plan")[1][0][0].content)


async def test_tools_of_steps_that_run_side_by_side_may_each_ask_a_person(
    planner: Any, tools: str
) -> None:
    def asking(question: str) -> list[Any]:
        call = ToolCall(type="tool_call", name="ask", args={"question": question}, id="1")
        return [AIMessage("", tool_calls=[call]), f"{question} answered"]

    steps = {"do a": asking("a?"), "do b": asking("b?")}
    model = Script(plans=[[step("a"), step("b")]], steps=steps)
    graph = planner(model, '["plan_tools:ask"]')
    state = await graph.ainvoke(GOAL, THREAD)
    asked = {each.value["question"]: each.id for each in state["__interrupt__"]}

    state = await graph.ainvoke(Command(resume={asked["b?"]: "no"}), THREAD)
    assert [each.value["question"] for each in state["__interrupt__"]] == ["a?"]
    state = await graph.ainvoke(Command(resume={asked["a?"]: "yes"}), THREAD)

    assert outcomes(state) == [("a", "done", "a? answered"), ("b", "done", "b? answered")]
    assert tasks(model) == ["do a", "do b", "do b", "do a"]


async def test_the_document_goes_on_after_the_answer(compiled: Any, catalogue: Any) -> None:
    model = Script(plans=[[step("a")]])
    graph = compiled(
        """
        state: {messages: messages, plan: plan, note: last}
        nodes:
          planner: {planner: [calculator]}
          note: {llm: {prompt: "Step: {goal}", output: note, messages: messages}}
        edges:
          START: planner
          planner:
            - when: plan.steps.exists(s, s.status == "failed")
              to: END
            - to: note
          note: END
        """.replace("{goal}", "note"),
        models=catalogue(model),
    )
    nodes = [next(iter(update)) async for update in graph.astream(GOAL, stream_mode="updates")]
    assert nodes == ["planner", "planner.step", "planner.replan", "planner.answer", "note"]


class Held:
    """Holds up one step of a script until the run is ended or let go."""

    def __init__(self, task: str, rounds: int = 0) -> None:
        self.reached, self.free = asyncio.Event(), asyncio.Event()
        self._task, self._rounds = task, rounds

    async def __call__(self, task: str) -> None:
        if not task.startswith(self._task):
            return
        if self._rounds:
            self._rounds -= 1
            return
        self.reached.set()
        await self.free.wait()


async def cut_off(graph: Any, given: Any, held: Held) -> None:
    """Run a graph until the held step is reached and the others of its wave have ended."""
    run = asyncio.ensure_future(graph.ainvoke(given, THREAD))
    await asyncio.wait_for(held.reached.wait(), 10)
    await asyncio.sleep(0.1)
    run.cancel()
    with suppress(asyncio.CancelledError):
        await run


def tasks(model: Script) -> list[str]:
    """The steps that a model was asked to take, in the order of the requests."""
    asked = [str(messages[1].content) for messages, _ in model.asked("step")]
    return [request.rpartition("Step: ")[2].partition("\n")[0] for request in asked]


async def test_a_run_that_was_cut_off_goes_on_with_the_steps_that_had_not_ended(
    planner: Any,
) -> None:
    plan, held = [step("a"), step("b"), step("c", "a", "b")], Held("do b")
    model = Script(plans=[plan], left=[[step("c", "a", "b")]], hold=held)
    graph = planner(model)
    await cut_off(graph, GOAL, held)
    assert tasks(model) == ["do a"]

    held.free.set()
    state = await graph.ainvoke(None, THREAD)
    assert tasks(model) == ["do a", "do b", "do c"]
    assert len(model.asked("Plan")) == 1
    assert [status for _, status, _ in outcomes(state)] == ["done"] * 3


async def test_a_step_that_was_cut_off_goes_on_behind_its_last_call(
    planner: Any, tools: str
) -> None:
    held = Held("do a", rounds=1)
    add = adding(a=1, b=2)
    model = Script(plans=[[step("a")]], steps={"do a": [add, "three"]}, hold=held)
    graph = planner(model, '["plan_tools:add"]')
    await cut_off(graph, GOAL, held)

    held.free.set()
    state = await graph.ainvoke(None, THREAD)
    assert outcomes(state) == [("a", "done", "three")]
    assert tasks(model) == ["do a", "do a"]


async def test_a_service_that_stops_parks_a_step_between_two_rounds(
    planner: Any, tools: str
) -> None:
    held, control = Held("do b"), RunControl()
    steps = {"do b": [adding(a=1, b=2), "three"]}
    model = Script(plans=[[step("a"), step("b")]], steps=steps, hold=held)
    graph = planner(model, '["plan_tools:add"]')

    async def run() -> None:
        async for _ in graph.astream(GOAL, THREAD, control=control):
            pass

    parked = asyncio.ensure_future(run())
    await asyncio.wait_for(held.reached.wait(), 10)
    control.request_drain()
    held.free.set()
    with pytest.raises(GraphDrained):
        await parked

    assert tasks(model) == ["do a", "do b"]
    state = await graph.ainvoke(None, THREAD)
    assert tasks(model) == ["do a", "do b", "do b"]
    assert outcomes(state) == [("a", "done", "do a"), ("b", "done", "three")]


@pytest.fixture
async def stopped(planner: Any) -> tuple[Any, Script]:
    """A graph whose run was stopped, as the service does it, with one of its steps done."""
    held = Held("do b")
    second = [{"id": "s1", "task": "do b", "needs": ["e1"]}]
    model = Script(plans=[[step("a"), step("b"), step("c", "a", "b")], second], hold=held)
    model.left = [[step("b"), step("c", "a", "b")], [step("c", "a", "b")]]
    graph = planner(model)
    await cut_off(graph, GOAL, held)
    held.free.set()
    await stopping.settle(graph, THREAD)
    return graph, model


async def test_a_stop_keeps_the_plan_with_the_results_of_the_steps_that_had_ended(
    stopped: tuple[Any, Script],
) -> None:
    graph, _ = stopped
    state = await graph.aget_state(THREAD)

    assert state.next == ()
    assert outcomes(state.values) == [
        ("a", "done", "do a"),
        ("b", "waiting", ""),
        ("c", "waiting", ""),
    ]
    assert [message.type for message in state.values["messages"]] == ["human"]


async def test_a_stopped_plan_goes_on_where_nothing_new_was_said(
    stopped: tuple[Any, Script],
) -> None:
    graph, model = stopped
    state = await graph.ainvoke({"messages": []}, THREAD)

    assert tasks(model) == ["do a", "do b", "do c"]
    assert len(model.asked("Plan")) == 1
    assert state["plan"]["phase"] == "done"


async def test_a_new_message_after_a_stop_makes_a_plan_that_knows_what_is_done(
    stopped: tuple[Any, Script],
) -> None:
    graph, model = stopped
    state = await graph.ainvoke({"messages": "Go on, but leave out c."}, THREAD)

    told = str(model.asked("Plan")[1][0][0].content)
    assert "Done:\n- [e1] do a\n  do a\nLeft:\n- [b] do b\n- [c] do c (needs e1, b)" in told
    assert outcomes(state) == [("e1", "done", "do a"), ("s1", "done", "do b")]
    assert tasks(model) == ["do a", "do b"]
    assert "Done:\n- [e1] do a" in str(model.asked("step")[1][0][1].content)


async def test_a_fork_goes_on_from_the_plan_as_it_was_there(planner: Any) -> None:
    model = Script(plans=[[step("a"), step("b", "a")]], left=[[step("b", "a")]] * 2)
    graph = planner(model)
    await graph.ainvoke(GOAL, THREAD)
    history = [state async for state in graph.aget_state_history(THREAD)]
    middle = history[-5]
    assert middle.next == ("planner.step",)
    assert middle.values["plan"]["steps"][0]["status"] == "done"

    state = await graph.ainvoke(None, middle.config)
    assert tasks(model) == ["do a", "do b", "do b"]
    assert len(model.asked("Plan")) == 1
    assert [status for _, status, _ in outcomes(state)] == ["done", "done"]


KILLED = """
import asyncio, sys
import graphwright_graphs
from graphwright_checkpoints import open_checkpointer
from graphwright_graphs.models import Models

async def main(database, document, said):
    async with open_checkpointer(f"sqlite:///{database}") as saver:
        graph = graphwright_graphs.load(document, models=Models())
        graph.checkpointer = saver
        given = {"messages": said} if said else None
        state = await graph.ainvoke(given, {"configurable": {"thread_id": "1"}})
        print(state["messages"][-1].text)

asyncio.run(main(*sys.argv[1:]))
"""
LOGGING = """
import asyncio, os, signal
from pathlib import Path

LOG = Path(__file__).with_name("log")

async def calculator(expression: str) -> str:
    "Work out a sum."
    with LOG.open("a") as log:
        print(expression, file=log)
    if "9" in expression and LOG.read_text().count("9") == 1:
        await asyncio.sleep(1.5)  # until the other step is in the database
        os.kill(os.getpid(), signal.SIGKILL)
    return f"{eval(expression)}"
"""


def test_a_process_that_is_killed_leaves_a_plan_that_another_goes_on_with(
    tmp_path: Path, document: Any
) -> None:
    (tmp_path / "logging_tools.py").write_text(LOGGING)
    (tmp_path / "run.py").write_text(KILLED)
    path = document(PLANNER.format(words='["logging_tools:calculator"]'))

    def run(said: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, tmp_path / "run.py", tmp_path / "db", path, said]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    killed = run("Calculate 2 + 3, calculate 9 + 1, then add 7 to it")
    assert killed.returncode == -9, killed.stderr

    ended = run("")
    assert ended.returncode == 0, ended.stderr
    assert all(f"= {result}." in ended.stdout for result in (5, 10, 17)), ended.stdout
    log = (tmp_path / "log").read_text().splitlines()
    assert sorted(log) == ["10 + 7", "2 + 3", "9 + 1", "9 + 1"]


@pytest.fixture
def demo(document: Any) -> Callable[..., Any]:
    """`demo(words)`: a planner under the demo model, with checkpoints in memory."""

    def make(words: str) -> Any:
        graph: Any = graphwright_graphs.load(document(PLANNER.format(words=words)), models=Models())
        graph.checkpointer = InMemorySaver()
        return graph

    return make


async def test_the_demo_model_works_side_by_side(demo: Any, tools: str) -> None:
    thread = {"configurable": {"thread_id": "1", "barrier": asyncio.Barrier(2)}}
    graph = demo('["plan_tools:calculator"]')
    given = {"messages": "Calculate 2 + 3, then calculate 4 + 5"}
    told = [
        (event["status"], event.get("result"))
        for event in await events(graph, given, thread)
        if event["type"] == "step"
    ]
    assert told[:2] == [("started", None)] * 2
    assert set(told[2:]) == {("done", "2 + 3 = 5."), ("done", "4 + 5 = 9.")}


async def test_the_demo_model_tries_a_tool_again_that_failed(demo: Any, tools: str) -> None:
    graph = demo('["plan_tools:flaky"]')
    said_ = {"messages": "Use flaky for the expression 2+3"}
    streamed = await events(graph, said_, THREAD)

    assert [event["status"] for event in streamed if event["type"] == "step"] == [
        *("started", "failed"),
        *("started", "done"),
    ]
    assert (await graph.aget_state(THREAD)).values["plan"]["replans"] == 1


async def test_the_demo_model_goes_on_after_a_stop(demo: Any, tools: str) -> None:
    graph = demo('["plan_tools:add"]')
    await graph.ainvoke({"messages": "hello"}, THREAD)
    done = {**step("s1"), "status": "done", "result": "It was 7."}
    waiting = {**step("s2", "s1"), "task": "hello"}
    plan = {"goal": "Greet", "request": "other", "phase": "working", "steps": [done, waiting]}
    await graph.aupdate_state(THREAD, {"plan": plan}, as_node="planner.answer")
    state = await graph.ainvoke({"messages": "go on"}, THREAD)

    assert [each[:2] for each in outcomes(state)] == [("e1", "done"), ("s2", "done")]


def wire(request: Request) -> Any:
    """A provider's model that plans two steps, of which one needs the other's result."""
    steps = [step("a"), step("b", "a")]
    if request.schema or request.tools in (["Plan"], ["StepsLeft"]):
        data = {"steps": steps[1:] if "Done:" in request.asked else steps}
        return data if request.schema else [(request.tools[0], data)]
    if "Step: do a" in request.asked:
        return request.results[-1] if request.results else [("add", {"a": 1, "b": 2})]
    return "b knows 3" if "Step: do b" in request.asked and "  3\n" in request.asked else "Well."


async def test_a_provider_is_asked_for_a_plan_by_a_call_of_a_function(
    document: Any, tools: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def to_loopback(host: Any, *args: Any, **kwargs: Any) -> Any:
        is_openai = host in ("api.openai.com", b"api.openai.com")
        return resolve("127.0.0.1" if is_openai else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", to_loopback)
    with answering(wire) as server:
        base = server.url.replace("127.0.0.1", "api.openai.com")
        path = document(PLANNER.format(words='["plan_tools:add"]'))
        graph = graphwright_graphs.load(path, models=Models("openai:gpt-4o-mini", base_url=base))
        state = await graph.ainvoke(GOAL)

    assert outcomes(state) == [("a", "done", "3"), ("b", "done", "b knows 3")]
    assert [request.tools for request in server.requests] == [
        *(["Plan"], ["add"], ["add"], ["StepsLeft"], ["add"], []),
    ]
    planned = server.requests[0].body
    assert planned["tool_choice"] == {"type": "function", "function": {"name": "Plan"}}
    assert "strict" not in planned["tools"][0]["function"]


async def test_a_server_of_ones_own_is_asked_for_a_plan_by_json_schema(
    document: Any, tools: str
) -> None:
    with answering(wire) as server:
        path = document(PLANNER.format(words='["plan_tools:add"]'))
        state = await graphwright_graphs.load(path, models=server.models).ainvoke(GOAL)

    assert outcomes(state) == [("a", "done", "3"), ("b", "done", "b knows 3")]
    schema = server.requests[0].schema
    assert schema is not None
    assert schema["properties"]["steps"]["maxItems"] == 8
    task = schema["properties"]["steps"]["items"]["properties"]["task"]
    assert task["maxLength"] == 300
    assert server.requests[0].tools == []


async def test_an_approval_may_expire(planner: Any) -> None:
    words = "{approve: true, expiry: {seconds: 60, answer: 'no'}}"
    state = await planner(Script(plans=[[step("a")]]), words).ainvoke(GOAL, THREAD)
    assert state["__interrupt__"][0].value["expiry"] == {"seconds": 60, "answer": "no"}


async def test_options_go_for_each_of_its_nodes_and_edges_leave_from_the_last(
    compiled: Any, catalogue: Any
) -> None:
    graph = compiled(
        """
        state: {messages: messages, plan: plan, note: last, text: last}
        nodes:
          planner: {planner: {}, description: Plans, interrupt: after}
          other: {prompt: {template: x, output: note}}
          join: {prompt: {template: x, output: text}}
        edges:
          START: [planner, other]
          planner & other: join
          join: END
        """,
        models=catalogue(Script(plans=[[step("a")]])),
    )
    graph.checkpointer = InMemorySaver()
    await graph.ainvoke(GOAL, THREAD)
    state = await graph.aget_state(THREAD)

    assert (state.next, state.values["plan"]["phase"]) == (("join",), "done")
    assert (await graph.ainvoke(None, THREAD))["text"] == "x"
    assert graph.nodes["planner.step"].metadata == {"description": "Plans"}


@st.composite
def plans(draw: st.DrawFn) -> tuple[list[dict[str, Any]], set[str]]:
    """A plan whose steps need any that stand before them, and which of them fail."""
    names = "abcdef"[: draw(st.integers(1, 6))]
    needs = [draw(st.sets(st.sampled_from(names[:at] or "-"))) - {"-"} for at in range(len(names))]
    steps = [step(name, *sorted(need)) for name, need in zip(names, needs, strict=True)]
    failing = draw(st.sets(st.sampled_from(names)))
    return draw(st.permutations(steps)), failing


@given(plan=plans())
@settings(
    max_examples=int(os.environ.get("PLAN_GRAPH_EXAMPLES", "15")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_plan_is_carried_out_completely_whatever_fails(
    planner: Any, plan: tuple[list[dict[str, Any]], set[str]]
) -> None:
    steps, failing = plan
    answers = {f"do {name}": f"FAILED: {name}" for name in failing}
    model = Script(plans=[steps], steps=answers)
    graph = planner(model, "{replanner: {max_replans: 0}}")
    state = asyncio.run(graph.ainvoke(GOAL, THREAD))

    assert {name: status for name, status, _ in outcomes(state)} == {
        each["id"]: "failed" if each["id"] in failing else "done" for each in steps
    }
    order = [task.removeprefix("do ") for task in tasks(model)]
    assert len(order) == len(steps)
    for each in steps:
        assert all(order.index(need) < order.index(each["id"]) for need in each["needs"])
