"""A node's results are used again where nothing that they depend on has changed."""

from __future__ import annotations

import threading
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage

from graphwright_graphs import load
from graphwright_graphs.nodes import caching
from graphwright_graphs.nodes.caching import Results, fingerprint

ANSWER = """
    state: {messages: messages, question: {type: string}, seen: last}
    nodes:
      answer:
        llm: {prompt: [{human: "{question}"}], %s}
        cache: %s
    edges: {START: answer, answer: END}
"""


async def test_the_model_is_not_asked_twice(compiled: Any, scripted: Any) -> None:
    model = scripted("One.", "Two.", "Three.")
    graph = compiled(ANSWER % ("output: seen", "{ttl: 60, key: [question]}"), model)

    assert graph.invoke({"question": "a", "messages": "x"})["seen"] == "One."
    assert (await graph.ainvoke({"question": "a", "messages": "y"}))["seen"] == "One."
    assert (await graph.ainvoke({"question": "b"}))["seen"] == "Two."
    assert graph.invoke({"question": "b"})["seen"] == "Two."
    assert len(model.asked) == 2


def test_without_a_key_every_channel_counts(compiled: Any, scripted: Any) -> None:
    graph = compiled(ANSWER % ("output: seen", "60"), scripted("One.", "Two."))

    assert graph.invoke({"question": "a", "messages": "x"})["seen"] == "One."
    assert graph.invoke({"question": "a", "messages": "y"})["seen"] == "Two."
    assert graph.invoke({"question": "a", "messages": "x"})["seen"] == "One."


def test_another_model_of_the_run_is_asked(compiled: Any, scripted: Any, catalogue: Any) -> None:
    models = catalogue(scripted("One.", "Two."), allowed=["openai:other"])
    graph = compiled(ANSWER % ("output: seen", "60"), models=models)
    other = {"configurable": {"model": "openai:other"}}

    assert graph.invoke({"question": "a"})["seen"] == "One."
    assert graph.invoke({"question": "a"}, other)["seen"] == "Two."
    assert graph.invoke({"question": "a"})["seen"] == "One."


def test_another_person_s_context_is_another_question(compiled: Any, scripted: Any) -> None:
    graph = compiled(
        """
        state: {question: {type: string}, seen: last}
        context: {person: string}
        nodes: {answer: {llm: {prompt: "{person}: {question}", output: seen}, cache: 60}}
        edges: {START: answer, answer: END}
        """,
        scripted("One.", "Two."),
    )
    asked = {"question": "a"}

    assert graph.invoke(asked, context={"person": "Ada"})["seen"] == "One."
    assert graph.invoke(asked, context={"person": "Bob"})["seen"] == "Two."
    assert graph.invoke(asked, context={"person": "Ada"})["seen"] == "One."


def test_what_can_not_be_compared_or_copied_is_not_kept() -> None:
    lock, results = threading.Lock(), Results(None)
    results.put(b"k", lock)

    assert fingerprint(lock) != fingerprint(lock)
    assert results.get(b"k") is None


def test_a_kept_message_is_a_new_one_in_each_conversation(compiled: Any, scripted: Any) -> None:
    graph = compiled(ANSWER % ("messages: messages", "{key: [question]}"), scripted("One."))
    first = graph.invoke({"question": "a", "messages": "x"})["messages"]
    second = graph.invoke({"question": "a", "messages": first})["messages"]

    assert [message.text for message in second] == ["x", "One.", "One."]
    assert len({message.id for message in second}) == 3


def test_a_result_about_messages_of_this_conversation_is_not_kept(
    document: Any, tmp_path: Any, monkeypatch: Any
) -> None:
    (tmp_path / "forgetting.py").write_text(
        "from langchain_core.messages import RemoveMessage\n"
        "def forget(state):\n"
        "    return {'messages': [RemoveMessage(id=state['messages'][0].id)]}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    graph = load(
        document("""
        state: {messages: messages}
        nodes: {forget: {python: 'forgetting:forget', cache: 60}}
        edges: {START: forget, forget: END}
        """)
    )

    assert graph.invoke({"messages": "x"}) == {"messages": []}
    assert graph.invoke({"messages": "x"}) == {"messages": []}


def test_results_end_after_their_time(monkeypatch: Any) -> None:
    now = [100.0]
    monkeypatch.setattr(caching.time, "monotonic", lambda: now[0])
    results = Results(10)
    results.put(b"k", None)
    now[0] = 109.0
    assert results.get(b"k") == (None,)
    now[0] = 110.0
    assert results.get(b"k") is None


def test_the_longest_unused_result_is_forgotten_first() -> None:
    results = Results(None, limit=2)
    results.put(b"a", 1)
    results.put(b"b", 2)
    results.get(b"a")
    results.put(b"c", 3)

    assert [results.get(key) for key in (b"a", b"b", b"c")] == [(1,), None, (3,)]


def test_what_a_run_does_to_a_result_is_not_kept() -> None:
    results, result = Results(None), {"notes": ["a"]}
    results.put(b"k", result)
    result["notes"].append("b")
    kept = results.get(b"k")
    assert kept is not None
    kept[0]["notes"].append("c")

    assert results.get(b"k") == ({"notes": ["a"]},)


def test_a_fingerprint_is_of_what_is_said() -> None:
    assert fingerprint({"a": 1, "b": [HumanMessage("x", id="1")]}) == fingerprint(
        {"b": [HumanMessage("x", id="2")], "a": 1}
    )
    different = [None, 0, "", [], {}, HumanMessage("x"), AIMessage("x"), {1}, RemoveMessage(id="1")]
    assert len({fingerprint(each) for each in different}) == len(different)
