"""`graphwright db`, on real files and a real service."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from tests.checkpoints.foreign import chat, foreign_postgres, foreign_sqlite, say
from tests.conftest import ROOT, Service
from tests.processes import graphwright

from graphwright.operate import importing
from graphwright.settings import Settings
from graphwright_checkpoints import open_checkpointer
from graphwright_checkpoints.importing import Step, transfer

PLAIN = ROOT / "tests" / "projects" / "plain" / "langgraph.json"

GRAPHS = """
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

def answer(state):
    return {"messages": AIMessage(f"heard {state['messages'][-1].text}")}

def ask(state):
    return {"messages": AIMessage("told " + interrupt("which?"))}

chat = StateGraph(MessagesState).add_node("a", answer).add_edge(START, "a").compile()
asking = StateGraph(MessagesState).add_node("ask", ask).add_edge(START, "ask").compile()
"""


@pytest.fixture
def config(project: Callable[..., Path]) -> Path:
    graphs = {"chat": "./graphs.py:chat", "asking": "./graphs.py:asking"}
    return project(graphs, {"graphs.py": GRAPHS})


def db(*arguments: str | Path, **environment: str) -> Any:
    ended = graphwright("db", *map(str, arguments), "--json", **environment)
    return json.loads(ended.stdout) if ended.returncode == 0 else ended


def posted(service: Service, path: str, body: Any) -> Any:
    answer = httpx.post(service.url + path, json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_conversation_of_a_plain_program_goes_on_over_the_api(
    tmp_path: Path, config: Path, service_at: Callable[..., Service]
) -> None:
    named, asked = str(uuid4()), str(uuid4())
    foreign = foreign_sqlite(tmp_path)
    with foreign.open() as official:
        say(chat(official), named, "one")
        say(chat(official), "user-42", "hello")
        namespace: dict[str, Any] = {}
        exec(GRAPHS, namespace)
        namespace["asking"].checkpointer = official
        place = {"configurable": {"thread_id": asked, "graph_id": "asking"}}
        namespace["asking"].invoke({"messages": "go"}, place)

    service = service_at(config)
    record = service.environment["GRAPHWRIGHT_DATABASE"]
    data = ["--config", config, "--data-dir", service.folder / "data", "--database", record]
    told = db("import", foreign.url, "--graph", "chat", *data)
    assert (told["threads"], told["problems"], told["warnings"]) == (3, [], [])
    other = told["renamed"].pop("user-42")
    assert told["renamed"] == {}

    service.start()
    state = httpx.get(f"{service.url}/threads/{named}/state").json()
    assert [m["content"] for m in state["values"]["messages"]] == ["one", "heard one"]
    run = {"assistant_id": "chat", "input": {"messages": [{"role": "user", "content": "two"}]}}
    ended = posted(service, f"/threads/{named}/runs/wait", run)
    assert [m["content"] for m in ended["messages"]] == ["one", "heard one", "two", "heard two"]
    history = httpx.get(f"{service.url}/threads/{named}/history?limit=50").json()
    assert len(history) == 6

    (found,) = posted(service, "/threads/search", {"metadata": {"source_thread_id": "user-42"}})
    assert (found["thread_id"], found["status"]) == (other, "idle")
    assert found["values"]["messages"][0]["content"] == "hello"
    assert found["created_at"] < found["updated_at"]

    waiting = httpx.get(f"{service.url}/threads/{asked}").json()
    assert (waiting["status"], waiting["metadata"]["graph_id"]) == ("interrupted", "asking")
    resumed = {"assistant_id": "asking", "command": {"resume": "this"}}
    ended = posted(service, f"/threads/{asked}/runs/wait", resumed)
    assert ended["messages"][-1]["content"] == "told this"

    # While the service runs: a thread that it does not have comes, one that went on is a conflict.
    with foreign.open() as official:
        say(chat(official), "user-43", "late")
    late = graphwright("db", "import", foreign.url, "--graph", "chat", *map(str, data))
    assert late.returncode == 1
    assert "2 of the threads are in the target with other content" in late.stderr
    told = db("import", foreign.url, "--graph", "chat", "--on-conflict", "skip", *data)
    assert told["standings"] == {"new": 1, "there": 1, "conflict": 2}
    state = httpx.get(f"{service.url}/threads/{told['renamed']['user-43']}/state").json()
    assert state["values"]["messages"][0]["content"] == "late"


def test_a_dry_run_writes_nothing(tmp_path: Path, config: Path) -> None:
    foreign = foreign_sqlite(tmp_path)
    with foreign.open() as official:
        say(chat(official), "t", "one")
    data = tmp_path / "data"
    told = db(
        "import",
        foreign.url,
        "--dry-run",
        "--graph",
        "chat",
        "--config",
        config,
        "--data-dir",
        data,
    )
    assert (told["dry_run"], told["threads"], told["checkpoints"]) == (True, 1, 3)
    assert told["bytes"] > 0
    assert not data.exists()


def test_an_import_that_is_interrupted_says_how_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = foreign_sqlite(tmp_path)
    with foreign.open() as official:
        say(chat(official), "1", "one")
        say(chat(official), "2", "two")

    def interrupted(*arguments: Any) -> Iterator[Step]:
        yield from islice(transfer(*arguments), 4)
        raise KeyboardInterrupt

    monkeypatch.setattr(importing, "transfer", interrupted)
    work = importing.Import(
        Settings(data_dir=tmp_path / "data"),
        source=foreign.url,
        threads=None,
        graph=None,
        on_conflict="fail",
        record=False,
        aes_key=None,
        plain_data=False,
        as_json=False,
    )
    with pytest.raises(KeyboardInterrupt):
        work.run()
    assert "Interrupted. What is imported stays" in capsys.readouterr().err
    told = db("import", foreign.url, "--no-record", "--data-dir", tmp_path / "data")
    assert told["standings"] == {"there": 1, "partly there": 1}
    assert (told["checkpoints"], told["problems"]) == (6, [])


def test_a_dry_run_tells_what_becomes_of_conflicts(tmp_path: Path, config: Path) -> None:
    foreign = foreign_sqlite(tmp_path)
    with foreign.open() as official:
        for name in ("good", "bad", "same"):
            say(chat(official), name, "theirs")
    data = ["--graph", "chat", "--config", config, "--data-dir", tmp_path / "data"]
    ours = db("import", foreign.url, *data)["renamed"]
    with open_checkpointer(f"sqlite:///{tmp_path / 'data' / 'checkpoints.db'}") as saver:
        for name in ("good", "bad"):
            say(chat(saver), ours[name], "ours")

    def told(*arguments: str) -> tuple[int, str]:
        ended = graphwright("db", "import", foreign.url, *map(str, data), *arguments)
        return ended.returncode, ended.stdout + ended.stderr

    code, said = told("--dry-run")
    assert (code, "thread 'good' (conflict): the target has" in said) == (1, True)
    code, said = told()
    assert (code, '--on-conflict, in Python on_conflict, "skip" or "replace"' in said) == (1, True)
    for dry in (("--dry-run",), ()):
        code, said = told("--on-conflict", "skip", *dry)
        assert (code, "thread 'good' (skipped): the target has" in said) == (0, True)
    code, said = told("--on-conflict", "replace", "--dry-run")
    assert (code, "threads: to be replaced  2" in said, "But for" in said) == (0, True, False)
    # What is there is not given up for what cannot be read.
    with closing(sqlite3.connect(tmp_path / "official.db")) as link:
        link.execute("UPDATE checkpoints SET checkpoint = x'c1' WHERE thread_id = 'bad'")
        link.commit()
    for dry in (("--dry-run",), ()):
        code, said = told("--on-conflict", "replace", *dry)
        assert (code, "thread 'bad' (refused): 'checkpoint'" in said) == (1, True)


def test_postgres_to_checkpoints_alone(tmp_path: Path, postgres_url: str) -> None:
    foreign = foreign_postgres(postgres_url)
    with foreign.open() as official:
        say(chat(official), "user-42", "one")
    target = f"sqlite:///{tmp_path}/ours[bold].db"
    ended = graphwright(
        "db",
        "import",
        foreign.url,
        "--no-record",
        "--checkpoints",
        target,
        "--data-dir",
        str(tmp_path / "data"),
    )
    assert ended.returncode == 0, ended.stderr
    assert "never" not in ended.stdout + ended.stderr  # the password
    assert target in ended.stdout
    with closing(sqlite3.connect(f"{tmp_path}/ours[bold].db")) as link:
        assert link.execute("SELECT thread_id FROM checkpoint_threads").fetchall() == [("user-42",)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["import", "sqlite:///nothing.db"], "there is no such file"),
        (["import", "sqlite:///{folder}/other.db"], "no tables of langgraph-checkpoint-sqlite"),
        (["import", "sqlite:///{folder}/old.db"], "threads name no graph of the project"),
        (["import", "sqlite:///{folder}/old.db", "--graph", "no"], "the project has chat, asking"),
        (["import", "sqlite:///{folder}/old.db", "--aes-key", "short"], "16, 24 or 32"),
        (["import", "sqlite:///{folder}/old.db", "--checkpoints", "memory://"], "forgets all"),
        (["backup", "{folder}/copies"], "there is no such file"),
        (["check"], "there is no such file"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, config: Path, arguments: list[str], said: str
) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as link:
        link.execute("CREATE TABLE checkpoints (a, b)")
    with SqliteSaver.from_conn_string(str(tmp_path / "old.db")) as official:
        say(chat(official), "t", "one")
    given = [argument.format(folder=tmp_path) for argument in arguments]
    more = ["--config", str(config)] if given[0] == "import" else []
    ended = graphwright("db", *given, *more, "--data-dir", str(tmp_path / "data"))
    assert ended.returncode == 1
    assert said in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, config: Path) -> None:
    with SqliteSaver.from_conn_string(str(tmp_path / "old.db")) as official:
        say(chat(official), "t", "one")
    inside = str(tmp_path / "old.db" / "data")
    source = ("import", f"sqlite:///{tmp_path / 'old.db'}", "--graph", "chat")
    ended = graphwright("db", *source, "--config", str(config), "--data-dir", inside)
    assert ended.returncode == 1
    assert f"data folder {inside}: Not a directory" in ended.stderr

    assert graphwright("db", *source, "--config", str(config), "--data-dir", str(tmp_path)).stdout
    ended = graphwright("db", "backup", inside, "--data-dir", str(tmp_path))
    assert ended.returncode == 1
    assert f"{inside}: Not a directory. Name a folder" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("record_kind", ["sqlite"], indirect=True)
def test_a_running_service_is_checked_and_backed_up(
    tmp_path: Path, config: Path, service_at: Callable[..., Service]
) -> None:
    in_its_folder = {"GRAPHWRIGHT_DATABASE": ""}
    service = service_at(config, in_its_folder).start()
    made = posted(service, "/threads", {})
    # More than stays in the database.
    content = "x" * 600_000
    asked = {"assistant_id": "chat", "input": {"messages": [{"role": "user", "content": content}]}}
    posted(service, f"/threads/{made['thread_id']}/runs/wait", asked)
    data = service.folder / "data"
    copies = graphwright("db", "backup", str(tmp_path / "copies"), "--data-dir", str(data))
    assert copies.returncode == 0, copies.stderr
    assert {path.name for path in (tmp_path / "copies").iterdir()} == {
        "graphwright.db",
        "checkpoints.db",
        "blobs",
    }
    again = graphwright("db", "backup", str(tmp_path / "copies"), "--data-dir", str(data))
    assert "there is something already" in again.stderr

    record, checkpoints = db("check", "--data-dir", tmp_path / "copies")
    assert record["counts"]["threads"] == record["counts"]["runs"] == 1
    assert checkpoints["counts"] == {"threads": 1, "checkpoints": 3, "writes": 3}
    assert record["problems"] == checkpoints["problems"] == []

    service.stop()
    restored = service_at(config, in_its_folder)
    (tmp_path / "copies").rename(restored.folder / "data")
    restored.start()
    state = httpx.get(f"{restored.url}/threads/{made['thread_id']}/state").json()
    assert state["values"]["messages"][-1]["content"] == f"heard {content}"


@pytest.mark.parametrize("is_serviced", [True, False])
def test_an_import_encrypts_as_the_service_does(
    tmp_path: Path, config: Path, is_serviced: bool
) -> None:
    key = "0123456789abcdef"
    foreign = foreign_sqlite(tmp_path)
    with foreign.open() as official:
        official.serde = EncryptedSerializer.from_pycryptodome_aes(key=key.encode())
        say(chat(official), "user-42", "a secret word")
    given = ["--graph", "chat", "--config", config, "--data-dir", tmp_path / "data"]
    assert "cannot be decoded" in db("import", foreign.url, *given).stdout
    if is_serviced:
        told = db("import", foreign.url, *given, LANGGRAPH_AES_KEY=key)
    else:
        told = db("import", foreign.url, *given, "--aes-key", key)
    assert (told["threads"], told["problems"]) == (1, [])
    kept = (tmp_path / "data" / "checkpoints.db").read_bytes()
    assert (b"a secret word" in kept) is not is_serviced


def test_large_values_are_where_a_flag_says(tmp_path: Path, config: Path) -> None:
    foreign = foreign_sqlite(tmp_path)
    with foreign.open() as official:
        say(chat(official), "user-42", "x" * 600_000)
    data = ["--data-dir", tmp_path / "data"]
    blobs = ["--blobs", (tmp_path / "outside").as_uri()]
    told = db("import", foreign.url, "--graph", "chat", "--config", config, *data, *blobs)
    assert told["problems"] == []
    assert db("check", *data, *blobs)[1]["problems"] == []
    assert "its blob" in db("check", *data).stdout
    shown = graphwright("storage", *map(str, (*data, *blobs))).stdout
    assert f"Large values: 1.2 MB in {blobs[1]}" in shown.replace("\n", " ")
    shown = graphwright("storage", *map(str, (*data, *blobs)), told["renamed"]["user-42"]).stdout
    assert "Those in the blob store" in shown
    swept = graphwright("storage", "--sweep", "--keep", "1", *map(str, (*data, *blobs)), "--json")
    assert json.loads(swept.stdout)["checkpoints"] == 2
    assert any((tmp_path / "outside").rglob("*"))

    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / "blobs").mkdir()
    said = graphwright("db", "backup", str(tmp_path / "copies"), *map(str, (*data, *blobs)))
    assert "blobs: there is something already" in said.stderr
    assert list((tmp_path / "copies").iterdir()) == [tmp_path / "copies" / "blobs"]
    store = ["--blobs", "s3://bucket/prefix?region=r"]
    said = graphwright("db", "backup", str(tmp_path / "more"), *map(str, (*data, *store)))
    assert said.stderr == (
        "s3://bucket/prefix: large values are there, and are not copied. Copy them now.\n"
    )


def test_keys_are_rotated_while_the_service_runs(
    config: Path, service_at: Callable[..., Service]
) -> None:
    old, new = "o" * 32, "n" * 32
    service = service_at(config)
    service.environment["LANGGRAPH_AES_KEY"] = old
    service.start()
    thread = posted(service, "/threads", {})["thread_id"]
    asked = {"messages": [{"role": "user", "content": "a large document " * 20_000}]}
    posted(service, f"/threads/{thread}/runs/wait", {"assistant_id": "chat", "input": asked})
    service.stop()
    both = {"LANGGRAPH_AES_KEY": new, "LANGGRAPH_AES_KEY_PREVIOUS": old}
    service.environment.update(both)
    service.start()
    where = {**service.environment, "GRAPHWRIGHT_DATA_DIR": str(service.folder / "data")}
    done = db("rotate-keys", **where)
    assert done["rewritten"] == done["values"] > 5
    assert db("rotate-keys", **where)["rewritten"] == 0
    assert ": 0 of " in graphwright("db", "rotate-keys", **where).stdout
    service.stop()
    del service.environment["LANGGRAPH_AES_KEY_PREVIOUS"]
    service.start()
    state = httpx.get(f"{service.url}/threads/{thread}/state").json()
    assert [len(message["content"]) for message in state["values"]["messages"]] == [
        340_000,
        340_006,
    ]
    for key in ({}, {"LANGGRAPH_AES_KEY": old}):
        where = {**service.environment, "GRAPHWRIGHT_DATA_DIR": where["GRAPHWRIGHT_DATA_DIR"]}
        del where["LANGGRAPH_AES_KEY"]
        where |= key
        for command in (("storage",), ("db", "check")):
            said = graphwright(*command, **where)
            assert said.returncode == 1
            assert "the key is LANGGRAPH_AES_KEY" in said.stdout + said.stderr


def test_a_rotation_needs_a_key(tmp_path: Path) -> None:
    ended = db("rotate-keys", "--data-dir", tmp_path)
    assert ended.returncode == 1
    assert "LANGGRAPH_AES_KEY is not set: set it to" in ended.stderr


def test_a_rotation_makes_no_database(tmp_path: Path) -> None:
    key = {"LANGGRAPH_AES_KEY": "0123456789abcdef"}
    ended = db("rotate-keys", "--data-dir", tmp_path, **key)
    assert ended.returncode == 1
    assert "checkpoints.db: there is no such file. Name its folder" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list(tmp_path.iterdir())
    (tmp_path / "checkpoints.db").write_text("a diary\n" * 999)
    ended = db("rotate-keys", "--data-dir", tmp_path, **key)
    assert ended.returncode == 1
    assert "checkpoints.db: file is not a database." in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_missing_element_and_a_damaged_file_are_found(tmp_path: Path, config: Path) -> None:
    foreign = foreign_sqlite(tmp_path)
    with foreign.open() as official:
        say(chat(official), str(uuid4()), "one")
    data = tmp_path / "data"
    db("import", foreign.url, "--graph", "chat", "--config", config, "--data-dir", data)
    with closing(sqlite3.connect(data / "checkpoints.db")) as link:
        link.execute("DELETE FROM checkpoint_elements WHERE id % 2 = 1")
        link.commit()
    ended = graphwright("db", "check", "--data-dir", str(data))
    assert ended.returncode == 1
    assert "of its thread is missing" in ended.stdout
