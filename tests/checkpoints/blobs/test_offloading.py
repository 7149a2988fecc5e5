"""Large elements are outside: stored once, found again, deleted with their rows."""

import asyncio
import base64
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.graph import START, MessagesState, StateGraph
from tests.checkpoints.stored import KINDS, Stored, StoredInSql
from tests.checkpoints.stored_on_servers import SERVERS
from tests.ports import free_port
from tests.processes import Command

from graphwright_checkpoints import (
    BlobMissing,
    BlobsUnavailable,
    DatabaseUnavailable,
    InvalidURL,
    LeaseLost,
    Saver,
    ValueNotRead,
    open_checkpointer,
)
from graphwright_checkpoints.blobs import BlobStore

Keys = Callable[[str], set[str]]
on_sqlite = pytest.mark.parametrize("fresh", ["sqlite"], indirect=True)
"""For what is about the store alone: the other kinds would take their time for nothing."""
in_sql = pytest.mark.parametrize("fresh", KINDS, indirect=True)
"""For what is about many or large blobs: to the other databases they are keys all the same."""
on_every_store = pytest.mark.parametrize(
    ("fresh", "anywhere"),
    [("sqlite", "s3"), ("sqlite", "azure"), *((kind, "file") for kind in (*KINDS, *SERVERS))],
    indirect=True,
)

NOISE = random.Random(1).randbytes(200_000)
URL = "data:image/png;base64," + base64.b64encode(NOISE).decode()
LARGE = "A large document. " * 20_000  # 360 kB
NOW = timedelta(0)


def at(thread: str = "t", **more: Any) -> Any:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", **more}}


def put(saver: Any, value: Any, thread: str = "t", **more: Any) -> Any:
    new: Any = {**empty_checkpoint(), "channel_values": {"ch": value}}
    new["channel_versions"] = {"ch": new["id"]}
    return saver.put(at(thread, **more), new, {}, {"ch": new["id"]})


def get(saver: Any, thread: str = "t") -> Any:
    return saver.get_tuple(at(thread)).checkpoint["channel_values"]["ch"]


def image(name: str) -> HumanMessage:
    block = {"type": "image_url", "image_url": {"url": URL}}
    return HumanMessage([{"type": "text", "text": f"Image {name}?"}, block], id=name)


def chat(saver: BaseCheckpointSaver[Any], answer: Any = None) -> Any:
    node = answer or (lambda state: {"messages": AIMessage("A picture.")})
    return StateGraph(MessagesState).add_node("a", node).add_edge(START, "a").compile(saver)


def count(stored: Stored) -> list[int]:
    """How many rows each table has; the last one is that of doomed blobs."""
    return [*stored.counts(), len(stored.rows("doomed_blobs"))]


def open_at(stored: Stored, blobs: str | None, **more: Any) -> Any:
    return open_checkpointer(stored.url, blobs=blobs, **more)


# Storing and reading


@on_every_store
async def test_a_conversation_on_every_store(anywhere: str, stored: Stored, keys: Keys) -> None:
    for _ in range(2):  # the second time what is stored is only read
        async with open_at(stored, anywhere) as saver:
            graph = chat(saver)
            if not keys(anywhere):
                await graph.ainvoke({"messages": [image("1"), HumanMessage(LARGE, id="2")]}, at())
            said = (await graph.aget_state(at())).values["messages"]
            assert said[:2] == [image("1"), HumanMessage(LARGE, id="2")]
    assert len(keys(anywhere)) == 2
    assert len(stored.content()) < 100_000
    async with open_at(stored, anywhere) as saver:
        await saver.adelete_thread("t")
    assert keys(anywhere) == set()
    assert count(stored) == [0] * 5


@on_every_store
def test_threads_too(anywhere: str, stored: Stored, keys: Keys) -> None:
    with open_at(stored, anywhere) as saver:
        put(saver, [LARGE, image("1")])
        assert get(saver) == [LARGE, image("1")]
    with open_at(stored, anywhere) as saver:
        assert get(saver) == [LARGE, image("1")]
        assert len(keys(anywhere)) == 2
        saver.delete_thread("t")
    assert keys(anywhere) == set()


def test_a_value_twice_in_one_call(stored: Stored, blobs: str, keys: Keys) -> None:
    """In two channels, in two writes, and in a copy onto a thread that has it already."""
    with open_at(stored, blobs) as saver:
        first = put(saver, {"one": LARGE, "other": LARGE, "image": [image("1"), image("2")]})
        saver.put_writes(first, [("a", f"again {LARGE}"), ("b", f"again {LARGE}")], "task")
        put(saver, [LARGE], "copy")
        for _ in range(2):
            saver.copy_thread("t", "copy")
            assert count(stored)[-1] == 0
            assert len(keys(blobs)) == 6
    with open_at(stored, blobs) as saver:
        for thread in ("t", "copy"):
            (found,) = [found for found in saver.list(at(thread)) if found.pending_writes]
            assert found.checkpoint["channel_values"]["ch"]["other"] == LARGE
            saver.delete_thread(thread)
    assert keys(blobs) == set()


def test_small_values_stay(stored: Stored, blobs: str, keys: Keys) -> None:
    with open_at(stored, blobs) as saver:
        put(saver, ["small " * 1000, LARGE[:200_000]])
        assert keys(blobs) == set()
    with open_at(stored, blobs, blobs_above=1000) as saver:
        put(saver, ["small " * 1000, LARGE[:200_000]], "other")
        assert len(keys(blobs)) == 2
        assert get(saver, "t") == get(saver, "other")


@in_sql
async def test_fifty_megabytes(stored: Stored, blobs: str, keys: Keys) -> None:
    value = random.Random(3).randbytes(50_000_000)
    async with open_at(stored, blobs) as saver:
        await chat(saver).ainvoke({"messages": [HumanMessage("x" * 50_000_000, id="1")]}, at())
        put(saver, value, "bytes")
    assert len(stored.content()) < 100_000
    async with open_at(stored, blobs) as saver:
        said = (await chat(saver).aget_state(at())).values["messages"]
        assert len(said[0].content) == 50_000_000
        assert get(saver, "bytes") == value
        assert len(keys(blobs)) == 2


async def test_an_image_in_a_long_chat_is_stored_once(
    stored: Stored, blobs: str, keys: Keys
) -> None:
    history: list[Any] = [{"role": "user", "content": image("1").content, "id": "image"}]
    for process in range(4):  # as it is after a restart
        async with open_at(stored, blobs) as saver:
            graph = chat(saver)
            for turn in range(6):
                history.append({"role": "user", "content": f"{process} {turn}", "id": f"{turn}"})
                await graph.ainvoke({"messages": list(history)}, at())
            said = (await graph.aget_state(at())).values["messages"]
            assert said[0].content == image("1").content
    assert len(keys(blobs)) == 1


async def test_a_message_that_comes_twice_at_once_is_stored_once(
    stored: Stored, blobs: str, keys: Keys
) -> None:
    """As a node's write and in the checkpoint, and neither waits for the other in LangGraph."""
    async with open_at(stored, blobs) as saver:
        graph = chat(saver, lambda state: {"messages": AIMessage(image("1").content)})
        for turn in range(10):
            await graph.ainvoke({"messages": f"{turn}"}, at())
        config = at(checkpoint_id="1")
        same = [saver.aput_writes(config, [("ch", [image("2")])], f"task {n}") for n in range(20)]
        await asyncio.gather(*same)
        assert count(stored)[-1] == 0  # nothing was stored in vain
    assert len(keys(blobs)) == 1


@in_sql
async def test_many_threads_at_once(s3_url: str, stored: Stored, keys: Keys) -> None:
    async with open_at(stored, s3_url) as saver:
        graph = chat(saver)
        calls = [graph.ainvoke({"messages": [image("1")]}, at(f"{n}")) for n in range(20)]
        await asyncio.gather(*calls)
        assert len(keys(s3_url)) == 20
        await asyncio.gather(*(saver.adelete_thread(f"{n}") for n in range(20)))
    assert keys(s3_url) == set()


@on_sqlite
async def test_what_was_read_last_is_not_read_again(stored: Stored, s3: Any, s3_url: str) -> None:
    async with open_at(stored, s3_url) as saver:
        for turn in range(5):
            await chat(saver).ainvoke({"messages": [HumanMessage(f"{turn}"), image("1")]}, at())
    async with open_at(stored, s3_url) as saver:
        graph, before = chat(saver), s3.count("GET")
        history = [state async for state in graph.aget_state_history(at())]
        assert len(history) == 15
        for _ in range(5):
            await graph.ainvoke({"messages": "again"}, at())
        assert s3.count("GET") - before == 1


@on_sqlite
async def test_the_loop_is_not_held(stored: Stored, s3_url: str) -> None:
    """A store that never answers holds the call that waits for it, and nobody else."""
    async with open_at(stored, s3_url) as saver:
        put(saver, LARGE)
    async with open_at(stored, s3_url) as saver:
        with Silent() as url:
            move(saver, url)
            waiting = asyncio.create_task(saver.aget_tuple(at()))
            started = time.monotonic()
            for _ in range(10):
                await saver.aput_writes(at(checkpoint_id="1"), [("ch", 1)], "task")
                await asyncio.sleep(0.01)
            assert time.monotonic() - started < 2
            assert not waiting.done()
            waiting.cancel()


class Silent:
    """A server that takes calls and answers none, until the block is left."""

    def __enter__(self) -> str:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.taken: list[Any] = []

        def take() -> None:
            while True:
                try:
                    self.taken.append(self.server.accept()[0])
                except OSError:
                    return

        self.thread = threading.Thread(target=take)
        self.thread.start()
        return f"http://127.0.0.1:{self.server.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.thread.join(timeout=10)
        for taken in self.taken:
            taken.close()


# Deleting


def test_pruning_and_deleting_for_runs(stored: Stored, blobs: str, keys: Keys) -> None:
    with open_at(stored, blobs) as saver:
        for number in range(3):
            put(saver, f"{number} {LARGE}", run_id=f"run {number}")
            put(saver, [image("1"), f"{number} other {LARGE}"], "u", run_id=f"run {number}")
        assert len(keys(blobs)) == 7
        saver.prune(["t"])
        assert len(keys(blobs)) == 5
        assert get(saver) == f"2 {LARGE}"
        saver.delete_for_runs(["run 2"])
        assert len(keys(blobs)) == 3
        assert get(saver, "u") == [image("1"), f"1 other {LARGE}"]
        saver.delete_for_runs(["run 0", "run 1"])
    assert keys(blobs) == set()
    assert count(stored) == [0] * 5


@on_every_store
def test_copies_have_blobs_of_their_own(stored: Stored, anywhere: str, keys: Keys) -> None:
    with open_at(stored, anywhere) as saver:
        first = put(saver, [image("1"), LARGE])
        saver.put_writes(first, [("ch", [image("2"), f"another {LARGE}"])], "task")
        saver.copy_thread("t", "copy")
        assert len(keys(anywhere)) == 6
        put(saver, [image("1"), "more"], "copy")
        saver.copy_thread("t", "copy")  # once more, onto what is there
        saver.copy_thread("copy", "third")
        assert len(keys(anywhere)) == 9
        saver.delete_thread("t")
        assert len(keys(anywhere)) == 6
    with open_at(stored, anywhere) as saver:
        (found,) = [found for found in saver.list(at("third")) if found.pending_writes]
        assert found.checkpoint["channel_values"]["ch"] == [image("1"), LARGE]
        assert found.pending_writes[0][2] == [image("2"), f"another {LARGE}"]
        saver.delete_thread("copy")
        saver.delete_thread("third")
    assert keys(anywhere) == set()


def test_a_copy_leaves_out_what_nothing_refers_to(stored: Stored, blobs: str, keys: Keys) -> None:
    with open_at(stored, blobs) as saver:
        first = put(saver, "small")
        saver.put_writes(first, [("ch", "written first")], "task")
        saver.put_writes(first, [("ch", LARGE)], "task")  # the first ones count
        saver.copy_thread("t", "copy")
        saver.delete_thread("t")
        saver.delete_thread("copy")
    assert keys(blobs) == set()


def test_a_copy_of_a_thread_with_a_lost_blob_is_refused(
    stored: Stored, blobs: str, keys: Keys
) -> None:
    with open_at(stored, blobs) as saver:
        put(saver, [LARGE, image("1"), f"another {LARGE}"])
        lost, *others = keys(blobs)
        lose(blobs, lost)
        with pytest.raises(BlobsUnavailable, match="'t' could not be copied") as caught:
            saver.copy_thread("t", "copy")
        assert lost in str(caught.value)
        assert saver.get_tuple(at("copy")) is None
        assert keys(blobs) == {*others}


def test_blobs_of_what_was_deleted_without_a_store(stored: Stored, blobs: str, keys: Keys) -> None:
    with open_at(stored, blobs) as saver:
        put(saver, LARGE)
    with open_at(stored, None) as saver:
        saver.delete_thread("t")
    assert len(keys(blobs)) == 1
    with open_at(stored, blobs):
        assert keys(blobs) == set()


@on_sqlite
def test_a_store_that_is_away_at_a_deletion(
    stored: Stored, s3_url: str, keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    with open_at(stored, s3_url) as saver:
        put(saver, LARGE)
        here = move(saver, closed())
        saver.delete_thread("t")
        assert saver.get_tuple(at()) is None
        assert "will be deleted later: s3://bucket/" in caplog.text
        assert len(keys(s3_url)) == 1
        move(saver, here)
        saver.delete_thread("other")
        assert keys(s3_url) == set()


def move(saver: Any, endpoint: str) -> str:
    """Have an open saver look for its store elsewhere, as if that was cut off; where it was."""
    store: BlobStore = saver._database._store
    before, store._options["endpoint"] = store._options["endpoint"], endpoint
    vars(store).pop("_store", None)
    return before


def closed() -> str:
    return f"http://127.0.0.1:{free_port()}"


# Failures


def lose(blobs: str, *names: str) -> None:
    for name in names:
        Path(blobs.removeprefix("file://"), name).unlink()


async def test_a_missing_blob_is_named(stored: Stored, blobs: str, keys: Keys) -> None:
    with open_at(stored, blobs) as saver:
        first = put(saver, "small")
        saver.put_writes(first, [("messages", [image("1"), LARGE])], "task")
        saver.get_tuple(at())
    (name, *_) = sorted(keys(blobs))
    lose(blobs, name)
    async with open_at(stored, blobs) as saver:
        for _ in range(2):
            with pytest.raises(BlobMissing, match="'messages' was stored but cannot be") as caught:
                await saver.aget_tuple(at())
            assert (caught.value.channel, caught.value.key) == ("messages", name)
            assert f"blob {name} is missing from {blobs}" in str(caught.value)
        with pytest.raises(BlobMissing):
            saver.get_tuple(at())
        saver.delete_thread("t")
    assert keys(blobs) == set()


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_blob_that_was_cut_is_not_taken_for_the_value(
    stored: Stored, blobs: str, keys: Keys, encrypted: bool
) -> None:
    serde = EncryptedSerializer.from_pycryptodome_aes(key=b"0" * 16) if encrypted else None
    with open_checkpointer(stored.url, blobs=blobs, serde=serde) as saver:
        put(saver, [image("1"), HumanMessage(LARGE, id="2")])
    for name in keys(blobs):
        place = Path(blobs.removeprefix("file://"), name)
        place.write_bytes(place.read_bytes()[:-10])
    async with open_checkpointer(stored.url, blobs=blobs, serde=serde) as saver:
        with pytest.raises(ValueNotRead, match="'ch' was stored but cannot be"):
            await saver.aget_tuple(at())
        with pytest.raises(ValueNotRead, match="'ch' was stored but cannot be"):
            saver.get_tuple(at())


def test_reading_and_copying_without_the_store(stored: Stored, blobs: str) -> None:
    with open_at(stored, blobs) as saver:
        put(saver, [LARGE, image("1")])
    with open_at(stored, None) as saver:
        with pytest.raises(BlobMissing, match="give open_checkpointer its URL as `blobs`"):
            saver.get_tuple(at())
        with pytest.raises(DatabaseUnavailable, match="give open_checkpointer its URL as `blobs`"):
            saver.copy_thread("t", "copy")


@pytest.mark.parametrize("on_loop", [False, True])
@on_sqlite
async def test_a_failed_upload_fails_the_call(stored: Stored, s3_url: str, on_loop: bool) -> None:
    async with open_at(stored, s3_url) as saver:
        put(saver, "first")
        before = count(stored)
        move(saver, closed())
        started = time.monotonic()
        with pytest.raises(BlobsUnavailable, match="s3://bucket/") as caught:
            if on_loop:
                await saver.aput_writes(at(checkpoint_id="1"), [("a", 1), ("ch", LARGE)], "task")
            else:
                put(saver, [LARGE, image("1")])
        assert time.monotonic() - started < 30
        assert "secret" not in str(caught.value)
        assert count(stored) == before
        assert get(saver) == "first"


def test_a_refused_write_leaves_no_blob(stored: Stored, blobs: str, keys: Keys) -> None:
    with open_at(stored, blobs) as saver:
        saver.raise_fence("t", 2)
        with pytest.raises(LeaseLost):
            put(saver, LARGE, __fence=1)
        saver.prune(["t"])  # where elements are stored before their rows, it leaves them
        assert keys(blobs) == set()


def test_elements_that_were_swept_meanwhile_are_stored_again(stored: Stored, blobs: str) -> None:
    with open_at(stored, blobs) as ours, open_at(stored, blobs) as theirs:
        message = image("1")
        for _ in range(3):
            put(ours, [message, LARGE])
            theirs.delete_thread("t")
            put(ours, [message, LARGE])
            put(theirs, ["only this"])
            theirs.prune(["t"])
        put(ours, [message, LARGE])
        assert get(theirs) == [message, LARGE]


def test_writers_and_sweepers_at_once(stored: Stored, blobs: str, keys: Keys) -> None:
    """No checkpoint that is there has a blob that is not."""
    stop = threading.Event()
    rounds = int(60 * stored.kills)

    def sweep() -> None:
        with open_at(stored, blobs) as saver:
            while not stop.is_set():
                saver.prune(["t"])

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        with open_at(stored, blobs) as saver:
            for number in range(rounds):
                value = [image("1"), f"{number % 3} {LARGE}", number]
                put(saver, [HumanMessage("new"), *value])
                put(saver, value)
                assert get(saver) == value
    finally:
        stop.set()
        sweeper.join(timeout=60)
    with open_at(stored, blobs) as saver:
        assert get(saver)[-1] == rounds - 1
        saver.delete_thread("t")
        assert saver.delete_orphans(NOW) == 0
    assert keys(blobs) == set()


@on_every_store
async def test_what_is_outside_is_part_of_what_a_thread_takes(
    anywhere: str, stored: Stored
) -> None:
    async with open_at(stored, anywhere) as saver:
        put(saver, LARGE)
        put(saver, "small", "u")
        usage = await saver.ausage("t")
        assert usage.outside == (1, usage.outside.bytes)
        assert usage.bytes > usage.outside.bytes > len(LARGE)
        assert saver.usage("u").outside == (0, 0)
        assert dict(saver.usages()) == {name: saver.usage(name) for name in "tu"}
        saver.delete_thread("t")
        assert saver.usage("t").bytes == 0
        assert [name for name, _ in saver.usages()] == ["u"]


# Crashes and orphans

CHILD = """
import sys, time
from graphwright_checkpoints import open_checkpointer
url, blobs, large = sys.argv[1:]
with open_checkpointer(url, blobs=blobs) as saver:
    def wait(*row):
        print("between", flush=True)
        time.sleep(60)
    saver._database._rows.insert = wait
    config = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "2"}}
    saver.put_writes(config, [("ch", "killed " + large * 100_000)], "task")
"""


def test_a_kill_between_a_blob_and_its_row(
    shared_url: str, blobs: str, keys: Keys, tmp_path: Path
) -> None:
    with open_checkpointer(shared_url, blobs=blobs) as saver:
        put(saver, LARGE)
        before, said = keys(blobs), tmp_path / "said"
        arguments = (shared_url, blobs, "a lot ")
        child = Command(
            *arguments, code=CHILD, folder=tmp_path, environment=os.environ, output=said
        )
        while not said.exists() or said.read_text() != "between\n":
            assert child.poll() is None, said.read_text()
            time.sleep(0.001)
        child.send_signal(signal.SIGKILL)
        child.wait(60)
        assert len(keys(blobs)) == 2
        assert saver.delete_orphans() == 0  # type: ignore[attr-defined] - too young to be sure
        assert len(keys(blobs)) == 2
        assert saver.delete_orphans(NOW) == 1  # type: ignore[attr-defined]
        assert keys(blobs) == before
        assert get(saver) == LARGE


@on_every_store
async def test_orphans_of_another_database_are_its_own(
    fresh: Callable[[], Stored], anywhere: str
) -> None:
    async with open_at(fresh(), anywhere) as a, open_at(fresh(), anywhere) as b:
        put(a, LARGE)
        put(b, LARGE)
        for saver in (a, b):
            assert await saver.adelete_orphans(NOW) == 0
        a.delete_thread("t")
        assert get(b) == LARGE


def test_what_is_no_blob_is_left_alone(stored: Stored, blobs: str, keys: Keys) -> None:
    with open_at(stored, blobs) as saver:
        put(saver, LARGE)
        (kept,) = keys(blobs)
        folder = Path(blobs.removeprefix("file://"))
        notes = [(folder / kept).parent / ".DS_Store", (folder / kept).parents[1] / "Thumbs.db"]
        for note in notes:
            note.write_bytes(b"a file manager's")
        (folder / kept).with_name(f"{'0' * 32}-{'0' * 16}").write_bytes(b"an orphan")
        assert saver.delete_orphans(NOW) == 1
        assert all(note.exists() for note in notes)
        assert get(saver) == LARGE


def test_no_store_has_no_orphans() -> None:
    with open_checkpointer("sqlite://") as saver:
        assert cast(Saver, saver).delete_orphans() == 0


# Encryption, schema, URLs


class Xor:
    """A stand-in for a cipher: LangGraph's own needs a package that we do not depend on."""

    def __init__(self, key: int = 7) -> None:
        self._key = key

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return "xor", self._apply(b"ok" + plaintext)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        plain = self._apply(ciphertext)
        if plain[:2] != b"ok":
            raise ValueError("it was not written with this key")
        return plain[2:]

    def _apply(self, data: bytes) -> bytes:
        return data.translate(bytes(byte ^ self._key for byte in range(256)))


def test_what_is_outside_is_encrypted_too(tmp_path: Path, stored: Stored, blobs: str) -> None:
    serde = EncryptedSerializer(Xor())
    for _ in range(2):
        with open_at(stored, blobs, serde=serde) as saver:
            put(saver, [image("1"), LARGE], "secret thread")
            assert get(saver, "secret thread") == [image("1"), LARGE]
    everything = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert len(everything) >= 2
    for data in [stored.content(), *everything]:
        assert not any(
            plain in data for plain in (NOISE[:50], URL[50:90].encode(), b"A large document")
        )


@on_every_store
def test_a_change_of_keys_writes_blobs_anew(stored: Stored, anywhere: str, keys: Keys) -> None:
    old, new = EncryptedSerializer(Xor(1)), EncryptedSerializer(Xor(2))
    values = [image("1"), *(f"{n} {LARGE}" for n in range(9))]
    with open_at(stored, anywhere, serde=old) as saver:
        put(saver, values)
    before = keys(anywhere)
    with open_at(stored, anywhere, serde=new, old_serdes=[old]) as saver:
        assert get(saver) == values
        assert saver.reencrypt().rewritten > len(before)
        assert saver.reencrypt().rewritten == 0
        put(saver, values)
        assert saver.delete_orphans(NOW) == 0
    assert len(keys(anywhere)) == len(before) == 10
    assert not before & keys(anywhere)
    with open_at(stored, anywhere, serde=new) as saver:
        assert get(saver) == values
        saver.delete_thread("t")
    assert keys(anywhere) == set()


def test_a_change_of_keys_that_is_cut_off(
    stored: Stored, blobs: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = EncryptedSerializer(Xor(1)), EncryptedSerializer(Xor(2))
    with open_at(stored, blobs, serde=old) as saver:
        put(saver, [f"{n} {LARGE}" for n in range(3)])
    with open_at(stored, blobs, serde=new, old_serdes=[old]) as saver:
        rows = saver._database._rows
        with monkeypatch.context() as patch:
            patch.setattr(rows, "move_blobs", lambda moves: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                saver.reencrypt()
        assert len(keys(blobs)) == 6
        assert saver.delete_orphans(NOW) == 3
        move = rows.move_blobs

        def delete_first(moves: Any) -> None:  # somebody was faster
            saver.delete_thread("t")
            move(moves)

        monkeypatch.setattr(rows, "move_blobs", delete_first)
        saver.reencrypt()
    assert keys(blobs) == set()


VERSION_2 = (
    "DROP TABLE checkpoint_pins",
    "DROP TRIGGER checkpoint_elements_blob",
    "ALTER TABLE checkpoint_elements DROP COLUMN blob",
    "DROP TABLE checkpoint_doomed_blobs",
    "PRAGMA user_version = 2",
)


@on_sqlite
def test_a_file_of_schema_2(stored: StoredInSql, blobs: str, keys: Keys) -> None:
    with open_at(stored, None) as saver:
        put(saver, ["x", LARGE])
    for statement in VERSION_2:
        stored.execute(statement)
    with open_at(stored, blobs) as saver:
        assert get(saver) == ["x", LARGE]
        put(saver, ["x", LARGE, f"another {LARGE}"])
    with open_at(stored, blobs) as saver:
        assert len(keys(blobs)) == 1  # what is stored stays where it is
        saver.delete_thread("t")
    assert keys(blobs) == set()


def test_checkpoints_in_memory_have_no_blobs() -> None:
    with pytest.raises(InvalidURL, match="memory://"):
        open_checkpointer("memory://", blobs="file:///tmp/blobs")


def test_a_database_in_memory_may(blobs: str, keys: Keys) -> None:
    with open_checkpointer("sqlite://", blobs=blobs) as saver:
        put(saver, LARGE)
        assert get(saver) == LARGE
        saver.delete_thread("t")
    assert keys(blobs) == set()


async def test_it_can_be_opened_again(stored: Stored, blobs: str) -> None:
    opening = open_at(stored, blobs)
    for _ in range(2):
        async with opening as saver:
            put(saver, LARGE)
    with pytest.raises(DatabaseUnavailable, match="inside the `with` block"):
        put(saver, LARGE)
