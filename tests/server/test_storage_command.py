"""`graphwright storage`, while a service runs on the same data and while none does."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import ROOT, Service
from tests.processes import graphwright

from graphwright_checkpoints import open_checkpointer

PLAIN = ROOT / "tests" / "projects" / "plain" / "langgraph.json"
DRY = ("--dry-run", "--keep", "1", "--older-than", "off")


@pytest.fixture
def service(service_at: Callable[..., Service]) -> Service:
    service = service_at(PLAIN).start()
    with httpx.Client(base_url=service.url, timeout=30) as http:
        long = [f"I am Ada. {'What a day. ' * 100}"]
        for graph, turns in (("echo", 2), ("echo", 3), ("chat", 2)):
            given = {"messages": long} if graph == "chat" else {"text": "hello"}
            thread = http.post("/threads", json={}).json()["thread_id"]
            for _ in range(turns):
                body = {"assistant_id": graph, "input": given}
                assert http.post(f"/threads/{thread}/runs/wait", json=body).status_code == 200
    return service


def data(service: Service) -> tuple[str, ...]:
    record = service.environment["GRAPHWRIGHT_DATABASE"]
    return "--data-dir", str(service.folder / "data"), "--database", record


def as_json(*arguments: str) -> Any:
    ended = graphwright("storage", *arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_the_list(service: Service) -> None:
    found = as_json(*data(service))
    assert {graph["graph_id"]: graph["threads"] for graph in found["graphs"]} == {
        "echo": 2,
        "chat": 1,
    }
    sizes = [thread["total_bytes"] for thread in found["threads"]]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == found["total_bytes"] == sum(one["bytes"] for one in found["graphs"])
    assert len(as_json(*data(service), "--limit", "1")["threads"]) == 1

    said = graphwright("storage", *data(service), "--limit", "2", COLUMNS="80").stdout
    assert max(len(line.rstrip()) for line in said.splitlines()) <= 80
    assert "…" not in said
    assert "and 1 more" in said
    service.stop()
    assert as_json(*data(service))["total_bytes"] == found["total_bytes"]


def test_one_thread(service: Service) -> None:
    largest = as_json(*data(service))["threads"][0]
    found = as_json(*data(service), largest["thread_id"])
    assert found["graph_id"] == "chat"
    assert found["total_bytes"] == largest["total_bytes"]
    assert found["channel_values"]["by_channel"]["messages"]["count"] >= 2
    said = graphwright("storage", *data(service), largest["thread_id"], COLUMNS="80").stdout
    assert "messages" in said
    assert "The next sweep deletes nothing of it." in said


def test_a_sweep_does_what_its_dry_run_says(service: Service) -> None:
    before = as_json(*data(service))
    foretold = as_json(*data(service), *DRY)
    assert as_json(*data(service)) == before
    assert len(foretold["threads"]) == 3
    swept = as_json(*data(service), "--sweep", *DRY[1:])
    assert {**foretold, "dry_run": False, "threads": None} == {**swept, "threads": None}
    after = as_json(*data(service))
    assert before["total_bytes"] - after["total_bytes"] == swept["bytes"]
    assert [thread["checkpoints"]["count"] for thread in after["threads"]] == [1, 1, 1]
    said = graphwright("storage", *data(service), *DRY).stdout
    assert said == "Of what is beyond the newest 1, a sweep would delete nothing.\n"


@pytest.mark.parametrize("record_kind", ["sqlite"], indirect=True)
def test_the_options_of_a_url_are_not_its_file(service: Service) -> None:
    url = f"sqlite:///{service.folder / 'data' / 'checkpoints.db'}?synchronous=full"
    found = as_json(*data(service), "--checkpoints", url)
    assert len(found["threads"]) == 3
    assert found["files"]["checkpoints.db"] > 0


def test_names_are_shown_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.db"
    names = ["a[/b]", "[red]x", "two\nlines", "\x1b[31mred"]
    with open_checkpointer(f"sqlite:///{path}") as saver:
        for name in names:
            config: Any = {"configurable": {"thread_id": name, "checkpoint_ns": ""}}
            for number in "12":
                new: Any = {"v": 1, "id": number, "ts": "", "versions_seen": {}}
                new |= {"channel_values": {"[/c]": "x" * 500}, "channel_versions": {"[/c]": "1"}}
                config = saver.put(config, new, {}, {"[/c]": "1"})
    given = ("--checkpoints", f"sqlite:///{path}", "--data-dir", str(tmp_path))
    shown = ["a[/b]", "[red]x", "two\\nlines", "\\x1b[31mred"]
    for listed in (graphwright("storage", *given), graphwright("storage", *given, *DRY)):
        assert listed.returncode == 0, listed.stderr
        assert all(name in listed.stdout for name in shown)
    one = graphwright("storage", *given, names[0])
    assert "a[/b]  (none)" in one.stdout
    assert "  [/c]" in one.stdout


def test_a_dry_run_tells_what_it_does_not_list(service: Service) -> None:
    said = graphwright("storage", *data(service), *DRY, "--limit", "1").stdout
    assert "and 2 more; see them with --limit" in said


def test_checkpoints_of_no_service(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'c.db'}"
    with open_checkpointer(url):
        pass
    where = ("--checkpoints", url, "--data-dir", str(tmp_path))
    assert graphwright("storage", *where).stdout == "No thread has checkpoints yet.\n"
    assert as_json(*where, "--sweep")["checkpoints"] == 0
    assert not (tmp_path / "graphwright.db").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data-dir", "/nowhere"], "/nowhere/checkpoints.db: no such file"),
        (["--checkpoints", "memory://"], "not kept anywhere"),
        (["--older-than", "soon"], "--older-than (or GRAPHWRIGHT_RETENTION_AGE): expected"),
        (["some-thread", "--sweep"], "a sweep is of all threads"),
    ],
)
def test_what_cannot_be_done(arguments: list[str], said: str) -> None:
    ended = graphwright("storage", *arguments)
    assert ended.returncode in (1, 2)
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("record_kind", ["sqlite"], indirect=True)
def test_a_record_that_cannot_be_written_is_named(service: Service) -> None:
    service.stop()
    file = service.environment["GRAPHWRIGHT_DATABASE"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(file)) as link:
        link.execute("DROP TABLE leases")  # a read-only file says no to anybody but root
    ended = graphwright("storage", "--sweep", *data(service))
    assert ended.returncode == 1
    assert f"{file}: no such table: leases. Check that you may write to it" in ended.stderr
    assert "Traceback" not in ended.stderr
