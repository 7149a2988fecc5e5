"""Nodes whose model fails: the next one answers, the same one again, and what clients see of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import openai
import pytest
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, RemoveMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from tests.graphs.conftest import ScriptedModel

from graphwright_graphs import DocumentError
from graphwright_graphs.models import ModelError, Models

REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1")


def refusal(status: int, **headers: str) -> Exception:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx2.Response(status, headers=names, request=REQUEST)
    return openai.APIStatusError(f"status {status}", response=response, body=None)


class FailingModel(ScriptedModel):
    """Fails with each of its errors in turn, after streaming `said` words; then it answers."""

    errors: list[Exception]
    said: int = 0

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        if self.errors:
            raise self.errors.pop(0)
        return super()._generate(*args, **kwargs)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        if not self.errors:
            async for part in super()._astream(messages, stop, run_manager, **kwargs):
                yield part
            return
        for word in range(self.said):
            chunk = ChatGenerationChunk(
                message=AIMessageChunk(f"half{word} ", id=f"half-{len(self.errors)}")
            )
            if run_manager:
                await run_manager.on_llm_new_token("half", chunk=chunk)
            yield chunk
        raise self.errors.pop(0)


class Catalogue(Models):
    """Each name is a model of its own; options and names are noted."""

    def __init__(self, models: dict[str, BaseChatModel], **kwargs: Any) -> None:
        super().__init__(next(iter(models)), **kwargs)
        self.models = models
        self.asked: list[tuple[str | None, Any]] = []

    def get(self, spec: str | None = None, options: Any = None) -> BaseChatModel:
        self.asked.append((spec, options))
        return self.models[spec or self.default]

    def check(self, name: str) -> None:
        """Any name may be one of its models."""


def document(model: str, extra: str = "") -> str:
    return f"""
    state: {{messages: messages}}
    nodes:
      chat: {{llm: {{prompt: Hi., model: {model}{extra}}}}}
    edges: {{START: chat, chat: END}}
    """


BOTH = "['x:first', 'x:second']"


def pair(*errors: Exception, said: int = 0) -> Catalogue:
    first = FailingModel(replies=[AIMessage("from the first")], errors=list(errors), said=said)
    return Catalogue(
        {"x:first": first, "x:second": ScriptedModel(replies=[AIMessage("from the second")])}
    )


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that would have been made."""
    made: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        made.append(seconds)
        await sleep(0)

    monkeypatch.setattr("graphwright_graphs.models.chain.asyncio.sleep", note)
    return made


Compiled = Callable[..., Any]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_the_second_answers_where_the_first_cannot(compiled: Compiled, status: int) -> None:
    graph = compiled(document(BOTH), models=pair(refusal(status)))
    answer = (await graph.ainvoke({"messages": "hi"}))["messages"][-1]

    assert answer.content == "from the second"
    assert answer.response_metadata["instead_of"] == ["x:first: APIStatusError"]


def test_so_it_is_in_a_sync_run(compiled: Compiled) -> None:
    graph = compiled(document(BOTH), models=pair(refusal(503)))
    assert graph.invoke({"messages": "hi"})["messages"][-1].content == "from the second"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_a_wrong_request_is_not_sent_to_the_next(compiled: Compiled, status: int) -> None:
    catalogue = pair(refusal(status))
    with pytest.raises(openai.APIStatusError, match=str(status)):
        await compiled(document(BOTH), models=catalogue).ainvoke({"messages": "hi"})
    second = catalogue.models["x:second"]
    assert isinstance(second, ScriptedModel)
    assert second.asked == []


async def test_when_all_fail_the_last_error_says_what_came_before(compiled: Compiled) -> None:
    catalogue = pair(refusal(500))
    catalogue.models["x:second"] = FailingModel(replies=[], errors=[refusal(429)])
    with pytest.raises(openai.APIStatusError, match="429") as caught:
        await compiled(document(BOTH), models=catalogue).ainvoke({"messages": "hi"})
    assert "before it failed x:first: APIStatusError" in caught.value.__notes__


async def test_nothing_is_shown_twice_after_a_failure_in_mid_stream(compiled: Compiled) -> None:
    graph = compiled(document(BOTH), models=pair(httpx2.RemoteProtocolError("cut"), said=2))
    parts, state = [], None
    async for mode, data in graph.astream({"messages": "hi"}, stream_mode=["messages", "values"]):
        if mode == "messages":
            parts.append(data[0])
        else:
            state = data
    # A client that keeps messages by their ids ends with the second one alone.
    assert list(dict.fromkeys(part.id for part in parts if part.content)) == ["half-1", "reply-1"]
    assert [type(part) for part in parts if part.id == "half-1"][-1] is RemoveMessage
    assert "".join(part.content for part in parts if part.id == "reply-1") == "from the second"
    assert [each.content for each in state["messages"]] == ["hi", "from the second"]


async def test_a_model_is_asked_again_with_growing_pauses(
    compiled: Compiled, no_pauses: list[float]
) -> None:
    catalogue = pair(refusal(500), refusal(503))
    graph = compiled(document("{name: 'x:first', retry: {attempts: 3, wait: 2}}"), models=catalogue)
    answer = (await graph.ainvoke({"messages": "hi"}))["messages"][-1]

    assert answer.content == "from the first"
    assert "instead_of" not in answer.response_metadata
    assert no_pauses == [pytest.approx(2, rel=0.25), pytest.approx(4, rel=0.25)]
    assert catalogue.asked == [("x:first", {"max_retries": 0})]


async def test_a_pause_is_as_long_as_the_provider_asks(
    compiled: Compiled, no_pauses: list[float]
) -> None:
    graph = compiled(
        document("{name: 'x:first', retry: 2}"), models=pair(refusal(429, retry_after="11"))
    )
    await graph.ainvoke({"messages": "hi"})
    assert no_pauses == [11]


async def test_a_provider_that_asks_for_too_long_a_pause_is_left(
    compiled: Compiled, no_pauses: list[float]
) -> None:
    catalogue = pair(refusal(429, retry_after="3600"))
    graph = compiled(document("[{name: 'x:first', retry: 5}, 'x:second']"), models=catalogue)
    answer = (await graph.ainvoke({"messages": "hi"}))["messages"][-1]

    assert answer.content == "from the second"
    assert no_pauses == []


async def test_a_fallback_has_the_tools_bound_too(
    compiled: Compiled, tools: str, calls: Any
) -> None:
    catalogue = pair(refusal(500))
    second = ScriptedModel(replies=[calls(("add", {"a": 1, "b": 2}))])
    catalogue.models["x:second"] = second
    graph = compiled(document(BOTH, f", tools: ['{tools}:add']"), models=catalogue)
    answer = (await graph.ainvoke({"messages": "hi"}))["messages"][-1]

    assert [call["name"] for call in answer.tool_calls] == ["add"]
    assert second.bound == [["add"]]


async def test_a_fallback_gives_data_too(compiled: Compiled, calls: Any) -> None:
    catalogue = pair(refusal(500))
    catalogue.models["x:second"] = ScriptedModel(replies=[calls(("extract", {"name": "Ada"}))])
    graph = compiled(
        f"""
        state: {{text: {{type: string}}, person: {{type: object}}}}
        nodes:
          extract:
            llm:
              prompt: "Who? {{text}}"
              model: {BOTH}
              schema: {{type: object, properties: {{name: {{type: string}}}}, required: [name]}}
              output: person
        edges: {{START: extract, extract: END}}
        """,
        models=catalogue,
    )
    assert (await graph.ainvoke({"text": "Ada"}))["person"] == {"name": "Ada"}


async def test_options_reach_the_model_and_a_nameless_one_is_that_of_the_run(
    compiled: Compiled,
) -> None:
    catalogue = pair()
    catalogue.models["x:second"] = ScriptedModel(replies=[AIMessage("chosen")])
    graph = compiled(document("{temperature: 0, max_tokens: 9, stop: [END]}"), models=catalogue)
    await graph.ainvoke({"messages": "hi"})

    options = {"temperature": 0, "max_tokens": 9, "stop": ["END"]}
    assert catalogue.asked == [(None, options)]
    allowing = Catalogue(catalogue.models, allowed=["x:second"])
    graph = compiled(document("{temperature: 0}"), models=allowing)
    state = await graph.ainvoke({"messages": "hi"}, {"configurable": {"model": "x:second"}})
    assert state["messages"][-1].content == "chosen"


async def test_calls_wait_for_their_turn_and_a_cancelled_one_leaves_the_queue(
    compiled: Compiled,
) -> None:
    catalogue = Catalogue({"x:first": ScriptedModel(replies=[AIMessage("a"), AIMessage("b")])},
                          limits="x=1")  # fmt: skip
    graph = compiled(document("'x:first'"), models=catalogue)
    gate = catalogue.limits.gate("x")
    assert gate is not None
    async with gate.aturn():
        first, second = (asyncio.create_task(graph.ainvoke({"messages": "hi"})) for _ in range(2))
        done, _ = await asyncio.wait({first, second}, timeout=0.1)
        assert not done
        first.cancel()
    assert (await asyncio.wait_for(second, 5))["messages"][-1].content == "a"


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("gpt-4o", "`demo` or `provider:model`"),
        ("[]", "at least one"),
        ("{temperature: 3}", "less than or equal to 2"),
        ("{name: demo, temprature: 0}", 'did you mean "temperature"'),
        ("{name: demo, base_url: 'http://x'}", '"base_url"'),
        ("{name: demo, api_key: x}", '"api_key"'),
        ("[demo, {name: demo, retry: 0}]", "greater than or equal to 1"),
        ("{}", "a model's `name`, or its options"),
    ],
)
def test_words_that_cannot_be_are_refused_when_the_document_is_read(
    compiled: Compiled, model: str, told: str
) -> None:
    with pytest.raises(DocumentError, match=r"nodes\.chat\.llm\.model") as caught:
        compiled(document(model))
    assert told in str(caught.value)


def test_an_option_that_a_provider_does_not_know_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "dummy")
    with pytest.raises(ModelError, match="has no option top_k: LangChain's ChatOpenAI"):
        Models().get("openai:a", {"top_k": 3})
    model: Any = Models().get("openai:a", {"temperature": 0.5, "timeout": 9, "max_retries": 0})
    assert (model.temperature, model.request_timeout, model.max_retries) == (0.5, 9, 0)
    keyed: Any = Models().get("openai:a", {"prompt_cache_key": "mine"})
    assert keyed.model_kwargs == {"prompt_cache_key": "mine"}
