"""The Python and the commands on the pages, and the prices that a page shows.

All Python is compiled and its imports are made. What needs no more than this machine runs, from the
top of its page on, in a folder with the files that the pages speak of.
"""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from langgraph.graph import START, MessagesState, StateGraph
from tests.pages import PAGES, Snippet, inline_commands, snippets

from graphwright import cli
from graphwright.prices import Prices
from graphwright_checkpoints import open_checkpointer

PYTHON = snippets("python")
SERVER, INSIDE = "asks a server that runs", "stands inside a node or a run"
NOT_RUN = {
    ("README.md", "langgraph_sdk"): SERVER,
    ("langserve.md", "RemoteRunnable"): SERVER,
    ("checkpoint-databases.md", "redis://"): SERVER,
    ("importing.md", "postgresql://"): SERVER,
    ("interrupts.md", "interrupt("): INSIDE,
}
"""Snippets that are compiled and not run: by their page and what they say, and why."""


def why_not(snippet: Snippet) -> list[tuple[str, str]]:
    return [
        (page, said) for page, said in NOT_RUN if snippet.page.name == page and said in snippet.text
    ]


RUN = [each for each in PYTHON if not why_not(each)]


@pytest.mark.parametrize("snippet", PYTHON, ids=str)
def test_each_python_compiles_and_its_imports_are_there(snippet: Snippet) -> None:
    tree = compile(
        snippet.text, str(snippet), "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    )
    imports: list[ast.stmt] = [
        each for each in ast.walk(tree) if isinstance(each, ast.Import | ast.ImportFrom)
    ]
    exec(compile(ast.Module(imports, []), str(snippet), "exec"), {})


def test_what_is_not_run_is_there() -> None:
    assert {reason for each in PYTHON for reason in why_not(each)} == NOT_RUN.keys()


PET = """
openapi: 3.0.0
info: {title: Pets, version: "1"}
components: {securitySchemes: {api_key: {type: apiKey, in: header, name: X-Key}}}
paths:
  /pets:
    get: {operationId: getPet, responses: {"200": {description: A pet}}}
    post: {operationId: addPet, responses: {"200": {description: A pet}}}
"""
SECRETS = ("OPENAI_API_KEY", "GITHUB_TOKEN", "PETSTORE_KEY", "NEWS_KEY")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files, and the names of secrets, that the pages speak of."""
    (tmp_path / "handbook").mkdir()
    (tmp_path / "handbook/leave.md").write_text("Everybody has 28 days of leave.")
    (tmp_path / "petstore.yaml").write_text(PET)
    (tmp_path / "graphs").mkdir()
    (helpdesk,) = (each for each in snippets("yaml") if "help desk" in each.text)
    (tmp_path / "graphs/helpdesk.yaml").write_text(helpdesk.text)
    for name in SECRETS:
        monkeypatch.setenv(name, "not-a-real-one")
    monkeypatch.setenv("SHOP_DATABASE", f"sqlite:///{tmp_path / 'shop.db'}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def known(folder: Path) -> Iterator[dict[str, Any]]:
    """What the pages take for granted: a graph of the reader's own, and a thread of it."""
    builder = StateGraph(MessagesState).add_node("a", lambda state: {}).add_edge(START, "a")
    config: Any = {"configurable": {"thread_id": "1"}}
    with open_checkpointer("sqlite:///checkpoints.db") as saver:
        graph = builder.compile(checkpointer=saver)
        graph.invoke({"messages": [("human", "Hi")]}, config)
        yield {
            "__name__": "page",
            "__file__": str(folder / "page.py"),
            "builder": builder,
            "graph": graph,
            "config": config,
        }


@pytest.mark.parametrize("page", [each for each in PAGES if any(s.page == each for s in RUN)],
                         ids=lambda page: page.name)  # fmt: skip
async def test_the_python_of_a_page_runs(page: Path, folder: Path, known: dict[str, Any]) -> None:
    for snippet in (each for each in RUN if each.page == page):
        text = snippet.text.replace("/var/lib/app", str(folder))
        code = compile(text, str(snippet), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        done = eval(code, known)
        if inspect.iscoroutine(done):
            await done


COMMAND = re.compile(r"^(?:\$ )?(?:[A-Z_]+=(?:\"[^\"]*\"|\S*) +)*(graphwright .*)$")


def commands() -> list[Snippet]:
    """Every call of `graphwright` that a page shows."""
    shown = [
        Snippet(each.page, each.line + at, "", found[1])
        for each in snippets("", "sh")
        for at, line in enumerate(each.text.replace("\\\n", " ").splitlines())
        for part in line.split("&&")
        if (found := COMMAND.match(part.strip()))
    ]
    return [*shown, *inline_commands()]


def test_the_pages_show_commands() -> None:
    assert {each.page.name for each in commands()} >= {"README.md", "dev.md", "storage.md"}


@pytest.mark.parametrize("command", commands(), ids=lambda each: f"{each}-{each.text}")
def test_each_command_and_its_flags_are_there(command: Snippet) -> None:
    words = shlex.split(command.text.partition(" > ")[0], comments=True)[1:]
    found: Any = typer.main.get_command(cli.app)
    path = ["graphwright"]
    while hasattr(found, "commands") and words and not words[0].startswith("-"):
        path.append(words.pop(0))
        assert path[-1] in found.commands, f"{command}: there is no `{' '.join(path)}`"
        found = found.commands[path[-1]]
    context = found.context_class(found, info_name=path[-1], **found.context_settings)
    found.make_parser(context).parse_args(words)  # raises for an option that is not there


def test_the_prices_that_are_shown_are_read(tmp_path: Path) -> None:
    (shown,) = (each for each in snippets("yaml") if ":gpt-4o-mini: {" in each.text)
    (tmp_path / "prices.yaml").write_text(shown.text)

    assert Prices.read(tmp_path / "prices.yaml")._prices.keys() == yaml.safe_load(shown.text).keys()
