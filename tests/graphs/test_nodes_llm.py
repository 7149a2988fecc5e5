"""The kind `llm`: prompts, conversations, outputs, models."""

from __future__ import annotations

from typing import Any

import pytest

import graphwright_graphs
from graphwright_graphs.models import ModelNotAllowed

CHAT = """
    state: {messages: messages, mood: {type: string, default: calm}}
    nodes:
      chat: {llm: {prompt: "Be {mood}."}}
    edges: {START: chat, chat: END}
"""


def seen(model: Any, turn: int = 0) -> list[tuple[str, str]]:
    return [(message.type, str(message.text)) for message in model.asked[turn]]


async def test_a_text_prompt_is_the_system_message_before_the_conversation(
    compiled: Any, scripted: Any
) -> None:
    model = scripted("Hello.")
    state = await compiled(CHAT, model).ainvoke({"messages": "hi", "mood": "brief"})

    assert seen(model) == [("system", "Be brief."), ("human", "hi")]
    assert state["messages"][-1].content == "Hello."


def test_it_runs_synchronously_too_and_a_default_fills_in(compiled: Any, scripted: Any) -> None:
    model = scripted("Hello.")
    state = compiled(CHAT, model).invoke({"messages": "hi"})

    assert seen(model)[0] == ("system", "Be calm.")
    assert state["messages"][-1].content == "Hello."


async def test_the_reply_streams_word_by_word(compiled: Any, scripted: Any) -> None:
    graph = compiled(CHAT, scripted("one two three"))
    chunks = [
        (chunk.content, metadata["langgraph_node"])
        async for chunk, metadata in graph.astream({"messages": "go"}, stream_mode="messages")
        if chunk.content
    ]

    assert chunks == [("one ", "chat"), ("two ", "chat"), ("three", "chat")]


def test_a_list_of_turns_is_sent_as_it_stands(compiled: Any, scripted: Any) -> None:
    model = scripted("un, deux")
    graph = compiled(
        """
        state: {talk: messages, language: {type: string}, answer: {type: string}}
        nodes:
          translate:
            llm:
              prompt:
                - system: Translate into {language}.
                - human: hello
                - ai: bonjour
                - placeholder: talk
                - human: "{{now}}"
              output: answer
        edges: {START: translate, translate: END}
        """,
        model,
    )
    state = graph.invoke({"talk": "one, two", "language": "French"})

    assert seen(model) == [
        ("system", "Translate into French."),
        ("human", "hello"),
        ("ai", "bonjour"),
        ("human", "one, two"),
        ("human", "{now}"),
    ]
    assert state["answer"] == "un, deux"


def test_without_a_conversation_a_prompt_is_the_human_message(compiled: Any, scripted: Any) -> None:
    model = scripted("Paris")
    graph = compiled(
        """
        state: {country: {type: string}, capital: {type: string}}
        nodes:
          ask: {llm: {prompt: "The capital of {country}?", output: capital}}
        edges: {START: ask, ask: END}
        """,
        model,
    )

    assert graph.invoke({"country": "France"})["capital"] == "Paris"
    assert seen(model) == [("human", "The capital of France?")]


def test_a_missing_value_is_named(compiled: Any, scripted: Any) -> None:
    graph = compiled(
        """
        state: {country: {type: string}, capital: last}
        nodes:
          ask: {llm: {prompt: "The capital of {country}?", output: capital}}
        edges: {START: ask, ask: END}
        """,
        scripted("?"),
    )
    with pytest.raises(graphwright_graphs.MissingValue, match=r"nodes\.ask\.llm\.prompt.*country"):
        graph.invoke({"capital": "x"})


PERSON = """
    state: {text: {type: string}, person: {type: object}}
    nodes:
      extract:
        llm:
          prompt: "Who? {text}"
          schema: {type: object, properties: {name: {type: string}}, required: [name]}
          output: person
    edges: {START: extract, extract: END}
"""


def test_a_schema_gives_data(compiled: Any, scripted: Any, calls: Any) -> None:
    graph = compiled(PERSON, scripted(calls(("extract", {"name": "Ada"}))))

    assert graph.invoke({"text": "Ada wrote."})["person"] == {"name": "Ada"}


def test_data_is_repaired_once(compiled: Any, scripted: Any, calls: Any) -> None:
    model = scripted("Ada!", calls(("extract", {"name": "Ada"})))

    assert compiled(PERSON, model).invoke({"text": "Ada wrote."})["person"] == {"name": "Ada"}
    assert "form of the schema" in seen(model, 1)[-1][1]


def test_an_answer_that_never_fits_is_an_error(compiled: Any, scripted: Any) -> None:
    with pytest.raises(graphwright_graphs.AnswerError, match="node `extract`"):
        compiled(PERSON, scripted("Ada!", "Ada!")).invoke({"text": "Ada wrote."})


async def test_half_written_data_is_kept_out_of_the_token_stream(
    compiled: Any, scripted: Any, calls: Any
) -> None:
    graph = compiled(PERSON, scripted(calls(("extract", {"name": "Ada"}))))

    assert [part async for part in graph.astream({"text": "Ada"}, stream_mode="messages")] == []


async def test_a_run_may_pick_an_allowed_model(
    compiled: Any, scripted: Any, catalogue: Any
) -> None:
    models = catalogue(scripted("a", "b"), allowed=["openai:small"])
    graph = compiled(CHAT, models=models)
    await graph.ainvoke({"messages": "hi"})
    await graph.ainvoke({"messages": "hi"}, {"configurable": {"model": "openai:small"}})

    assert models.got == [None, "openai:small"]
    with pytest.raises(ModelNotAllowed):
        await graph.ainvoke({"messages": "hi"}, {"configurable": {"model": "openai:other"}})


async def test_a_node_keeps_the_model_it_names(
    compiled: Any, scripted: Any, catalogue: Any
) -> None:
    models = catalogue(scripted("a"), allowed=["openai:small"])
    graph = compiled(CHAT.replace("{prompt:", "{model: 'openai:own', prompt:"), models=models)
    await graph.ainvoke({"messages": "hi"}, {"configurable": {"model": "openai:small"}})

    assert models.got == ["openai:own"]
