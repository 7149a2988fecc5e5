"""The kinds `planner`, `executor` and `replanner`, and the plan they share."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

import graphwright_graphs
from graphwright_graphs.plan import Done, Plan

PLANNER = """
    state: {messages: messages, plan: last, work: messages}
    nodes:
      planner: {planner: {max_steps: 3}}
      executor: {executor: {tools: &tools ["tools_of_a_user:add"], max_rounds: 2}}
      tools: {tools: {tools: *tools, messages: work}}
      replanner: {replanner: {max_replans: 1}}
    edges:
      START: planner
      planner: executor
      executor:
        - {when: size(work.last().tool_calls) > 0, to: tools}
        - to: replanner
      tools: executor
      replanner:
        - {when: size(plan.left) > 0, to: executor}
        - to: END
"""
GOAL = {"messages": "Add 1 and 2, then add 4."}


@pytest.fixture
def planned(compiled: Any, scripted: Any, tools: str) -> Any:
    """Runs PLANNER with a script, and returns the final state and the model."""

    async def run(*replies: Any) -> tuple[dict[str, Any], Any]:
        model = scripted(*replies)
        return await compiled(PLANNER, model).ainvoke(GOAL), model

    return run


def text(message: Any) -> str:
    return str(message.content)


async def test_steps_are_taken_with_tools_and_answered(planned: Any, calls: Any) -> None:
    state, model = await planned(
        calls(("Steps", {"steps": ["Add 1 and 2", "Add 4"]})),
        calls(("add", {"a": 1, "b": 2})),
        "It is 3.",
        calls(("Decision", {"steps": ["Add 4"]})),
        "It is 7.",
        calls(("Decision", {"answer": "Together 7."})),
    )

    assert [text(m) for m in state["messages"]] == [GOAL["messages"], "Together 7."]
    assert state["plan"]["done"] == [
        {"step": "Add 1 and 2", "result": "It is 3."},
        {"step": "Add 4", "result": "It is 7."},
    ]
    assert (state["plan"]["left"], state["plan"]["replans"]) == ([], 0)
    steps = [text(m) for m in state["work"]]
    assert steps == ["Add 1 and 2", "", "3", "It is 3.", "Add 4", "It is 7."]
    assert [text(m) for m in model.asked[4][1:]] == ["Add 4"]
    assert text(model.asked[3][-1]) == (
        "Goal: Add 1 and 2, then add 4.\nDone:\n- Add 1 and 2: It is 3.\nLeft:\n- Add 4"
    )


async def test_an_invalid_plan_is_repaired_once(planned: Any, calls: Any) -> None:
    state, model = await planned(
        calls(("Steps", {"steps": []})),
        calls(("Steps", {"steps": ["Add"]})),
        "7",
        calls(("Decision", {"answer": "7"})),
    )

    assert "form of the schema" in text(model.asked[1][-1])
    assert state["plan"]["done"] == [{"step": "Add", "result": "7"}]


async def test_after_two_invalid_plans_the_goal_is_the_one_step(planned: Any, calls: Any) -> None:
    state, _ = await planned("I plan", "I plan", "7", calls(("Decision", {"answer": "7"})))

    assert state["plan"]["done"] == [{"step": GOAL["messages"], "result": "7"}]


async def test_a_long_plan_is_cut(planned: Any, calls: Any) -> None:
    done = calls(("Decision", {"answer": "enough"}))
    state, _ = await planned(calls(("Steps", {"steps": list("abcdef")})), "a", done)

    assert state["plan"]["left"] == []
    assert [each["step"] for each in state["plan"]["done"]] == ["a"]


async def test_replans_are_bounded(planned: Any, calls: Any) -> None:
    state, _ = await planned(
        calls(("Steps", {"steps": ["a"]})),
        "one",
        calls(("Decision", {"steps": ["b"]})),
        "two",
        calls(("Decision", {"steps": ["c"]})),
    )

    assert state["plan"]["replans"] == 1
    assert text(state["messages"][-1]) == "a: one\nb: two"


async def test_an_unclear_decision_goes_on_with_the_plan(planned: Any, calls: Any) -> None:
    state, _ = await planned(
        calls(("Steps", {"steps": ["a", "b"]})), "one", "?", "?", "two", "?", "?"
    )

    assert text(state["messages"][-1]) == "a: one\nb: two"


async def test_a_step_that_keeps_calling_tools_has_to_answer(planned: Any, calls: Any) -> None:
    again = calls(("add", {"a": 1, "b": 1}))
    _, model = await planned(
        calls(("Steps", {"steps": ["a"]})),
        again,
        again,
        "stopped",
        calls(("Decision", {"answer": "stopped"})),
    )

    # Tools are bound once for the executor; its third call went to the model without them.
    assert model.bound.count(["add"]) == 1
    assert [message.type for message in model.asked[3]] == ["system", "human"]
    assert text(model.asked[3][-1]) == "a\n\nThe tools gave:\n- add: 2\n- add: 2"


async def test_a_stopped_step_does_not_leak_into_the_next_plan(
    compiled: Any, scripted: Any, calls: Any, tools: str
) -> None:
    add = calls(("add", {"a": 1, "b": 1}))
    model = scripted(
        *(calls(("Steps", {"steps": ["old"]})), add),
        *(calls(("Steps", {"steps": ["new"]})), "done", calls(("Decision", {"answer": "done"}))),
    )
    graph, thread = compiled(PLANNER, model), {"configurable": {"thread_id": "1"}}
    graph.checkpointer = InMemorySaver()
    await graph.ainvoke(GOAL, thread, interrupt_after=["tools"])
    await graph.ainvoke(GOAL, thread)

    assert [text(message) for message in model.asked[3][1:]] == ["new"]


async def test_a_stopped_run_goes_on_in_the_middle_of_its_plan(
    compiled: Any, scripted: Any, calls: Any, tools: str
) -> None:
    saver, thread = InMemorySaver(), {"configurable": {"thread_id": "1"}}
    before = compiled(PLANNER, scripted(calls(("Steps", {"steps": ["a", "b"]})), "one"))
    before.checkpointer = saver
    with pytest.raises(IndexError):  # the script ends in the replanner, as a crash would
        await before.ainvoke(GOAL, thread)

    model = scripted(
        calls(("Decision", {"steps": ["b"]})), "two", calls(("Decision", {"answer": "both"}))
    )
    after = compiled(PLANNER, model)
    after.checkpointer = saver
    state = await after.ainvoke(None, thread)

    assert [each["result"] for each in state["plan"]["done"]] == ["one", "two"]
    assert text(state["messages"][-1]) == "both"


async def test_an_executor_needs_a_plan(compiled: Any, scripted: Any) -> None:
    graph = compiled(
        """
        state: {plan: last, work: messages}
        nodes: {executor: {executor: {}}}
        edges: {START: executor, executor: END}
        """
    )
    with pytest.raises(graphwright_graphs.PlanError, match="`plan` holds no plan"):
        await graph.ainvoke({"work": []})


def test_a_report_keeps_one_line_for_each_step() -> None:
    plan = Plan(goal="G", left=["b"], done=[Done(step="a", result="1\n\n2")])

    assert plan.report() == "Goal: G\nDone:\n- a: 1 2\nLeft:\n- b"
