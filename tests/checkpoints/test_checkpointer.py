from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graphwright_checkpoints import DatabaseUnavailable, InvalidURL, SqliteSaver, open_checkpointer

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
        assert isinstance(saver, SqliteSaver)
        assert await saver.aget_tuple(CONFIG) is None
    assert list(tmp_path.iterdir()) == []


def test_langgraphs_own_memory() -> None:
    with open_checkpointer("memory://") as saver:
        assert isinstance(saver, InMemorySaver)


@pytest.mark.parametrize(
    "url",
    [
        "checkpoints.db",
        "redis://localhost",
        "sqlite://host/file.db",
        "sqlite:///file.db?mode=ro",
        "memory://somewhere",
    ],
)
def test_other_urls_are_refused_with_the_forms_that_work(url: str) -> None:
    with pytest.raises(InvalidURL, match=r"sqlite:///relative\.db"):
        open_checkpointer(url)


def test_a_refused_url_does_not_show_its_password() -> None:
    with pytest.raises(InvalidURL) as caught:
        open_checkpointer("postgresql://me:secret@localhost/db")
    assert "secret" not in str(caught.value)
    assert "postgresql" in str(caught.value)


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
