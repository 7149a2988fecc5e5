"""The kind `human`, and what a person's answer means."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from graphwright_graphs.approval import Review, UnclearAnswer

GUARDED = """
    state: {messages: messages}
    nodes:
      assistant: {llm: {tools: &tools ["tools_of_a_user:add", "tools_of_a_user:fail"]}}
      approval: {human: {approve: ["tools_of_a_user:add"]}}
      tools: {tools: *tools}
    edges:
      START: assistant
      assistant:
        - {when: size(messages.last().tool_calls) > 0, to: approval}
        - to: END
      approval: tools
      tools: assistant
"""
THREAD = {"configurable": {"thread_id": "1"}}


@pytest.fixture
def waiting(compiled: Any, scripted: Any, calls: Any, tools: str) -> Any:
    """A graph whose two additions wait for a person, while a third call does not."""
    first = calls(
        ("add", {"a": 1, "b": 2}), ("fail", {"reason": "bad luck"}), ("add", {"a": 3, "b": 4})
    )
    graph = compiled(GUARDED, scripted(first, "Done."))
    graph.checkpointer = InMemorySaver()
    return graph


def results(state: dict[str, Any]) -> list[tuple[str, str]]:
    return [(m.status, m.content) for m in state["messages"] if m.type == "tool"]


async def test_the_request_has_the_shape_user_interfaces_know(waiting: Any) -> None:
    state = await waiting.ainvoke({"messages": "add"}, THREAD)
    (request,) = state["__interrupt__"]

    assert request.value == {
        "action_requests": [
            {
                "name": "add",
                "args": {"a": 1, "b": 2},
                "description": 'Run add with {"a": 1, "b": 2}?',
            },
            {
                "name": "add",
                "args": {"a": 3, "b": 4},
                "description": 'Run add with {"a": 3, "b": 4}?',
            },
        ],
        "review_configs": [
            {"action_name": "add", "allowed_decisions": ["approve", "edit", "reject"]}
        ],
    }


async def test_each_call_has_its_own_decision(waiting: Any) -> None:
    await waiting.ainvoke({"messages": "add"}, THREAD)
    edit = {"type": "edit", "edited_action": {"name": "add", "args": {"a": 10, "b": 20}}}
    refusal = {"type": "reject", "message": "too big"}
    state = await waiting.ainvoke(Command(resume={"decisions": [edit, refusal]}), THREAD)

    assert results(state) == [
        ("error", "A person refused this call of add; it was not run. They said: too big"),
        ("success", "30"),
        ("error", "The tool failed: RuntimeError: bad luck"),
    ]
    (asked,) = [m for m in state["messages"] if m.type == "ai" and m.tool_calls]
    assert asked.tool_calls[0]["args"] == {"a": 10, "b": 20}


@pytest.mark.parametrize("answer", ["yes", "Approve!", True, {"type": "approve"}])
async def test_a_word_approves_all(waiting: Any, answer: Any) -> None:
    await waiting.ainvoke({"messages": "add"}, THREAD)
    state = await waiting.ainvoke(Command(resume=answer), THREAD)

    assert [content for status, content in results(state) if status == "success"] == ["3", "7"]


@pytest.mark.parametrize("answer", ["no", "reject", False, "", "not before lunch"])
async def test_other_words_refuse_all(waiting: Any, answer: Any) -> None:
    await waiting.ainvoke({"messages": "add"}, THREAD)
    state = await waiting.ainvoke(Command(resume=answer), THREAD)

    assert [status for status, _ in results(state)] == ["error"] * 3
    assert ("not before lunch" in results(state)[0][1]) == (answer == "not before lunch")


async def test_an_unclear_answer_is_asked_again(waiting: Any) -> None:
    await waiting.ainvoke({"messages": "add"}, THREAD)
    state = await waiting.ainvoke(Command(resume={"decisions": [{"type": "approve"}]}), THREAD)
    assert "2 tool calls wait, 1 decisions" in state["__interrupt__"][0].value["error"]

    state = await waiting.ainvoke(Command(resume="yes"), THREAD)
    assert "__interrupt__" not in state


async def test_calls_that_need_no_approval_pass(
    compiled: Any, scripted: Any, calls: Any, tools: str
) -> None:
    graph = compiled(GUARDED, scripted(calls(("fail", {"reason": "x"})), "Sorry."))
    state = await graph.ainvoke({"messages": "go"})

    assert state["messages"][-1].content == "Sorry."


async def test_a_question_puts_the_answer_into_its_channel(compiled: Any) -> None:
    graph = compiled("""
        state: {name: {type: string, default: friend}, age: last}
        nodes: {ask: {human: {ask: "How old are you, {name}?", output: age}}}
        edges: {START: ask, ask: END}
    """)
    graph.checkpointer = InMemorySaver()
    state = await graph.ainvoke({"name": "Ada"}, THREAD)

    assert state["__interrupt__"][0].value == {"question": "How old are you, Ada?"}
    assert (await graph.ainvoke(Command(resume=36), THREAD))["age"] == 36


async def test_a_question_answered_into_the_conversation(compiled: Any) -> None:
    graph = compiled("""
        state: {messages: messages}
        nodes: {ask: {human: {ask: "Anything else?"}}}
        edges: {START: ask, ask: END}
    """)
    graph.checkpointer = InMemorySaver()
    await graph.ainvoke({"messages": "hi"}, THREAD)
    state = await graph.ainvoke(Command(resume="No, thanks."), THREAD)

    assert (state["messages"][-1].type, state["messages"][-1].content) == ("human", "No, thanks.")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "dictionary"),
        ({"decisions": "yes"}, "list"),
        ([{"type": "maybe"}], "maybe"),
        ([{"type": "edit"}], "Field required"),
    ],
)
def test_an_unclear_answer_says_why(calls: Any, answer: Any, said: str) -> None:
    message: AIMessage = calls(("add", {"a": 1}))
    review = Review.of([message], ["add"])

    assert review is not None
    with pytest.raises(UnclearAnswer, match=said):
        review.decisions(answer)
