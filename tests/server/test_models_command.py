"""`graphwright models`: what it lists, what it tests, what it never shows."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.graphs.openai_server import Refusal, answering
from tests.server.test_cli import graphwright

GRAPH = """
state: {messages: messages}
nodes:
  first: {llm: {prompt: Hi., model: ["openai:a", {name: "openai:b", temperature: 0}]}}
  second: {llm: {prompt: Hi., model: {max_tokens: 5}}}
  third: {llm: {prompt: Hi.}}
edges: {START: first, first: second, second: third, third: END}
"""
SECRET = "sk-not-to-be-shown"


@pytest.fixture
def config(project: Callable[..., Path]) -> Path:
    return project({"graph": "./graph.yaml"}, {"graph.yaml": GRAPH})


def test_it_lists_what_is_configured_and_what_documents_name(config: Path) -> None:
    environment = {"OPENAI_API_KEY": SECRET, "ANTHROPIC_API_KEY": ""}
    ended = graphwright(
        *("models", "--config", str(config), "--models", "anthropic:c", "--json"), **environment
    )
    rows = json.loads(ended.stdout)

    assert [(row["model"], row["options"], row["named_by"]) for row in rows] == [
        ("demo", {}, ["default"]),
        ("anthropic:c", {}, ["allowed"]),
        ("openai:a", {}, ["graphs"]),
        ("openai:b", {"temperature": 0}, ["graphs"]),
        ("demo", {"max_tokens": 5}, ["graphs"]),
    ]
    assert [(row["key"], row["has_key"], row["ready"]) for row in rows[:3]] == [
        (None, None, True),
        ("ANTHROPIC_API_KEY", False, False),
        ("OPENAI_API_KEY", True, True),
    ]
    assert "set ANTHROPIC_API_KEY in the environment" in rows[1]["error"]
    assert ended.returncode == 1
    assert SECRET not in ended.stdout + ended.stderr


def test_it_asks_each_model_once_and_shows_no_key(config: Path) -> None:
    with answering(
        lambda request: Refusal(401, code=SECRET) if request.body["model"] == "b" else "OK"
    ) as server:
        environment = {"OPENAI_API_KEY": SECRET, "GRAPHWRIGHT_MODEL_BASE_URL": server.url}
        ended = graphwright("models", "--config", str(config), "--test", **environment)

    assert "OK" in ended.stdout
    assert "10 tokens" in ended.stdout
    assert "AuthenticationError" in ended.stdout
    assert "OPENAI_API_KEY set" in ended.stdout
    assert ended.returncode == 1
    assert len(server.requests) == 2
    assert SECRET not in ended.stdout + ended.stderr


def test_without_a_project_it_tells_of_the_service_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = graphwright("models", "--test")
    assert ended.returncode == 0, ended.stderr
    assert "demo" in ended.stdout
    assert "OK (I'm Graphwright's built-in demo" in ended.stdout


def test_a_project_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    ended = graphwright("models", "--config", str(tmp_path / "none.json"))
    assert ended.returncode == 1
    assert "none.json: no such file" in ended.stderr


def test_a_graph_that_is_broken_hides_no_model(project: Callable[..., Path]) -> None:
    code = "from graphwright_graphs.models import get_model\n\ngraph = get_model()\n"
    config = project(
        {"graph": "./graph.yaml", "code": "./code.py:graph"},
        {"graph.yaml": GRAPH, "code.py": code},
    )
    ended = graphwright(
        *("models", "--config", str(config), "--model", "openai:d"), OPENAI_API_KEY=""
    )
    assert ended.returncode == 1
    assert [line.split()[0] for line in ended.stdout.splitlines()[1:4]] == [
        "openai:d",
        "openai:a",
        "openai:b",
    ]
    assert "graphs.code: cannot load the graph" in ended.stderr


def test_a_name_that_is_none_is_an_error(tmp_path: Path) -> None:
    ended = graphwright("models", "--model", "gpt-4o")
    assert ended.returncode == 1
    assert "provider:model" in ended.stderr
    assert "Traceback" not in ended.stderr
