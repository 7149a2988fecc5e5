import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from tests.conftest import Service

from graphwright.errors import AddressError, StartError
from graphwright.serve import listening, run, sole_user
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


def refusal(config: Path, data: Path, **more: Any) -> str:
    """What a start is refused with, in this process; nothing must have been served."""

    def say(url: str, _service: FastAPI) -> None:
        raise AssertionError(f"it serves at {url}")

    path = list(sys.path)
    try:
        with pytest.raises(StartError) as caught:
            run(Settings(config=config, data_dir=data, **{"port": 0, **more}), say)
    finally:
        sys.path[:] = path
    return str(caught.value)


@pytest.fixture
def config(project: Callable[..., Path]) -> Path:
    return project({"g": "./only.py:graph"}, {"only.py": ECHO})


@pytest.mark.parametrize("name", ["graphwright.db", "checkpoints.db"])
def test_a_file_that_is_no_database(config: Path, tmp_path: Path, name: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / name).write_text("no database" * 1000)
    assert f"{name}: file is not a database" in refusal(config, data)


def test_a_model_that_does_not_exist(config: Path, tmp_path: Path) -> None:
    assert "nobody" in refusal(config, tmp_path / "data", model="nobody:nothing")


def test_a_start_error_is_one_line(project: Callable[..., Path], tmp_path: Path) -> None:
    """As a person at the terminal sees it; and nothing is left behind."""
    config = project({"g": "./broken.py:graph"}, {"broken.py": "raise OSError('no disk')"})
    command = [sys.executable, "-m", "graphwright", "serve", "--config", str(config)]
    ended = subprocess.run(
        [*command, "--data-dir", str(tmp_path / "data"), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr == (
        f"error {config}: graphs.g: cannot load the graph: OSError: no disk (broken.py:1)\n"
    )
    assert not list((tmp_path / "data").glob("*.db*"))


def test_serving_twice(plain: Service) -> None:
    """The same port, then the same data: either is said before anything is opened."""
    data = plain.folder / "data"
    used = refusal(plain.config, plain.folder / "other", port=plain.port)
    assert f"127.0.0.1:{plain.port} is in use" in used
    assert "another graphwright serves from it" in refusal(plain.config, data)
    with sqlite3.connect(data / "graphwright.db") as raw:
        found: Any = raw.execute("PRAGMA quick_check").fetchone()
    raw.close()
    assert found == ("ok",)
