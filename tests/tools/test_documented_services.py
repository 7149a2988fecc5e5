"""The configurations of docs/tools.md for tools that use the network."""

import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import BaseTool

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
