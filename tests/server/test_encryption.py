"""Checkpoints are encrypted when a key is set, under LangGraph's name for it."""

from pathlib import Path

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from tests.checkpoints.stored import stored_at

from graphwright.checkpointing import checkpoints_of
from graphwright.encryption import serializers
from graphwright.errors import DatabaseError, StartError
from graphwright.graphs import Graphs
from graphwright.settings import Settings

VARIABLES = ("GRAPHWRIGHT_ENCRYPTION_KEY", "LANGGRAPH_AES_KEY", "LANGGRAPH_AES_KEY_PREVIOUS")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", VARIABLES[:2])
def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "k" * 16)
    settings = Settings()
    assert settings.encryption_key is not None
    assert settings.encryption_key.get_secret_value() == "k" * 16
    assert "kkk" not in repr(settings)


def test_without_a_key_nothing_is_encrypted() -> None:
    assert serializers(Settings()) == (None, ())


def test_a_wrong_key_is_told_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGGRAPH_AES_KEY", "secret")
    with pytest.raises(StartError, match=r"LANGGRAPH_AES_KEY has 6 bytes: give it 16, 24 or 32"):
        serializers(Settings())


def test_an_old_key_alone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGGRAPH_AES_KEY_PREVIOUS", "k" * 16)
    with pytest.raises(StartError, match="PREVIOUS is set without LANGGRAPH_AES_KEY"):
        serializers(Settings())


async def test_what_runs_write_is_encrypted(record_url: str, tmp_path: Path) -> None:

    def graphs(*keys: str) -> Graphs:
        names = ("encryption_key", "encryption_key_previous")
        given = {"checkpoints": record_url, "blobs": "none"}
        settings = Settings.model_validate({**given, **dict(zip(names, keys, strict=False))})
        return Graphs(None, None, checkpoints_of(settings))  # type: ignore[arg-type]

    place = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    first = graphs("a" * 32)
    async with first.checkpointing():
        new = empty_checkpoint() | {"channel_values": {"x": "plain text" * 100}}
        new["channel_versions"] = {"x": "1.0"}
        await first.saver.aput(place, new, {}, {"x": "1.0"})  # type: ignore[arg-type]
        files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert b"plain text" not in stored_at(record_url).content() + files
    rotated = graphs("b" * 32, "a" * 32)
    async with rotated.checkpointing():
        found = await rotated.saver.aget_tuple(place)  # type: ignore[arg-type]
        assert found is not None
        assert found.checkpoint["channel_values"]["x"] == "plain text" * 100
    with pytest.raises(DatabaseError, match=r"the key\) that wrote them"):
        async with graphs("b" * 32).checkpointing():
            pass
