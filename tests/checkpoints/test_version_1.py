"""A file that the first release wrote, made by its statements, becomes one of this release."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from graphwright_checkpoints import ValueNotRead, open_checkpointer

TABLES = """
CREATE TABLE checkpoints (
    thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL, checkpoint_id TEXT NOT NULL,
    parent_checkpoint_id TEXT, run_id TEXT, type TEXT NOT NULL, checkpoint BLOB NOT NULL,
    metadata TEXT NOT NULL, PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id));
CREATE INDEX checkpoints_run ON checkpoints (run_id) WHERE run_id IS NOT NULL;
CREATE TABLE blobs (
    thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL, channel TEXT NOT NULL, version NOT NULL,
    type TEXT NOT NULL, blob BLOB NOT NULL,
    PRIMARY KEY (thread_id, checkpoint_ns, channel, version));
CREATE TABLE writes (
    thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL, checkpoint_id TEXT NOT NULL,
    task_id TEXT NOT NULL, idx INTEGER NOT NULL, task_path TEXT NOT NULL, channel TEXT NOT NULL,
    type TEXT NOT NULL, blob BLOB NOT NULL,
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx));
PRAGMA user_version = 1;
"""
TURNS = 10


class Xor:
    def __init__(self, key: int) -> None:
        self.key = key

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return f"xor-{self.key}", bytes(byte ^ self.key for byte in plaintext)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        if ciphername != f"xor-{self.key}":
            raise ValueError(f"written with {ciphername}")
        return self.encrypt(ciphertext)[1]


def messages(turn: int) -> list[Any]:
    return [
        kind(f"{number} {'x' * 500}", id=f"{number}")
        for number in range(turn)
        for kind in (HumanMessage, AIMessage)
    ]


def version(turn: int) -> str:
    return f"{turn:032}.0{turn:015}"


def write_version_1(path: Path, serde: Any) -> None:
    link = sqlite3.connect(path)
    link.executescript(TABLES)
    for thread in ("a", "b"):
        parent = None
        for turn in range(1, TURNS + 1):
            name = f"id-{turn:04}"
            body = {**empty_checkpoint(), "id": name, "ts": "now"}
            body["channel_values"] = {"turn": turn}
            versions = dict.fromkeys(("turn", "messages", "gone"), version(turn))
            body["channel_versions"] = {**versions, "document": version(1)}
            row = (thread, "", name, parent, f"run-{turn}", *serde.dumps_typed(body))
            facts = json.dumps({"step": turn, "run_id": f"run-{turn}"})
            link.execute("INSERT INTO checkpoints VALUES (?,?,?,?,?,?,?,?)", (*row, facts))
            state = (thread, "", "messages", version(turn), *serde.dumps_typed(messages(turn)))
            link.execute("INSERT INTO blobs VALUES (?,?,?,?,?,?)", state)
            said = serde.dumps_typed(AIMessage("last", id="last"))
            write = (thread, "", name, "task", -2, "path", "messages", *said)
            link.execute("INSERT INTO writes VALUES (?,?,?,?,?,?,?,?,?)", write)
            parent = name
        document = (thread, "", "document", version(1), *serde.dumps_typed("y" * 5000))
        link.execute("INSERT INTO blobs VALUES (?,?,?,?,?,?)", document)
    link.commit()
    link.close()


@pytest.mark.parametrize(
    "serde", [JsonPlusSerializer(), EncryptedSerializer(Xor(7))], ids=["plain", "encrypted"]
)
def test_everything_is_there_and_smaller(tmp_path: Path, serde: Any) -> None:
    path = tmp_path / "c.db"
    write_version_1(path, serde)
    for _ in range(2):  # the second time there is nothing to do
        with open_checkpointer(f"sqlite:///{path}", serde=serde) as saver:
            for thread in ("a", "b"):
                config: Any = {"configurable": {"thread_id": thread}}
                found = list(saver.list(config))
                assert [item.metadata["step"] for item in found] == list(range(TURNS, 0, -1))
                for item in found:
                    turn = item.metadata["step"]
                    assert item.checkpoint["channel_values"] == {
                        "turn": turn,
                        "messages": messages(turn),
                        "document": "y" * 5000,
                    }
                    assert item.checkpoint["channel_versions"]["messages"] == version(turn)
                    said = AIMessage("last", id="last")
                    assert item.pending_writes == [("task", "messages", said)]
                assert found[-1].parent_config is None
                assert found[0].parent_config == found[1].config
    link = sqlite3.connect(path)
    names = {name for (name,) in link.execute("SELECT name FROM sqlite_master")}
    assert not {"blobs", "writes", "version_1_checkpoints"} & names
    (count,) = link.execute("SELECT count(*) FROM checkpoint_elements").fetchone()
    link.close()
    assert count == 2 * (2 * TURNS + 2)


def test_versions_go_on_above_the_old_ones(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    write_version_1(path, JsonPlusSerializer())
    with open_checkpointer(f"sqlite:///{path}") as saver:
        new = saver.get_next_version(version(TURNS), None)
        assert new > version(TURNS)
        assert saver.get_next_version(new, None) > new
        assert saver.get_next_version(None, None) < new


def test_without_the_key_the_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    write_version_1(path, EncryptedSerializer(Xor(7)))
    with (
        pytest.raises(ValueNotRead, match=r"written with xor-7.*the key"),
        open_checkpointer(f"sqlite:///{path}", serde=EncryptedSerializer(Xor(8))),
    ):
        pass
    with open_checkpointer(f"sqlite:///{path}", serde=EncryptedSerializer(Xor(7))) as saver:
        assert len(list(saver.list(None))) == 2 * TURNS
