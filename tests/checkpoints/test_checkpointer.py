import os
import subprocess
import sys
from pathlib import Path
from typing import get_overloads, get_type_hints

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graphwright_checkpoints import (
    DatabaseUnavailable,
    InvalidURL,
    Opening,
    Saver,
    open_checkpointer,
)

CONFIG = {"configurable": {"thread_id": "t"}}


def test_relative_and_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with open_checkpointer("sqlite:///relative.db"):
        assert (tmp_path / "relative.db").exists()
    with open_checkpointer(f"sqlite:///{tmp_path}/absolute.db"):
        assert (tmp_path / "absolute.db").exists()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite+aiosqlite://"])
async def test_in_memory(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_checkpointer(url) as saver:
        assert isinstance(saver, Saver)
        assert await saver.aget_tuple(CONFIG) is None
    assert list(tmp_path.iterdir()) == []


def test_langgraphs_own_memory() -> None:
    with open_checkpointer("memory://") as saver:
        assert isinstance(saver, InMemorySaver)


def test_type_checkers_know_what_is_opened() -> None:
    opened = [get_type_hints(form)["return"] for form in get_overloads(open_checkpointer)]
    assert opened == [Opening[InMemorySaver], Opening[Saver]]


@pytest.mark.parametrize(
    "url",
    [
        "checkpoints.db",
        "oracle://localhost",
        "sqlite://host/file.db",
        "sqlite:///file.db?mode=ro",
        "memory://somewhere",
    ],
)
def test_other_urls_are_refused_with_the_forms_that_work(url: str) -> None:
    with pytest.raises(InvalidURL, match=r"sqlite:///relative\.db"):
        open_checkpointer(url)


WITHOUT_DRIVER = """
import sys
sys.modules[sys.argv[2]] = None
from graphwright_checkpoints import InvalidURL, open_checkpointer
try:
    open_checkpointer(sys.argv[1])
except InvalidURL as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("url", "driver", "extra"),
    [
        ("mysql://localhost/db", "pymysql", "mysql"),
        ("mariadb://localhost/db", "pymysql", "mysql"),
        ("mongodb://localhost/db", "pymongo", "mongodb"),
        ("redis://localhost", "redis", "redis"),
        ("firestore://project", "google.api_core", "firestore"),
    ],
)
def test_a_missing_package_is_named_with_its_pip_command(url: str, driver: str, extra: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", WITHOUT_DRIVER, url, driver],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ).stdout
    assert f"({driver}" in said
    assert f": pip install 'graphwright[{extra}]'" in said


def test_a_refused_url_does_not_show_its_password() -> None:
    with pytest.raises(InvalidURL) as caught:
        open_checkpointer("oracle://me:secret@localhost/db")
    assert "secret" not in str(caught.value)
    assert "oracle" in str(caught.value)


def test_use_after_the_block_is_explained(tmp_path: Path) -> None:
    with open_checkpointer(f"sqlite:///{tmp_path}/c.db") as saver:
        pass
    with pytest.raises(DatabaseUnavailable, match=r"c\.db: .*inside the `with` block"):
        saver.get_tuple(CONFIG)


def test_a_config_without_a_thread_is_explained() -> None:
    with (
        open_checkpointer("sqlite://") as saver,
        pytest.raises(Exception, match="names no thread: pass"),
    ):
        saver.get_tuple({"configurable": {}})
