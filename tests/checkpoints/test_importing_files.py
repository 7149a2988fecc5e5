"""Imports of files as they are met: long, encrypted, old, shallow, killed half way."""

import sqlite3
import subprocess
import sys
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from tests.checkpoints.foreign import (
    SERDE,
    chat,
    foreign_postgres,
    foreign_sqlite,
    say,
    thread,
    write_everything,
)

from graphwright_checkpoints import Saver, SourceError, open_checkpointer
from graphwright_checkpoints.importing import ThreadImport, import_checkpoints, open_source
from graphwright_checkpoints.importing.comparison import same

TURNS = 200
LIMIT = 5_000_000  # bytes
KEY = "0123456789abcdef"

KILLED = """
import sys
from graphwright_checkpoints import open_checkpointer
from graphwright_checkpoints.importing import import_checkpoints, open_source

with open_source(sys.argv[1]) as source, open_checkpointer(sys.argv[2]) as saver:
    for step in import_checkpoints(source, saver):
        print(step.checkpoints, flush=True)
"""


def bring(url: str, target: str, *, serde: Any = SERDE, **options: Any) -> list[ThreadImport]:
    opened = open_source(url, serde=serde, **options)
    with opened as source, open_checkpointer(target, serde=SERDE) as saver:
        steps = list(import_checkpoints(source, cast(Saver, saver)))
    return list({step.thread.thread_id: step.thread for step in steps}.values())


@pytest.fixture
def target(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ours.db'}"


def test_a_long_official_chat_becomes_a_small_file(tmp_path: Path, target: str) -> None:
    foreign = foreign_sqlite(tmp_path)
    with foreign.open() as official:
        place: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        messages: list[Any] = []
        for turn in range(TURNS):
            messages.append(HumanMessage(f"{turn} " + "What a day. " * 170, id=f"h{turn}"))
            checkpoint = empty_checkpoint()
            checkpoint["channel_values"] = {"messages": messages}
            checkpoint["channel_versions"] = {"messages": f"{turn:032}.0"}
            place = official.put(place, checkpoint, {"step": turn}, {})
    assert (tmp_path / "official.db").stat().st_size > 7 * LIMIT
    (done,) = bring(foreign.url, target)
    assert done.problem is None
    assert done.size.checkpoints == TURNS
    assert (tmp_path / "ours.db").stat().st_size < LIMIT


def test_an_import_that_is_killed_again_and_again_ends_whole(tmp_path: Path, target: str) -> None:
    foreign = foreign_sqlite(tmp_path)
    with foreign.open() as official:
        for turn in range(8):
            say(chat(official), "t", str(turn))
        wanted = list(official.list(None))
    for steps in (2, 9, 17):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, foreign.url, target], stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            for _ in range(steps):
                assert child.stdout.readline()
            child.kill()
    (done,) = bring(foreign.url, target)
    assert done.problem is None
    with open_checkpointer(target) as saver:
        found = list(saver.list(None))
    assert [t.checkpoint for t in found] == [t.checkpoint for t in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert sorted(one.pending_writes or ()) == sorted(other.pending_writes or ())


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_an_encrypted_source_needs_its_key(
    kind: str, tmp_path: Path, target: str, request: pytest.FixtureRequest
) -> None:
    if kind == "sqlite":
        foreign = foreign_sqlite(tmp_path)
    else:
        foreign = foreign_postgres(request.getfixturevalue("postgres_url"))
    with foreign.open() as official:
        official.serde = EncryptedSerializer.from_pycryptodome_aes(SERDE, key=KEY.encode())
        write_everything(official)
    without = bring(foreign.url, target)
    assert all("cannot be decoded" in str(t.problem) for t in without)
    wrong = bring(foreign.url, target, aes_key="x" * 16)
    assert all("cannot be decoded" in str(t.problem) for t in wrong)
    assert {t.problem for t in bring(foreign.url, target, aes_key=KEY)} == {None}


def test_a_file_from_before_task_paths(tmp_path: Path, target: str) -> None:
    foreign = foreign_sqlite(tmp_path)
    with foreign.open() as official:
        say(chat(official), "t", "hello")
        wanted = official.get_tuple(thread("t"))
    with closing(sqlite3.connect(tmp_path / "official.db")) as link:
        link.execute("ALTER TABLE writes DROP COLUMN task_path")
    (done,) = bring(foreign.url, target)
    assert done.problem is None
    with open_checkpointer(target) as saver:
        found = saver.get_tuple(thread("t"))
    assert found is not None and wanted is not None
    assert found.checkpoint == wanted.checkpoint


def test_postgres_from_before_task_paths(postgres_url: str, target: str) -> None:
    foreign = foreign_postgres(postgres_url)
    with foreign.open() as official:
        say(chat(official), "t", "hello")
    with psycopg.connect(postgres_url) as connection:
        connection.execute("ALTER TABLE checkpoint_writes DROP COLUMN task_path")
        # As releases before 3 did, which kept all values beside the checkpoint.
        connection.execute("UPDATE checkpoints SET checkpoint = checkpoint - 'channel_values'")
    (done,) = bring(foreign.url, target)
    assert done.problem is None
    with open_checkpointer(target) as saver:
        assert [m.text for m in chat(saver).get_state(thread("t")).values["messages"]] == [
            "hello",
            "heard hello",
        ]


def test_a_shallow_saver_has_one_checkpoint(postgres_url: str, target: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from langgraph.checkpoint.postgres.shallow import (  # noqa: PLC0415
            ShallowPostgresSaver,
        )

        with ShallowPostgresSaver.from_conn_string(postgres_url) as official:
            official.setup()
            for text in ("one", "two"):
                say(chat(official), "t", text)
    (done,) = bring(postgres_url, target)
    assert (done.problem, done.size.checkpoints) == (None, 1)
    with open_checkpointer(target) as saver:
        graph = chat(saver)
        assert len(graph.get_state(thread("t")).values["messages"]) == 4
        say(graph, "t", "three")
        assert len(graph.get_state(thread("t")).values["messages"]) == 6


def test_a_schema_of_its_own(postgres_url: str, target: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE SCHEMA elsewhere")
    with pytest.raises(SourceError, match="no tables of langgraph-checkpoint-postgres"):
        bring(postgres_url, target)
    foreign = foreign_postgres(postgres_url + "?options=-csearch_path%3Delsewhere")
    with foreign.open() as official:
        say(chat(official), "t", "hello")
    assert [t.problem for t in bring(foreign.url, target)] == [None]


def test_what_is_no_source_is_said(tmp_path: Path, target: str) -> None:
    with open_checkpointer(target) as saver:
        say(chat(saver), "t", "hello")
    (tmp_path / "text.db").write_text("not a database, but a text that is long enough to tell")
    for url, said in {
        target: "Graphwright's own checkpoints",
        f"sqlite:///{tmp_path}/text.db": "has to be a SQLite database",
        f"sqlite:///{tmp_path}/nothing.db": "there is no such file",
        "sqlite://host/file.db": "three slashes",
        "mysql://host/db": "cannot be imported from",
        "postgresql://me:secret@127.0.0.1:1/db": "cannot be read",
    }.items():
        with pytest.raises(SourceError, match=said) as caught, open_source(url):
            pass
        assert "secret" not in str(caught.value)


plain = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.binary()
text = st.text(st.characters(exclude_categories=["Cs"]))
value = st.recursive(
    plain | text,
    lambda inner: st.lists(inner) | st.dictionaries(text, inner) | st.tuples(inner, inner),
    max_leaves=20,
)
message = st.builds(HumanMessage, content=text) | st.builds(AIMessage, content=text)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["", "inner:1"]),
            st.dictionaries(text, value | st.lists(message), max_size=4),
            st.lists(st.tuples(text, value), max_size=3),
        ),
        max_size=6,
    )
)
def test_any_values_come_over(tmp_path_factory: pytest.TempPathFactory, steps: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    with SqliteSaver.from_conn_string(str(folder / "official.db")) as official:
        official.setup()
        for number, (namespace, values, writes) in enumerate(steps):
            checkpoint = empty_checkpoint()
            checkpoint["channel_values"] = values
            checkpoint["channel_versions"] = {name: f"{number}.0" for name in values}
            place: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": namespace}}
            stored = official.put(place, checkpoint, {"step": number}, {})
            official.put_writes(stored, writes, "task")
        wanted = list(official.list(None))
    for done in bring(f"sqlite:///{folder}/official.db", f"sqlite:///{folder}/ours.db"):
        assert done.problem is None
    with open_checkpointer(f"sqlite:///{folder}/ours.db", serde=SERDE) as saver:
        found = list(saver.list(None))
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert same(one.checkpoint["id"], other.checkpoint["id"], SERDE)
        ours, theirs = one.checkpoint["channel_values"], other.checkpoint["channel_values"]
        assert ours.keys() == theirs.keys()
        assert all(same(ours[name], theirs[name], SERDE) for name in ours)
        assert same(one.pending_writes, other.pending_writes, SERDE)
