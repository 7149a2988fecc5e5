"""Encryption at rest, and keys that change."""

import random
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, MessagesState, StateGraph
from tests.checkpoints.stored import KINDS, Stored, StoredInSql

from graphwright_checkpoints import KeysNotUsable, Progress, ValueNotRead, open_checkpointer
from graphwright_checkpoints.networked import contents

TEXT = "What a day. " * 85  # 1 kB
CONFIG: Any = {"configurable": {"thread_id": "t"}}


class StreamCipher:
    """A cipher with a check of its key, which never writes the same text twice."""

    def __init__(self, key: int) -> None:
        self.key = key

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        nonce = random.randbytes(8)
        return "stream", nonce + self._apply(nonce, b"ok" + plaintext)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        plain = self._apply(ciphertext[:8], ciphertext[8:])
        if ciphername != "stream" or plain[:2] != b"ok":
            raise ValueError("it was not written with this key")
        return plain[2:]

    def _apply(self, nonce: bytes, data: bytes) -> bytes:
        pad = random.Random(nonce + bytes([self.key])).randbytes(len(data))
        return bytes(left ^ right for left, right in zip(data, pad, strict=True))


OLD, NEW = (EncryptedSerializer(StreamCipher(key)) for key in (1, 2))


def talk(saver: Any, first: int, last: int) -> None:
    def answer(state: MessagesState) -> Any:
        return {"messages": AIMessage(f"{len(state['messages'])} {TEXT}")}

    graph = StateGraph(MessagesState).add_node("a", answer).add_edge(START, "a").compile(saver)
    for turn in range(first, last):
        graph.invoke({"messages": [HumanMessage(f"{turn} {TEXT}")]}, CONFIG)


def said(saver: Any) -> list[int]:
    found = saver.get_tuple(CONFIG)
    return [int(m.content.split()[0]) for m in found.checkpoint["channel_values"]["messages"][::2]]


def turns_of(stored: Stored) -> int:
    """How many turns take more than a page. On servers a page is a thread's."""
    return 30 if isinstance(stored, StoredInSql) else 6


def raw(stored: Stored, folder: Path) -> bytes:
    """What is stored, and of a file in that folder all its bytes."""
    return stored.content() + b"".join(file.read_bytes() for file in folder.iterdir())


def test_no_plain_text_in_the_database(stored: Stored, tmp_path: Path) -> None:
    serde = EncryptedSerializer.from_pycryptodome_aes(key=b"k" * 32)
    with open_checkpointer(stored.url, serde=serde) as saver:
        talk(saver, 0, 3)
        assert b"What a day" not in raw(stored, tmp_path)
    with open_checkpointer(stored.url, serde=serde) as saver:
        assert said(saver) == [0, 1, 2]
    assert b"What a day" not in raw(stored, tmp_path)
    other = EncryptedSerializer.from_pycryptodome_aes(key=b"K" * 32)
    with (
        pytest.raises(ValueNotRead, match=r"'digest key' .*MAC check failed.* \(and the key\)"),
        open_checkpointer(stored.url, serde=other),
    ):
        pass


@pytest.mark.parametrize("old", [OLD, JsonPlusSerializer()], ids=["key", "plain"])
def test_from_one_key_to_the_next(
    stored: Stored, tmp_path: Path, old: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "PAGE", 7)
    monkeypatch.setattr(contents, "STEP", 3)
    turns = turns_of(stored)
    with open_checkpointer(stored.url, serde=old) as saver:
        talk(saver, 0, turns)
    seen: list[Progress] = []
    with open_checkpointer(stored.url, serde=NEW, old_serdes=[OLD]) as saver:
        talk(saver, turns, turns + 2)
        assert said(saver) == list(range(turns + 2))
        done = saver.reencrypt(seen.append)  # type: ignore[attr-defined]
        assert done == seen[-1]
        assert len(seen) > 2
        assert done.rewritten < done.seen  # the last turns had the new key already
        assert saver.reencrypt().rewritten == 0  # type: ignore[attr-defined]
        assert said(saver) == list(range(turns + 2))
    assert b"What a day" not in raw(stored, tmp_path)
    with open_checkpointer(stored.url, serde=NEW) as saver:
        assert len(list(saver.list(CONFIG))) == 3 * (turns + 2)
        talk(saver, turns + 2, turns + 3)
        assert said(saver) == list(range(turns + 3))
    digests = [row["digest"] for row in stored.rows("elements")]
    assert len(digests) == len({*digests})  # digests stayed: nothing was stored twice


async def test_an_interrupted_change_of_keys_goes_on(stored: Stored) -> None:
    class Interrupted(Exception):
        pass

    def stop(_: Progress) -> None:
        raise Interrupted

    turns = turns_of(stored)
    with open_checkpointer(stored.url, serde=OLD) as saver:
        talk(saver, 0, turns)
    async with open_checkpointer(stored.url, serde=NEW, old_serdes=[OLD]) as saver:
        before = 0
        for _ in range(2):
            with pytest.raises(Interrupted):
                await saver.areencrypt(stop)  # type: ignore[attr-defined]
        assert said(saver) == list(range(turns))
        done = await saver.areencrypt()  # type: ignore[attr-defined]
        assert before < done.rewritten < done.seen
    with open_checkpointer(stored.url, serde=NEW) as saver:
        assert said(saver) == list(range(turns))


@pytest.mark.parametrize("fresh", ["mongodb", "firestore"], indirect=True)
def test_elements_in_pieces(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("mongodb", "firestore"):
        monkeypatch.setattr(f"graphwright_checkpoints.{kind}.documents.CHUNK", 400)
    old = OLD
    for new in (NEW, OLD):
        with open_checkpointer(stored.url, serde=old) as saver:
            talk(saver, 0, 1)
            assert len(stored.rows("elements")) > len(stored.elements())
        with open_checkpointer(stored.url, serde=new, old_serdes=[old]) as saver:
            saver.reencrypt()  # type: ignore[attr-defined]
        with open_checkpointer(stored.url, serde=new) as saver:
            assert {*said(saver)} == {0}
        old = new
    with open_checkpointer(stored.url, serde=old) as saver:
        saver.delete_thread("t")
    assert stored.counts() == [0] * 4


@pytest.mark.parametrize("fresh", KINDS, indirect=True)
def test_a_value_that_no_key_fits_is_named(stored: StoredInSql) -> None:
    with open_checkpointer(stored.url, serde=OLD) as saver:
        talk(saver, 0, 2)
    with open_checkpointer(stored.url, serde=NEW, old_serdes=[OLD]) as saver:
        saver.reencrypt()  # type: ignore[attr-defined]
    stored.execute(f"UPDATE {stored.prefix}checkpoint_elements SET type = 'msgpack+another'")
    with (
        open_checkpointer(stored.url, serde=NEW, old_serdes=[OLD]) as saver,
        pytest.raises(ValueNotRead, match=r"checkpoint_elements .*not written with this key"),
    ):
        saver.reencrypt()  # type: ignore[attr-defined]


def test_keys_need_serializers_that_encrypt() -> None:
    plain = JsonPlusSerializer()
    with pytest.raises(KeysNotUsable, match="serde is missing: pass EncryptedSerializer"):
        open_checkpointer("sqlite://", old_serdes=[OLD])
    with pytest.raises(KeysNotUsable, match="one of old_serdes is a JsonPlusSerializer"):
        open_checkpointer("sqlite://", serde=NEW, old_serdes=[plain])
    with open_checkpointer("sqlite://") as saver, pytest.raises(KeysNotUsable, match="serde is a"):
        saver.reencrypt()  # type: ignore[attr-defined]
