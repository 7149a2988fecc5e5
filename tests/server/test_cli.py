import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.conftest import Service
from tests.processes import graphwright

from graphwright import __version__
from graphwright.settings import Settings


def test_version() -> None:
    command = [sys.executable, "-m", "graphwright", "--version"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert said == f"graphwright {__version__}\n"


def test_help() -> None:
    said = graphwright("--help").stdout
    assert "serve" in said
    assert "new" in said


def test_help_of_serve_names_every_flag_and_its_variable() -> None:
    said = graphwright("serve", "--help").stdout
    # Keys are no flags: anybody on the machine can see a command line. `dev` is what reloads.
    names = [name for name in Settings.model_fields if "encryption_key" not in name]
    names.remove("reload")
    for name in names:
        assert f"--{name.replace('_', '-')} " in said
        assert f"GRAPHWRIGHT_{name.upper()}]" in said


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["serve", "--port", "70000"], {}, "--port (or GRAPHWRIGHT_PORT)"),
        (["serve"], {"GRAPHWRIGHT_SLOTS": "0"}, "--slots (or GRAPHWRIGHT_SLOTS)"),
        (["serve", "--nothing"], {}, "No such option"),
        (["dance"], {}, "No such command"),
    ],
)
def test_wrong_arguments(arguments: list[str], environment: dict[str, str], said: str) -> None:
    ended = graphwright(*arguments, **environment)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_new_does_not_write_over_anything(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    ended = graphwright("new", str(tmp_path))
    assert ended.returncode == 1
    assert "exists already and is not empty" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_what_new_says_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    made = graphwright("new", str(tmp_path / "my demo"))
    assert f"cd '{tmp_path / 'my demo'}'\n" in made.stdout


@pytest.mark.parametrize(("flag", "value"), [("--by", "colour"), ("--since", "soon")])
def test_a_wrong_option_of_usage(flag: str, value: str) -> None:
    ended = graphwright("usage", flag, value)
    assert ended.returncode == 2
    assert f"{flag}: expected" in " ".join(ended.stderr.split())
    assert repr(value) in ended.stderr


@pytest.mark.parametrize("record_kind", ["sqlite"], indirect=True)
def test_a_new_project_serves_and_passes_its_tests(
    tmp_path: Path, service_at: Callable[..., Service]
) -> None:
    folder = tmp_path / "fresh"
    made = graphwright("new", str(folder))
    assert made.returncode == 0
    assert f"cd {folder}\n" in made.stdout
    assert (folder / ".gitignore").is_file()
    assert not (folder / "gitignore").exists()

    service = service_at(folder / "langgraph.json").start()
    asked = {"messages": [{"role": "user", "content": "What is 12 times 12?"}]}
    body = {"assistant_id": "assistant", "input": asked}
    answer = httpx.post(f"{service.url}/runs/wait", json=body, timeout=30).json()
    assert "144" in answer["messages"][-1]["content"]

    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_export_prints_the_python_of_a_document(tmp_path: Path) -> None:
    made = graphwright("export", str(Path("graphs") / "agent.yaml"))
    assert made.returncode == 0, made.stderr
    assert 'graph = builder.compile(name="agent")' in made.stdout

    document = tmp_path / "broken.yaml"
    document.write_text("state: {text: last}\nnodes: {}\nedges: {}\n")
    refused = graphwright("export", str(document), "-o", str(tmp_path / "made.py"))
    assert refused.returncode == 1
    assert "broken.yaml:2:8 nodes: found" in refused.stderr
    assert not (tmp_path / "made.py").exists()


def test_export_takes_the_modules_that_a_document_may_import(tmp_path: Path) -> None:
    document = tmp_path / "dumps.yaml"
    document.write_text(
        "state: {text: {type: string}}\nnodes: {a: {python: 'json:dumps'}}\n"
        "edges: {START: a, a: END}\n"
    )
    assert "allow it with" in graphwright("export", str(document)).stderr
    allowed = graphwright("export", str(document), "--imports", "json")
    assert "from json import dumps" in allowed.stdout, allowed.stderr


@pytest.mark.parametrize("command", ["draw", "export"])
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, command: str) -> None:
    file = str(tmp_path / "nowhere" / "agent.svg")
    ended = graphwright(command, str(Path("graphs") / "agent.yaml"), "--output", file)
    assert ended.returncode == 1
    assert f"cannot write {file}: No such file or directory" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_serve_leaves_nothing_where_it_cannot_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    missing = str(tmp_path / "langgraph.json")
    ended = graphwright("serve", "--config", missing, "--port", "0", "--data-dir", str(data))
    assert ended.returncode == 1
    assert f"{missing}: no such file. Name a project with --config" in ended.stderr
    assert not data.exists()


def test_a_project_that_is_a_folder_is_named(tmp_path: Path) -> None:
    ended = graphwright("serve", "--config", str(tmp_path))
    assert ended.returncode == 1
    assert f"{tmp_path}: cannot be read: Is a directory. Name a project's" in ended.stderr
