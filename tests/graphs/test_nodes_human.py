"""The kind `human`, and what a person's answer means."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

import graphwright_graphs
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


ASKED = """
    state:
      age: {type: integer}
      draft: {type: string, default: a draft}
      ready: {type: boolean, default: true}
      level: {enum: [low, high]}
      person: {schema: {type: object, required: [name]}}
      topics: append
      found: {type: list}
      messages: messages
    nodes: {ask: {human: BODY}}
    edges: {START: ask, ask: END}
"""


@pytest.fixture
def asking(compiled: Any) -> Any:
    """Runs a human node until it asks; gives the question, and what answers it."""

    async def start(body: str, **given: Any) -> Any:
        graph = compiled(ASKED.replace("BODY", body))
        graph.checkpointer = InMemorySaver()
        state = await graph.ainvoke({"messages": [], **given}, THREAD)

        async def answer(said: Any) -> dict[str, Any]:
            answered: dict[str, Any] = await graph.ainvoke(Command(resume=said), THREAD)
            return answered

        return state["__interrupt__"][0].value, answer

    return start


@pytest.mark.parametrize(
    ("channel", "wrong", "right", "value", "said"),
    [
        ("age", "old", "36", 36, '"old" is no answer: integer is needed'),
        ("level", "middling", "low", "low", "one of low, high is needed"),
        ("person", {"nam": 1}, {"name": "Ada"}, {"name": "Ada"}, "'name' is a required property"),
    ],
)
async def test_an_answer_that_does_not_fit_is_asked_for_again(
    asking: Any, channel: str, wrong: Any, right: Any, value: Any, said: str
) -> None:
    _, answer = await asking(f'{{ask: "Well?", output: {channel}}}')
    state = await answer(wrong)
    again = state["__interrupt__"][0].value

    assert again["question"] == "Well?"
    assert said in again["error"]
    assert (await answer(right))[channel] == value


async def test_a_question_may_expire(asking: Any) -> None:
    question, answer = await asking('{ask: "Age?", output: age, expiry: {seconds: 60, answer: 18}}')

    assert question == {"question": "Age?", "expiry": {"seconds": 60, "answer": 18}}
    assert (await answer(question["expiry"]["answer"]))["age"] == 18


@pytest.mark.parametrize(("said", "draft"), [(True, "a draft"), ("another", "another")])
async def test_a_person_edits_a_channel_or_leaves_it(asking: Any, said: Any, draft: str) -> None:
    question, answer = await asking('{edit: draft, ask: "Fine?"}')

    assert question == {"question": "Fine?", "edit": "draft", "value": "a draft"}
    assert (await answer(said))["draft"] == draft


async def test_an_edited_value_must_fit(asking: Any) -> None:
    _, answer = await asking("{edit: ready}")
    state = await answer("whatever")

    assert "boolean is needed" in state["__interrupt__"][0].value["error"]
    assert (await answer(False))["ready"] is False


@pytest.mark.parametrize(("said", "chosen"), [("B", "b"), (2, "b"), ("2", "b"), (" a ", "a")])
async def test_a_person_chooses_one(asking: Any, said: Any, chosen: str) -> None:
    question, answer = await asking('{ask: "Which?", choose: {options: [a, b]}, output: draft}')

    assert question == {"question": "Which?", "options": ["a", "b"], "many": False}
    assert (await answer(said))["draft"] == chosen


@pytest.mark.parametrize(
    ("said", "chosen"), [(["x", "z"], ["x", "z"]), ("z, 1, z", ["z", "x"]), ([], []), (3, ["z"])]
)
async def test_a_person_chooses_several_of_a_channel(
    asking: Any, said: Any, chosen: list[str]
) -> None:
    question, answer = await asking(
        "{choose: {options: found, many: true}, output: topics}", found=["x", "y", "z"]
    )

    assert question["options"] == ["x", "y", "z"]
    assert (await answer(said))["topics"] == chosen


async def test_a_choice_that_is_none_is_asked_again(asking: Any) -> None:
    _, answer = await asking("{choose: {options: [a, b], many: true}}")
    state = await answer(["a", "c"])
    assert state["__interrupt__"][0].value["error"] == '"c" is none of the options: "a", "b"'

    assert (await answer("a, b"))["messages"][-1].content == "a, b"


async def test_options_that_are_not_there_are_named(asking: Any) -> None:
    with pytest.raises(graphwright_graphs.GraphError, match="offers the options in `found`"):
        await asking("{choose: {options: found}, output: draft}")


async def test_an_approval_may_expire(compiled: Any, scripted: Any, calls: Any, tools: str) -> None:
    text = GUARDED.replace("human: {", 'human: {expiry: {seconds: 5, answer: "no"}, ')
    graph = compiled(text, scripted(calls(("add", {"a": 1, "b": 2})), "Done."))
    graph.checkpointer = InMemorySaver()
    state = await graph.ainvoke({"messages": "add"}, THREAD)

    assert state["__interrupt__"][0].value["expiry"] == {"seconds": 5, "answer": "no"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{}", "either `approve`"),
        ("{edit: draft, choose: {options: [a]}}", "either `approve`"),
        ("{edit: draft, output: age}", "no `output` beside `edit`"),
        ("{edit: drft}", 'human.edit: found "drft"'),
        ("{edit: topics}", "to which an answer would be added"),
        ("{choose: {options: fond}}", 'human.choose.options: found "fond"'),
        ("{choose: {options: []}}", "at least one"),
        ("{choose: {options: [a]}, expiry: {seconds: 1, answer: b}}", "none of the options"),
        ('{ask: "?", output: age, expiry: {seconds: 1, answer: b}}', "integer is needed"),
        ('{ask: "?", output: age, expiry: {seconds: 0, answer: 1}}', "expiry.seconds"),
        ("{edit: ready, expiry: {seconds: 1, answer: b}}", "boolean is needed"),
    ],
)
def test_mistakes_are_located(compiled: Any, body: str, said: str) -> None:
    with pytest.raises(graphwright_graphs.DocumentError) as caught:
        compiled(ASKED.replace("BODY", body))
    assert said in str(caught.value)
