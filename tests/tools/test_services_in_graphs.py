"""Tools that use the network where they are used: as docs/tools.md has them, and in a graph."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from langchain_core.tools import BaseTool
from langgraph.checkpoint.memory import InMemorySaver
from tests.tools.loopback import Handler, Loopback, Received

import graphwright_graphs
from graphwright_graphs.models import Models
from graphwright_tools.openapi import openapi_tools

PAGE = Path(__file__).parents[2] / "docs/tools.md"
PETSTORE = """
openapi: 3.1.0
paths:
  /pets:
    get: {operationId: getPet}
    post: {operationId: addPet, security: [{api_key: []}]}
components:
  securitySchemes: {api_key: {type: apiKey, in: header, name: X-Key}}
"""


def section(title: str, folder: Path) -> dict[str, Any]:
    """What the Python of a section defines, as a module in a folder."""
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    defined: dict[str, Any] = {"__file__": str(folder / "module.py")}
    exec(compile(found[1], title, "exec"), defined)
    return {name: each for name, each in defined.items() if isinstance(each, BaseTool)}


@pytest.mark.parametrize(
    ("title", "names"),
    [
        ("Requests of a model's own wording", {"http_request": "http_request"}),
        ("Any API with an OpenAPI document", {"get_pet": "getPet", "add_pet": "addPet"}),
        ("Search the web", {"search": "search_web", "news": "search_news"}),
        ("Translate", {"translate": "translate"}),
    ],
)
def test_a_documented_configuration_makes_its_tools(
    title: str, names: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "unused")
    (tmp_path / "petstore.yaml").write_text(PETSTORE)

    tools = section(title, tmp_path)

    assert {name: tool.name for name, tool in tools.items()} == names


def test_the_documented_request_reaches_its_hosts_alone(tmp_path: Path) -> None:
    tool = section("Requests of a model's own wording", tmp_path)["http_request"]

    assert tool.invoke({"url": "https://example.com/"}) == (
        "The host example.com:443 is not allowed here. Allowed are: api.github.com, "
        "*.wikipedia.org."
    )


GRAPH = """
description: Knows pets.
state: {messages: messages}
nodes:
  assistant: {llm: {prompt: You know pets., tools: &tools ["pets_of_a_test:get_pet"]}}
  tools: {tools: *tools}
edges:
  START: assistant
  assistant:
    - {when: size(messages.last().tool_calls) > 0, to: tools}
    - to: END
  tools: assistant
"""


async def test_a_graph_calls_an_api_and_its_state_holds_no_secret(
    loopback: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {
        "openapi": "3.1.0",
        "servers": [{"url": loopback.url}],
        "security": [{"key": []}],
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "paths": {
            "/pets/{number}": {
                "get": {
                    "operationId": "getPet",
                    "summary": "Get a pet by its number.",
                    "parameters": [
                        {"name": "number", "in": "path", "schema": {"type": "integer"}},
                    ],
                }
            }
        },
    }
    monkeypatch.setenv("TEST_SECRET", "hidden-4711")
    module = ModuleType("pets_of_a_test")
    (module.get_pet,) = openapi_tools(content, secrets={"key": "env:TEST_SECRET"})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    (tmp_path / "pets.yaml").write_text(GRAPH)

    def echo(handler: Handler, received: Received) -> None:
        said = f"Rex, for {received.headers['authorization']}".encode()
        handler.reply(200, said, {"Content-Type": "text/plain"})

    loopback.scripts["/pets/7"] = echo
    graph = graphwright_graphs.load(tmp_path / "pets.yaml", models=Models("demo"))
    graph.checkpointer = InMemorySaver()
    thread: Any = {"configurable": {"thread_id": "1"}}

    state = await graph.ainvoke({"messages": [("user", "Get the pet with number 7")]}, thread)

    assert loopback.received[0].headers["authorization"] == "Bearer hidden-4711"
    assert "Rex, for Bearer [env:TEST_SECRET]" in str(state)
    assert "hidden-4711" not in str([state, *graph.get_state_history(thread)])
