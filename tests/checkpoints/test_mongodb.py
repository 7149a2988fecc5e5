"""MongoDB's own: a change in three steps, and what a crash between them leaves."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from tests.checkpoints.stored import Stored
from tests.checkpoints.stored_on_servers import mongodb
from tests.checkpoints.test_database import WRITER, config, put

from graphwright_checkpoints import DatabaseUnavailable, InvalidURL, open_checkpointer
from graphwright_checkpoints.mongodb import documents, pending
from graphwright_checkpoints.mongodb.server import MongoServer

KILLS = 5
TEXT = "word " * 100


@pytest.fixture
def stored(request: pytest.FixtureRequest) -> Iterator[Stored]:
    with contextmanager(mongodb.__wrapped__)(request) as made:  # type: ignore[attr-defined]
        yield made


class Crash(BaseException):
    """Ends a call as a crash would: nothing tidies up after it."""


def crash(*arguments: Any, **options: Any) -> Any:
    raise Crash


def test_a_crash_before_the_commit_leaves_no_checkpoint(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_checkpointer(stored.url) as saver:
        put(saver, "t", text=TEXT)
        with monkeypatch.context() as patch, pytest.raises(Crash):
            patch.setattr(MongoServer, "_commit", crash)
            put(saver, "t", text=TEXT + "more")
        assert len(list(saver.list(config("t")))) == 1
        assert len(stored.elements()) == 2
        put(saver, "t", text=TEXT + "more")  # finds the element that was left
        assert len(stored.elements()) == 2
        saver.prune(["t"])
        assert stored.elements() == stored.referred()


def test_a_crash_after_the_commit_loses_nothing(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_checkpointer(stored.url) as saver:
        with monkeypatch.context() as patch, pytest.raises(Crash):
            patch.setattr(pending, "settle", crash)
            put(saver, "t", text=TEXT)
        assert stored.rows("checkpoints") == []
        found = saver.get_tuple(config("t"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"text": TEXT}
        assert list(saver.list(config("t"))) == [found]
        saver.prune(["t"])  # keeps what is referred to
        assert len(stored.elements()) == 1
        with monkeypatch.context() as patch, pytest.raises(Crash):
            patch.setattr(pending, "settle", crash)
            saver.put_writes(found.config, [("text", TEXT)], "task")
        again = saver.get_tuple(found.config)
        assert again is not None
        assert again.pending_writes == [("task", "text", TEXT)]
        put(saver, "t", text="next")  # puts all where it belongs
        assert len(stored.rows("checkpoints")) == 2
        assert len(stored.rows("writes")) == 1
        assert saver.get_tuple(found.config) == again


def test_a_crash_in_a_sweep_is_made_good_by_the_next(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_checkpointer(stored.url) as saver:
        for step in range(3):
            put(saver, "t", text=f"{step} {TEXT}")
        with monkeypatch.context() as patch, pytest.raises(Crash):
            patch.setattr(MongoServer, "_execute", _crash_when_condemned)
            saver.prune(["t"])
        put(saver, "t", text=f"0 {TEXT}")  # must not refer to what is condemned
        saver.prune(["t"])
        found = saver.get_tuple(config("t"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"text": f"0 {TEXT}"}
        assert stored.elements() == stored.referred()


def _crash_when_condemned(server: Any, key: int) -> None:
    if server._at.threads.find_one({"_id": key}).get("condemned"):
        raise Crash


def test_an_element_whose_pieces_are_not_all_there_is_stored_again(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "CHUNK", 100)
    with open_checkpointer(stored.url) as saver:
        put(saver, "t", text="x")
        with monkeypatch.context() as patch, pytest.raises(Crash):
            patch.setattr("graphwright_checkpoints.mongodb.server.insert_all", _insert_two)
            put(saver, "t", text=TEXT)
        put(saver, "t", text=TEXT)
        found = saver.get_tuple(config("t"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"text": TEXT}
        saver.prune(["t"])
        assert stored.elements() == stored.referred()


def _insert_two(collection: Any, new: Any) -> None:
    collection.insert_many(new[:2])
    raise Crash


def test_a_thread_deleted_while_it_is_written_leaves_nothing(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = pending.settle

    def late(*arguments: Any, **options: Any) -> None:
        other.delete_thread("t")
        settle(*arguments, **options)

    with open_checkpointer(stored.url) as saver, open_checkpointer(stored.url) as other:
        put(saver, "t", messages=[HumanMessage(TEXT)])
        monkeypatch.setattr(pending, "settle", late)
        put(saver, "t", messages=[HumanMessage(TEXT)])
        assert stored.counts() == [0, 0, 0, 0]


LITEMONGO = """
import litemongo, pymongo, sys
pymongo.MongoClient = lambda url, **options: litemongo.connect("file://" + sys.argv[4] + "#test")
"""


def test_kill_9_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    """Litemongo on SQLite files, in one process after the other."""
    before = 0
    for kill in range(KILLS):
        before = _write_until_killed(tmp_path, before, at_least=3 + 3 * kill)


CHECK = """
from langgraph.checkpoint.base import empty_checkpoint
from graphwright_checkpoints import open_checkpointer
with open_checkpointer(sys.argv[1]) as saver:
    found = list(saver.list({"configurable": {"thread_id": "t", "checkpoint_ns": ""}}))
    steps = [item.checkpoint["channel_values"]["step"] for item in found]
    assert steps == list(range(len(steps), 0, -1)), steps
    for item in found:
        values = item.checkpoint["channel_values"]
        assert values["lines"] == [f"{step:600}" for step in range(1, values["step"] + 1)]
    print(sum(bool(item.pending_writes) for item in found), steps[0])
"""


def _write_until_killed(folder: Path, before: int, at_least: int) -> int:
    """Kill a writer while it goes on, and check what is there; the last step that is."""
    writer = _python(LITEMONGO + WRITER, folder)
    assert writer.stdout is not None
    lines = [writer.stdout.readline() for _ in range(at_least)]
    writer.kill()
    lines += writer.stdout.read().splitlines()
    writer.stdout.close()
    writer.wait()
    acknowledged = int(lines[-1])
    checker = _python(LITEMONGO + CHECK, folder)
    said, _ = checker.communicate(timeout=60)
    assert checker.returncode == 0
    written, last = map(int, said.split())
    assert before < acknowledged <= last <= acknowledged + 1
    assert written >= acknowledged - KILLS  # a kill may come between a checkpoint and its writes
    return last


def _python(script: str, folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", script, "mongodb://127.0.0.1/test", "t", "1000000", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphwright_checkpoints.mongodb.collections.SELECTING", 200)
    with (
        pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1:1/db: .*See that MongoDB runs"),
        open_checkpointer("mongodb://me:secret@127.0.0.1:1/db") as _,
    ):
        pass


def test_urls_that_cannot_be_read() -> None:
    with pytest.raises(InvalidURL, match="Give mongodb://") as caught:
        open_checkpointer("mongodb://me:secret@host:port/db")
    assert "secret" not in str(caught.value)
