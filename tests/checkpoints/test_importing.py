"""What the official checkpointers wrote comes over whole, once, and nothing is written over."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import TASKS
from langgraph.types import Command, Send
from tests.checkpoints.foreign import (
    SERDE,
    Foreign,
    asking,
    chat,
    foreign_postgres,
    foreign_sqlite,
    say,
    sending,
    thread,
    values,
    write_everything,
)
from tests.postgres import PostgresServer

from graphwright_checkpoints import ImportRefused, Saver, SourceError, open_checkpointer
from graphwright_checkpoints.importing import (
    Standing,
    ThreadImport,
    import_checkpoints,
    open_source,
    plan,
    rehearse,
)
from graphwright_checkpoints.importing.comparison import same

TALK = "talk"


@pytest.fixture(params=["sqlite", "postgres"])
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> Foreign:
    if request.param == "sqlite":
        return foreign_sqlite(tmp_path)
    return foreign_postgres(request.getfixturevalue("postgres_url"))


@pytest.fixture
def saver(tmp_path: Path) -> Iterator[Saver]:
    with open_checkpointer(f"sqlite:///{tmp_path / 'ours.db'}", serde=SERDE) as opened:
        yield cast(Saver, opened)


def bring(foreign: Foreign, saver: Saver, **options: Any) -> list[ThreadImport]:
    """Import, and return what became of each thread."""
    with open_source(foreign.url, serde=SERDE) as source:
        steps = list(import_checkpoints(source, saver, **options))
    return list({step.thread.thread_id: step.thread for step in steps}.values())


def write(foreign: Foreign, *texts: str, thread_id: str = TALK) -> None:
    with foreign.open() as official:
        for text in texts:
            say(chat(official), thread_id, text)


def texts(saver: Any, thread_id: str = TALK) -> list[str]:
    state = chat(saver).get_state(thread(thread_id))
    return [message.text for message in state.values.get("messages", [])]


def assert_equal(left: CheckpointTuple, right: CheckpointTuple) -> None:
    assert left.config == right.config
    assert left.parent_config == right.parent_config
    assert left.metadata == right.metadata
    assert same(
        {**left.checkpoint, "channel_values": {}}, {**right.checkpoint, "channel_values": {}}, SERDE
    )
    assert left.checkpoint["channel_values"].keys() == right.checkpoint["channel_values"].keys()
    for name, value in left.checkpoint["channel_values"].items():
        assert same(value, right.checkpoint["channel_values"][name], SERDE), name
    ours, theirs = (sorted(t.pending_writes or (), key=lambda w: w[:2]) for t in (left, right))
    assert [write[:2] for write in ours] == [write[:2] for write in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert same(one[2], other[2], SERDE), one[:2]


def test_everything_comes_over_as_the_official_saver_reads_it(
    foreign: Foreign, saver: Saver
) -> None:
    with foreign.open() as official:
        official.serde = SERDE
        write_everything(official)
        done = bring(foreign, saver)
        assert {t.problem for t in done} == {None}
        assert {t.thread_id for t in done} >= {"talk", "talk/über 🚀", "values", "asked", "sent"}
        wanted = {str(t.config): t for t in official.list(None)}
        found = {str(t.config): t for t in saver.list(None)}
    assert wanted.keys() == found.keys()
    for place, checkpoint in wanted.items():
        assert_equal(found[place], checkpoint)
    assert sum(t.size.checkpoints for t in done) == len(found)
    assert sum(t.size.writes for t in done) == sum(
        len(t.pending_writes or ()) for t in found.values()
    )


def test_graphs_go_on_where_they_were(foreign: Foreign, saver: Saver) -> None:
    with foreign.open() as official:
        official.serde = SERDE
        write_everything(official)
    bring(foreign, saver)
    say(chat(saver), "talk/über 🚀", "more")
    assert texts(saver, "talk/über 🚀") == ["elsewhere", "heard elsewhere", "more", "heard more"]
    questions = asking(saver)
    waiting = questions.get_state(thread("asked")).interrupts
    assert len(waiting) == 2
    ended = questions.invoke(Command(resume={w.id: "yes" for w in waiting}), thread("asked"))
    assert ended["answers"] == ["yes", "yes"]
    (left,) = questions.get_state(thread("answered")).interrupts
    assert questions.invoke(Command(resume={left.id: "no"}), thread("answered"))["answers"]
    assert sorted(sending(saver).invoke(None, thread("sending"))["answers"]) == [
        "part 0",
        "part 1",
        "part 2",
    ]


def test_it_is_there_once_however_often_it_is_imported(foreign: Foreign, saver: Saver) -> None:
    write(foreign, "one")
    assert [t.standing for t in bring(foreign, saver)] == [Standing.NEW]
    before = list(saver.list(None))
    assert [t.standing for t in bring(foreign, saver)] == [Standing.THERE]
    assert len(list(saver.list(None))) == len(before)
    write(foreign, "two")
    (gone_on,) = bring(foreign, saver)
    assert (gone_on.standing, gone_on.problem) == (Standing.PARTLY_THERE, None)
    assert texts(saver) == ["one", "heard one", "two", "heard two"]


def test_an_import_that_was_interrupted_goes_on(foreign: Foreign, saver: Saver) -> None:
    write(foreign, *"abcd")
    with open_source(foreign.url) as source:
        list(islice(import_checkpoints(source, saver), 7))
    assert len(saver.addresses(TALK)) == 7
    (thread_import,) = bring(foreign, saver)
    assert thread_import.standing is Standing.PARTLY_THERE
    assert len(saver.addresses(TALK)) == thread_import.size.checkpoints == 12
    assert texts(saver)[-2:] == ["d", "heard d"]


def test_an_answer_given_since_the_last_import_comes_over(foreign: Foreign, saver: Saver) -> None:
    with foreign.open() as official:
        asking(official).invoke({"text": "?"}, thread("asked"))
        bring(foreign, saver)
        questions = asking(official)
        waiting = questions.get_state(thread("asked")).interrupts
        questions.invoke(Command(resume={waiting[0].id: "yes"}), thread("asked"))
        (done,) = bring(foreign, saver)
        assert done.problem is None
        assert len(asking(saver).get_state(thread("asked")).interrupts) == 1


def test_other_content_is_not_written_over_unless_that_is_asked(
    foreign: Foreign, saver: Saver
) -> None:
    write(foreign, "theirs")
    write(foreign, "new", thread_id="another")
    say(chat(saver), TALK, "ours")
    with pytest.raises(ImportRefused, match=r"1 of the threads .*'talk'.*Nothing was written"):
        bring(foreign, saver)
    assert saver.addresses("another") == []
    done = {t.thread_id: t for t in bring(foreign, saver, on_conflict="skip")}
    assert done[TALK].standing is Standing.CONFLICT
    assert texts(saver) == ["ours", "heard ours"]
    assert texts(saver, "another") == ["new", "heard new"]
    bring(foreign, saver, on_conflict="replace")
    assert texts(saver) == ["theirs", "heard theirs"]


def test_a_checkpoint_with_another_value_is_a_conflict(foreign: Foreign, saver: Saver) -> None:
    write(foreign, "hello")
    bring(foreign, saver)
    head = saver.get_tuple(thread(TALK))
    assert head is not None and head.parent_config is not None
    head.checkpoint["channel_values"]["messages"][0].content = "goodbye"
    saver.put(
        head.parent_config, head.checkpoint, head.metadata, head.checkpoint["channel_versions"]
    )
    with pytest.raises(ImportRefused, match="channel 'messages' differs"):
        bring(foreign, saver)


def test_some_threads_and_other_ids(foreign: Foreign, saver: Saver) -> None:
    for name in "abc":
        write(foreign, name, thread_id=name)
    bring(foreign, saver, threads=["a", "c"], rename=lambda name: f"x-{name}")
    assert texts(saver, "x-a") == ["a", "heard a"]
    assert {t.config["configurable"]["thread_id"] for t in saver.list(None)} == {"x-a", "x-c"}
    with pytest.raises(SourceError, match="no thread 'd'"):
        bring(foreign, saver, threads=["d"])
    done = bring(foreign, saver, rename=lambda name: "one")
    assert [t.standing for t in done[1:]] == [Standing.REFUSED] * 2


def test_a_value_that_cannot_be_read_refuses_its_thread_alone(
    foreign: Foreign, saver: Saver
) -> None:
    write(foreign, "good", thread_id="good")
    write(foreign, "bad", "bad", thread_id="bad")
    spoil(foreign, "bad")
    with open_source(foreign.url) as source:
        planned = plan(source, saver)
        list(rehearse(source, planned))
        trial = {t.thread_id: t.problem for t in planned}
    assert saver.addresses("good") == []
    done = {t.thread_id: t.problem for t in bring(foreign, saver)}
    assert done["good"] is trial["good"] is None
    assert "cannot be decoded" in str(done["bad"])
    assert "cannot be decoded" in str(trial["bad"])
    assert saver.addresses("bad") == []


@pytest.fixture
def passing(tmp_path: Path) -> Iterator[Any]:
    """A module with classes, for as long as the test does not take it away."""
    text = "from enum import Enum\nfrom pydantic import BaseModel\n"
    text += "class Point(BaseModel):\n    x: int\n"
    text += "class Colour(Enum):\n    RED = 'red'\n"
    (tmp_path / "passing.py").write_text(text)
    sys.path.insert(0, str(tmp_path))
    try:
        yield import_module("passing")
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("passing", None)


@pytest.mark.parametrize("value", ["passing.Point(x=1)", "passing.Colour.RED"])
@pytest.mark.parametrize("key", [None, "k" * 16])
def test_a_class_that_is_not_here_refuses_its_thread_unless_plain_data_will_do(
    foreign: Foreign, passing: Any, value: str, key: str | None
) -> None:
    made = eval(value)
    plain = made.model_dump() if hasattr(made, "model_dump") else made.value
    serde = JsonPlusSerializer(allowed_msgpack_modules=True)
    with foreign.open() as official:
        official.serde = serde
        if key:
            official.serde = EncryptedSerializer.from_pycryptodome_aes(serde, key=key.encode())
        say(chat(official), "good", "good")
        values(official).invoke({"values": [[made, made]]}, thread("bad"))

    def imported(**options: Any) -> tuple[str | None, Any]:
        with (
            open_checkpointer("sqlite://", serde=serde) as saver,
            open_source(foreign.url, serde=serde, aes_key=key, **options) as source,
        ):
            ours = cast(Saver, saver)
            steps = list(import_checkpoints(source, ours, threads=["good", "bad"]))
            problems = {step.thread.thread_id: step.thread.problem for step in steps}
            assert problems["good"] is None
            found = ours.get_tuple(thread("bad"))
            return problems["bad"], found and found.checkpoint["channel_values"]["values"][0]

    assert imported() == (None, [made, made])
    sys.path.remove(str(Path(passing.__file__).parent))
    del sys.modules["passing"]
    problem, found = imported()
    assert found is None
    assert f"passing.{type(made).__name__}, which cannot be made here" in str(problem)
    assert imported(plain_data=True) == (None, [plain, plain])
    sys.path.insert(0, str(Path(passing.__file__).parent))


def test_what_is_there_is_replaced_only_by_what_can_be_stored(
    foreign: Foreign, saver: Saver
) -> None:
    write(foreign, "theirs")
    spoil(foreign, TALK)
    say(chat(saver), TALK, "ours")
    (done,) = bring(foreign, saver, on_conflict="replace")
    assert "cannot be decoded" in str(done.problem)
    assert texts(saver) == ["ours", "heard ours"]


@pytest.mark.parametrize(
    "change",
    [
        "checkpoint = x'c0'",
        "metadata = '{'",
        "metadata = '[]'",
        "type = NULL",
        "checkpoint = NULL",
        "checkpoint = x'80'",
    ],
)
def test_a_damaged_row_refuses_its_thread_alone(tmp_path: Path, saver: Saver, change: str) -> None:
    foreign = foreign_sqlite(tmp_path)
    write(foreign, "good", thread_id="good")
    write(foreign, "bad", thread_id="bad")
    with closing(sqlite3.connect(tmp_path / "official.db")) as link:
        link.execute(f"UPDATE checkpoints SET {change} WHERE thread_id = 'bad'")
        link.commit()
    done = {t.thread_id: t.problem for t in bring(foreign, saver)}
    assert done["good"] is None
    assert "cannot be decoded" in str(done["bad"])
    assert {a.thread_id for a in saver.addresses()} == {"good"}


def test_a_source_that_ends_half_way_ends_the_import(
    saver: Saver, postgres_server: PostgresServer
) -> None:
    with postgres_server.database() as url:
        foreign = foreign_postgres(url)
        for name in "ab":
            write(foreign, "one", "two", thread_id=name)
        with open_source(url) as source:
            steps = import_checkpoints(source, saver)
            list(islice(steps, 7))
            with psycopg.connect(url, autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )
            with pytest.raises(SourceError, match="cannot be read"):
                list(steps)
        assert len(saver.addresses("b")) == 1
        assert [t.problem for t in bring(foreign, saver)] == [None, None]
        assert texts(saver, "b") == ["one", "heard one", "two", "heard two"]


def spoil(foreign: Foreign, thread_id: str) -> None:
    if foreign.url.startswith("sqlite"):
        link = sqlite3.connect(foreign.url.removeprefix("sqlite:///"))
        link.execute("UPDATE writes SET value = x'c1' WHERE thread_id = ?", (thread_id,))
        link.commit()
        link.close()
    else:
        with psycopg.connect(foreign.url) as connection:
            connection.execute(
                "UPDATE checkpoint_writes SET blob = '\\xc1' WHERE thread_id = %s", (thread_id,)
            )


def test_a_lone_surrogate_is_refused_with_its_channel(tmp_path: Path, saver: Saver) -> None:
    foreign = foreign_sqlite(tmp_path)
    with foreign.open() as official:
        graph = chat(official)
        graph.update_state(thread("t"), {"messages": [HumanMessage("x", id="1")]})
    link = sqlite3.connect(tmp_path / "official.db")
    link.execute("UPDATE checkpoints SET type = 'json', checkpoint = ?", (SURROGATE,))
    link.commit()
    link.close()
    (done,) = bring(foreign, saver)
    assert "lone surrogate" in str(done.problem)


SURROGATE = (
    b'{"v": 4, "id": "1", "ts": "", "versions_seen": {}, "channel_versions": {"a": "1"},'
    b' "channel_values": {"a": "\\ud800"}}'
)


def test_writes_without_a_checkpoint_are_counted_and_left_out(
    foreign: Foreign, saver: Saver
) -> None:
    write(foreign, "hello")
    with foreign.open() as official:
        place = {**thread(TALK)["configurable"], "checkpoint_ns": "", "checkpoint_id": "gone"}
        official.put_writes({"configurable": place}, [("a", 1), ("b", 2)], "task")
    (done,) = bring(foreign, saver)
    assert done.problem is None
    assert done.size.lost == 2
    assert done.writes == done.size.writes


def test_sends_of_old_checkpoints_come_as_a_channel(foreign: Foreign, saver: Saver) -> None:
    parent, child = old_checkpoint("1"), old_checkpoint("2")
    with foreign.open() as official:
        place: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        first = official.put(place, parent, {"source": "loop", "step": 0}, {"a": "1"})
        official.put_writes(first, [(TASKS, Send("n", 1)), ("a", 2), (TASKS, Send("n", 3))], "task")
        official.put(first, child, {"source": "loop", "step": 1}, {"a": "1"})
    (done,) = bring(foreign, saver)
    assert done.problem is None
    found = saver.get_tuple(thread("t"))
    assert found is not None
    assert found.checkpoint["channel_values"][TASKS] == [Send("n", 1), Send("n", 3)]
    assert found.checkpoint["channel_versions"][TASKS] == "1"


def old_checkpoint(checkpoint_id: str) -> Any:
    return {
        "v": 1,
        "id": checkpoint_id,
        "ts": "2024-08-01T00:00:00+00:00",
        "channel_values": {"a": [1]},
        "channel_versions": {"a": "1"},
        "versions_seen": {},
    }
