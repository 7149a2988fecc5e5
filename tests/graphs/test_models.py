"""The catalogue of models: names, the environment, errors to act on, OpenAI-compatible servers."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from langchain.chat_models import base
from langchain_core.messages import AIMessage, HumanMessage

from graphwright_graphs.demo import DemoChatModel
from graphwright_graphs.models import (
    CREDENTIALS,
    ModelError,
    ModelNotAllowed,
    Models,
    current,
    get_model,
    using,
)

KEYS = [variable for variables in CREDENTIALS.values() for variable in variables]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [*KEYS, "OPENAI_BASE_URL", "OPENAI_API_BASE"]:
        monkeypatch.delenv(variable, raising=False)
    for variable in ["GRAPHWRIGHT_MODEL", "GRAPHWRIGHT_MODELS", "GRAPHWRIGHT_MODEL_BASE_URL"]:
        monkeypatch.delenv(variable, raising=False)


def test_demo_is_the_default() -> None:
    assert isinstance(Models().get(), DemoChatModel)
    assert isinstance(Models.from_environment({}).get(), DemoChatModel)
    assert isinstance(Models.from_environment({"GRAPHWRIGHT_MODEL": " "}).get(), DemoChatModel)


def test_the_environment_names_default_list_and_base_url() -> None:
    models = Models.from_environment(
        {
            "GRAPHWRIGHT_MODEL": "openai:gpt-4o-mini",
            "GRAPHWRIGHT_MODELS": "demo, anthropic:claude-sonnet-4-5,,demo",
            "GRAPHWRIGHT_MODEL_BASE_URL": "http://127.0.0.1:8080/v1",
        }
    )
    assert models.default == "openai:gpt-4o-mini"
    assert models.allowed == ("demo", "anthropic:claude-sonnet-4-5")
    assert models.base_url == "http://127.0.0.1:8080/v1"


def test_a_model_is_made_once() -> None:
    models = Models()
    assert models.get() is models.get("demo")
    assert models.get(" demo ") is models.get()


def test_remote_callers_get_the_default_and_what_is_listed() -> None:
    models = Models("demo", allowed=["openai:gpt-4o-mini"])
    models.allow("demo")
    models.allow("openai:gpt-4o-mini")
    with pytest.raises(ModelNotAllowed, match=r"'openai:o1'.*Offered: demo, openai:gpt-4o-mini"):
        models.allow("openai:o1")
    with pytest.raises(ModelNotAllowed):
        Models("openai:gpt-4o-mini").allow("demo")


@pytest.mark.parametrize("name", ["", "gpt-4o", "openai:", ":gpt", "Demo"])
def test_what_is_no_model_name_is_refused_at_once(name: str) -> None:
    with pytest.raises(ModelError, match="provider:model"):
        Models(name)
    with pytest.raises(ModelError, match="provider:model"):
        Models(allowed=[name])
    with pytest.raises(ModelError, match="provider:model"):
        Models().get(name)


@pytest.mark.parametrize("url", ["localhost:8080", "file:///etc/passwd", "http://", "ftp://x/v1"])
def test_a_base_url_is_an_http_address(url: str) -> None:
    with pytest.raises(ModelError, match="not an http"):
        Models(base_url=url)


def test_an_unknown_provider_is_named_with_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"no provider 'antropic'.*'anthropic'") as caught:
        Models().get("antropic:claude")
    assert "openai" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "key", "command"),
    [
        ("anthropic:claude", "ANTHROPIC_API_KEY", 'pip install "graphwright[anthropic]"'),
        ("groq:llama", "GROQ_API_KEY", 'pip install "graphwright[groq]"'),
        ("mistralai:small", "MISTRAL_API_KEY", 'pip install "graphwright[mistral]"'),
        ("google_genai:gemini", "GOOGLE_API_KEY", 'pip install "graphwright[google]"'),
        ("ollama:llama3.2:1b", "", 'pip install "graphwright[ollama]"'),
        ("bedrock_converse:nova", "", 'pip install "graphwright[bedrock]"'),
        ("cohere:command", "COHERE_API_KEY", "pip install langchain-cohere"),
    ],
)
def test_a_missing_package_names_the_command(
    name: str, key: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if key:
        monkeypatch.setenv(key, "secret")
    for package in ("anthropic", "groq", "mistralai", "google_genai", "ollama", "aws", "cohere"):
        # As if it were not installed, wherever it is.
        monkeypatch.setitem(sys.modules, f"langchain_{package}", None)
    monkeypatch.setitem(sys.modules, "langchain_community", None)
    base._get_chat_model_creator.cache_clear()  # what other tests have imported
    with pytest.raises(ModelError) as caught:
        Models().get(name)
    assert str(caught.value).endswith(f"Install it with: {command}")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("provider", sorted(CREDENTIALS))
def test_a_missing_key_names_the_variable(provider: str) -> None:
    with pytest.raises(ModelError, match=f"set {CREDENTIALS[provider][0]} in the environment"):
        Models().get(f"{provider}:any")


def test_what_the_provider_refuses_is_said() -> None:
    with pytest.raises(ModelError, match="Model 'azure_openai:x' cannot be set up: "):
        Models().get("azure_openai:x")


def test_the_banner_line_says_what_answers_and_no_secret() -> None:
    assert "GRAPHWRIGHT_MODEL=" in Models().describe()
    local = Models("openai:local", allowed=["demo"], base_url="http://me:pass@127.0.0.1:1/v1")
    assert local.describe() == "openai:local at http://127.0.0.1:1/v1; also allowed: demo"


def test_graphs_find_the_catalogue_that_is_used() -> None:
    models = Models()
    with using(models):
        assert current() is models
        assert get_model() is models.get()
        with using(Models("openai:x")):
            assert current().default == "openai:x"
        assert current() is models
    assert current() is not models


def test_importing_the_catalogue_imports_no_chat_model() -> None:
    heavy = "langchain.chat_models", "langchain_core", "langchain_openai", "openai", "langgraph"
    code = f"import sys, graphwright_graphs.models; print(set(sys.modules) & set({heavy!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


class _OpenAI(BaseHTTPRequestHandler):
    """An OpenAI-compatible server that streams three scripted words."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server: Any = self.server
        server.seen.append((self.path, self.headers["Authorization"], body))
        self.send_response(200)
        if body.get("stream"):
            self.send_header("Content-Type", "text/event-stream")
            payload = "".join(f"data: {event}\n\n" for event in _events())
        else:
            self.send_header("Content-Type", "application/json")
            payload = _completion({"message": {"role": "assistant", "content": "one two three"}})
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""


def _completion(choice: dict[str, Any], finish: str | None = "stop") -> str:
    head = {"id": "1", "object": "chat.completion", "created": 1, "model": "local"}
    return json.dumps(head | {"choices": [{"index": 0, "finish_reason": finish, **choice}]})


def _events() -> Iterator[str]:
    for word in ("one", " two", " three"):
        yield _completion({"delta": {"role": "assistant", "content": word}}, None)
    yield _completion({"delta": {}})
    yield "[DONE]"


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _OpenAI) as running:
        running.seen = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def local_models(server: ThreadingHTTPServer) -> Models:
    return Models("openai:local", base_url=f"http://127.0.0.1:{server.server_port}/v1")


def test_a_compatible_server_needs_no_key_and_streams(server: ThreadingHTTPServer) -> None:
    model = local_models(server).get()
    assert [chunk.text for chunk in model.stream("count")][:3] == ["one", " two", " three"]
    answer = model.invoke([HumanMessage("count")])
    assert isinstance(answer, AIMessage)
    assert answer.text == "one two three"
    model.root_client.close()  # type: ignore[attr-defined]
    path, authorization, body = server.seen[0]  # type: ignore[attr-defined]
    assert path == "/v1/chat/completions"
    assert authorization == "Bearer not-needed"
    assert body["model"] == "local"


def test_a_key_of_ones_own_is_sent_to_the_server(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "my-own")
    model = local_models(server).get()
    model.invoke("count")
    model.root_client.close()  # type: ignore[attr-defined]
    assert server.seen[0][1] == "Bearer my-own"  # type: ignore[attr-defined]


def test_the_base_url_is_for_openai_models_alone(server: ThreadingHTTPServer) -> None:
    # Else another provider's key would go to a server that it is not for.
    with pytest.raises(ModelError, match="set ANTHROPIC_API_KEY"):
        local_models(server).get("anthropic:claude")
