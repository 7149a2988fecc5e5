"""Each provider whose package is installed: made with its options, and asked over the loopback."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest
from langchain_core.messages import RemoveMessage
from tests.graphs.openai_server import Cut, Refusal, answering
from tests.tools.loopback import Handler, Received, serving

from graphwright_graphs.models import ModelError, Models
from graphwright_graphs.models.failures import passing

KEYS = {
    "ANTHROPIC_API_KEY": "dummy",
    "AWS_ACCESS_KEY_ID": "dummy",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_SECRET_ACCESS_KEY": "dummy",
    "AZURE_OPENAI_API_KEY": "dummy",
    "AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:9",
    "GOOGLE_API_KEY": "dummy",
    "GROQ_API_KEY": "dummy",
    "MISTRAL_API_KEY": "dummy",
    "OPENAI_API_KEY": "dummy",
    "OPENAI_API_VERSION": "2024-10-21",
}
PROVIDERS = {
    "anthropic:claude-sonnet-4-5": ("langchain_anthropic", "ChatAnthropic"),
    "azure_openai:mine": ("langchain_openai", "AzureChatOpenAI"),
    "bedrock_converse:amazon.nova-lite-v1:0": ("langchain_aws", "ChatBedrockConverse"),
    "google_genai:gemini-2.5-flash": ("langchain_google_genai", "ChatGoogleGenerativeAI"),
    "groq:llama-3.3-70b-versatile": ("langchain_groq", "ChatGroq"),
    "mistralai:mistral-small-latest": ("langchain_mistralai", "ChatMistralAI"),
    "ollama:llama3.2:1b": ("langchain_ollama", "ChatOllama"),
    "openai:gpt-4o-mini": ("langchain_openai", "ChatOpenAI"),
}
# What a class has no word for, beside the temperature and the number of tokens that all know.
LACKING = {
    "anthropic": {"seed"},
    "bedrock_converse": {"seed"},
    "groq": {"seed"},
    "ollama": {"timeout"},
}

Compiled = Callable[..., Any]


def installed(name: str) -> Any:
    package, class_name = PROVIDERS[name]
    is_missing = find_spec(package) is None
    missing = pytest.mark.skipif(is_missing, reason=f"{package} is not installed")
    return pytest.param(name, class_name, marks=missing, id=name.partition(":")[0])


@pytest.fixture(autouse=True)
def dummy_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in KEYS.items():
        monkeypatch.setenv(variable, value)


@pytest.mark.parametrize(("name", "class_name"), list(map(installed, PROVIDERS)))
def test_a_provider_is_made_with_the_options_that_it_knows(name: str, class_name: str) -> None:
    provider = name.partition(":")[0]
    models, lacking = Models(limits="*=5/s"), LACKING.get(provider, set())
    options = {"seed": 7, "stop": ["END"], "timeout": 9}
    known = {key: value for key, value in options.items() if key not in lacking}
    common = {"temperature": 0.5, "max_tokens": 11, "max_retries": 0}
    model = models.get(name, {**common, **known})

    assert type(model).__name__ == class_name
    assert model.rate_limiter is not None
    assert getattr(model, "temperature", None) == 0.5
    for option in sorted(lacking):
        with pytest.raises(ModelError, match=f"has no option {option}"):
            models.get(name, {option: options[option]})


# Where OpenAI's protocol is spoken under another name: the path, and the variable for the address.
SPEAK_OPENAI = [
    ("groq", "/openai/v1/chat/completions", "GROQ_API_BASE", ""),
    ("mistralai", "/v1/chat/completions", "MISTRAL_BASE_URL", "/v1"),
]


def chat(model: str, extra: str = "") -> str:
    return f"""
    state: {{messages: messages}}
    nodes:
      chat: {{llm: {{prompt: Be brief., model: {model}{extra}}}}}
    edges: {{START: chat, chat: END}}
    """


@pytest.mark.parametrize(("provider", "path", "variable", "prefix"), SPEAK_OPENAI)
async def test_a_provider_answers_fails_and_is_replaced_over_the_wire(
    compiled: Compiled,
    tools: str,
    monkeypatch: pytest.MonkeyPatch,
    provider: str,
    path: str,
    variable: str,
    prefix: str,
) -> None:
    answers: list[Any] = [
        Refusal(429, {"retry-after": "0"}), [("add", {"a": 1, "b": 2})], Cut("half of"), "whole",
    ]  # fmt: skip
    with answering(lambda _: answers.pop(0), path=path) as server:
        monkeypatch.setenv(variable, server.url.removesuffix("/v1") + prefix)
        two = f"{{name: '{provider}:a', retry: {{attempts: 2, wait: 0}}}}"
        graph = compiled(chat(two, f", tools: ['{tools}:add']"), models=Models())
        state = await graph.ainvoke({"messages": "hi"})
        parts = [p async for p, _ in graph.astream({"messages": "hi"}, stream_mode="messages")]

    assert [call["name"] for call in state["messages"][-1].tool_calls] == ["add"]
    removed = {part.id for part in parts if isinstance(part, RemoveMessage)}
    kept = [str(part.text) for part in parts if part.id not in removed]
    assert "".join(kept).strip() == "whole"
    assert answers == []
    assert [request.body["model"] for request in server.requests] == ["a"] * 4


async def test_ollama_answers_over_the_wire(
    compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("langchain_ollama")

    def reply(handler: Handler, received: Received) -> None:
        lines = [
            {"model": "m", "message": {"role": "assistant", "content": word}, "done": False}
            for word in ("one ", "two")
        ]
        end = {"done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 2}
        lines.append({"model": "m", "message": {"role": "assistant", "content": ""}, **end})
        body = "".join(json.dumps(line) + "\n" for line in lines)
        kind = {"Content-Type": "application/x-ndjson", "Connection": "close"}
        handler.reply(200, body.encode(), kind)

    with serving() as loopback:
        loopback.scripts["/api/chat"] = reply
        monkeypatch.setenv("OLLAMA_HOST", loopback.url)
        graph = compiled(chat("{name: 'ollama:m', max_tokens: 5}"), models=Models())
        state = await graph.ainvoke({"messages": "hi"})
        asked = loopback.received[-1].json
        loopback.scripts["/api/chat"] = lambda handler, _: handler.reply(
            503, b'{"error": "loading"}', {"Connection": "close"}
        )
        with pytest.raises(Exception, match="loading") as caught:
            await graph.ainvoke({"messages": "hi"})

    assert state["messages"][-1].text == "one two"
    assert state["messages"][-1].usage_metadata["total_tokens"] == 9
    assert asked["options"]["num_predict"] == 5
    failure = passing(caught.value)
    assert failure is not None
    assert failure.again
