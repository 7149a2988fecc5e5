"""`graphwright check`, `draw` and `schema`, as a person runs them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from graphwright.cli import app, main
from graphwright.errors import CommandError
from graphwright_graphs import source

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(str(path) for path in ROOT.glob("graphs/*.yaml"))

GOOD = "state: {log: append}\nnodes: {a: {python: 'own.work:act'}}\nedges: {START: a, a: END}\n"
BAD = "state: {log: append, x: last}\nnodes: {a: {pyton: x}}\nedges: {START: b, a: END}\n"
DOUBTFUL = """\
state: {messages: messages, never: last}
input: [messages]
nodes: {a: {llm: {prompt: Hi, tools: [clock]}}}
edges: {START: a, a: END}
"""

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in a project whose module `own.work` its documents may import."""
    named = {"good": "./graphs/good.yaml", "doubtful": {"path": "./graphs/doubtful.yaml"}}
    listed = {"graphs": {**named, "code": "./own/work.py:act"}, "dependencies": ["./lib"]}
    (tmp_path / "lib").mkdir()
    (tmp_path / "langgraph.json").write_text(json.dumps(listed))
    (tmp_path / "own").mkdir()
    (tmp_path / "own/work.py").write_text("def act(state): return {}\n")
    (tmp_path / "graphs").mkdir()
    for name, text in (("good", GOOD), ("bad", BAD), ("doubtful", DOUBTFUL)):
        (tmp_path / "graphs" / f"{name}.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "path", sys.path[:])
    for module in ("own", "own.work"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_check_says_that_all_is_well(run: Run) -> None:
    ended = run("check", "graphs/good.yaml", *SHIPPED)

    assert (ended.exit_code, ended.output) == (0, f"No problems in {len(SHIPPED) + 1} files.\n")


def test_check_says_all_that_is_wrong_with_all_files(run: Run) -> None:
    ended = run("check", "graphs/bad.yaml", "graphs/doubtful.yaml", "graphs/none.yaml")
    lines = ended.output.splitlines()

    assert ended.exit_code == 1
    assert [line.partition(" ")[0] for line in lines[:5]] == [
        "graphs/bad.yaml:2:13",
        "graphs/bad.yaml:3:16",
        "graphs/doubtful.yaml:1:29",
        "graphs/doubtful.yaml:3:39",
        "graphs/none.yaml:1:1:",
    ]
    assert 'did you mean "python"?' in lines[0]
    assert 'warning: found "never", which nothing writes' in lines[2]
    assert lines[5] == "3 errors and 2 warnings in 3 files."


def test_warnings_are_no_failure(run: Run) -> None:
    ended = run("check", "graphs/doubtful.yaml")

    assert ended.exit_code == 0
    assert ended.output.endswith("2 warnings in 1 file.\n")


def test_check_prints_json_for_programs(run: Run) -> None:
    ended = run("check", "--json", "graphs/bad.yaml", "graphs/doubtful.yaml")
    found = json.loads(ended.output)

    assert ended.exit_code == 1
    assert [(each["line"], each["warning"]) for each in found] == [
        (2, False),
        (3, False),
        (1, True),
        (3, True),
    ]
    assert found[0]["path"] == "nodes.a.pyton"


@pytest.mark.parametrize("arguments", [(), ("langgraph.json",)])
def test_a_project_stands_for_its_documents(run: Run, arguments: tuple[str, ...]) -> None:
    ended = run("check", *arguments)

    assert ended.exit_code == 0
    assert ended.output.endswith("2 warnings in 2 files.\n")


def test_a_project_that_is_not_there_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "langgraph.json").unlink()
    ended = run("check")

    assert isinstance(ended.exception, CommandError)
    assert "langgraph.json: no such file. Name documents" in str(ended.exception)


def test_check_takes_the_modules_that_may_be_imported(run: Run, tmp_path: Path) -> None:
    (tmp_path / "graphs/other.yaml").write_text(GOOD.replace("own.work:act", "json:dumps"))

    refused = run("check", "graphs/other.yaml")
    assert refused.exit_code == 1
    assert "GRAPHWRIGHT_IMPORTS=json" in refused.output
    assert run("check", "--imports", "json", "graphs/other.yaml").exit_code == 0


def test_draw_prints_mermaid_and_writes_what_the_name_says(run: Run, tmp_path: Path) -> None:
    printed = run("draw", "graphs/good.yaml")
    assert printed.exit_code == 0
    assert "__start__ --> a;" in printed.output

    for name in ("a.mmd", "a.md", "a.svg", "a.png"):
        assert run("draw", "graphs/good.yaml", "-o", name).exit_code == 0
    assert (tmp_path / "a.mmd").read_text() == printed.output
    assert (tmp_path / "a.md").read_text() == f"```mermaid\n{printed.output}```\n"
    assert (tmp_path / "a.svg").read_text().startswith("<svg ")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("graphs/bad.yaml",), "cannot draw graphs/bad.yaml:\ngraphs/bad.yaml:2:13 nodes.a.pyton"),
        (("graphs/none.yaml",), "cannot read graphs/none.yaml: No such file"),
        (("graphs/good.yaml", "-o", "a.gif"), "cannot draw a .gif: end its name in .mmd, .svg"),
        (("graphs/good.yaml", "-o", "a"), "cannot draw a file without an ending"),
    ],
)
def test_what_can_not_be_drawn_is_said(run: Run, arguments: tuple[str, ...], said: str) -> None:
    ended = run("draw", *arguments)

    assert isinstance(ended.exception, CommandError)
    assert said in str(ended.exception)


def test_png_says_what_it_needs(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    ended = run("draw", "graphs/good.yaml", "-o", "a.png")

    assert "pip install 'graphwright[drawing]'" in str(ended.exception)


@pytest.mark.usefixtures("run")
def test_brackets_of_an_error_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    monkeypatch.setattr(sys, "argv", ["graphwright", "draw", "graphs/good.yaml", "-o", "a.png"])
    with pytest.raises(SystemExit):
        main()
    assert (
        "error PNG needs a package that is not installed: pip install 'graphwright[drawing]'"
        in (capsys.readouterr().err)
    )


def test_schema_prints_the_schema_of_documents(run: Run) -> None:
    validator = Draft202012Validator(json.loads(run("schema").output))

    assert validator.is_valid(source.parse(GOOD.encode(), "good").data)
    assert not validator.is_valid(source.parse(BAD.encode(), "bad").data)
