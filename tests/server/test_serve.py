import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT, Service

from graphwright.errors import AddressError, StartError
from graphwright.serve import listening, sole_user
from graphwright.settings import Settings

ECHO = (
    "from langgraph.graph import START, MessagesState, StateGraph\n"
    "graph = StateGraph(MessagesState).add_node('n', lambda state: {}).add_edge(START, 'n')\n"
)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that this process listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_in_use_names_the_process_and_the_flag(taken: int) -> None:
    with pytest.raises(AddressError) as caught, listening(Settings(port=taken)):
        pass
    said = str(caught.value)
    assert f"127.0.0.1:{taken} is in use" in said
    assert "--port" in said
    if sys.platform == "linux":
        assert re.search(r"by \S+ \(pid \d+\)", said)


def test_an_address_of_another_machine() -> None:
    with pytest.raises(AddressError, match="--host"), listening(Settings(host="192.0.2.1", port=0)):
        pass


def test_a_free_port_is_picked_for_zero() -> None:
    with listening(Settings(port=0)) as listener:
        assert listener.getsockname()[1] > 0


def test_a_data_folder_has_one_user(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with sole_user(folder):
        with (
            pytest.raises(StartError, match="another graphwright serves from it") as caught,
            sole_user(folder),
        ):
            pass
        assert str(folder) in str(caught.value)
    with sole_user(folder):
        pass


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StartError, match="--data-dir"), sole_user(tmp_path / "data"):
        pass


def serve(config: Path, data: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "graphwright", "serve", "--config", str(config)]
    return subprocess.run(
        [*command, "--data-dir", str(data), "--port", "0", *more],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def no_database(data: Path) -> list[str]:
    data.mkdir()
    (data / "graphwright.db").write_text("no database" * 1000)
    return []


def no_checkpoints(data: Path) -> list[str]:
    data.mkdir()
    (data / "checkpoints.db").write_text("no database" * 1000)
    return []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (no_database, "graphwright.db: file is not a database"),
        (no_checkpoints, "checkpoints.db"),
        (lambda data: ["--model", "nobody:nothing"], "nobody"),
        (lambda data: ["--config", "missing.json"], "missing.json: no such file"),
    ],
    ids=["record", "checkpoints", "model", "config"],
)
def test_a_start_error_is_one_message(
    project: Callable[..., Path], tmp_path: Path, spoil: Callable[[Path], list[str]], said: str
) -> None:
    config = project({"g": "./only.py:graph"}, {"only.py": ECHO})
    data = tmp_path / "data"
    ended = serve(config, data, *spoil(data))
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout == ""
    assert said in ended.stderr
    assert ended.stderr.startswith("error ")
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr


def test_a_broken_graph_leaves_nothing_behind(project: Callable[..., Path], tmp_path: Path) -> None:
    config = project({"g": "./broken.py:graph"}, {"broken.py": "raise OSError('no disk')"})
    ended = serve(config, tmp_path / "data")
    assert ended.returncode == 1
    assert "graphs.g: cannot load the graph: OSError: no disk (broken.py:1)" in ended.stderr
    assert not list((tmp_path / "data").glob("*.db*"))


def test_serving_twice(plain: Service) -> None:
    """The same port, then the same data: either is said before anything is opened."""
    config = ROOT / "tests" / "projects" / "plain" / "langgraph.json"
    data = plain.folder / "data"
    port = serve(config, plain.folder / "other", "--port", str(plain.port))
    assert port.returncode == 1
    assert f"127.0.0.1:{plain.port} is in use" in port.stderr
    folder = serve(config, data)
    assert folder.returncode == 1
    assert "another graphwright serves from it" in folder.stderr
    with sqlite3.connect(data / "graphwright.db") as raw:
        found: Any = raw.execute("PRAGMA quick_check").fetchone()
    raw.close()
    assert found == ("ok",)
