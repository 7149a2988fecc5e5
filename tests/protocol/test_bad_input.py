"""What is refused, with which status, and in which words."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def detail(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["detail"]
    found: str = answer.json()["detail"]
    return found


@pytest.mark.parametrize(
    "path", ["/threads", "/threads/search", "/assistants/search", "/runs/wait", "/runs/stream"]
)
def test_malformed_json(http: httpx.Client, path: str) -> None:
    answer = http.post(path, content=b'{"a": ', headers={"content-type": "application/json"})
    assert detail(answer, 422) == "Invalid JSON in request body"


@pytest.mark.parametrize(
    ("path", "body", "names"),
    [
        ("/threads", {"thread": "x"}, "thread: unknown field"),
        ("/threads", {"metadata": "x"}, "metadata: "),
        ("/threads", {"if_exists": "maybe"}, "if_exists: "),
        ("/threads", {"thread_id": "x"}, "thread"),
        ("/threads", {"graph_id": "nope"}, "graph_id: no graph named 'nope'; there are: echo"),
        ("/threads", {"ttl": {"ttl": 1}}, "ttl: "),
        ("/threads/search", {"limit": 0}, "limit: "),
        ("/threads/search", {"offset": -1}, "offset: "),
        ("/threads/search", {"status": "asleep"}, "status: "),
        ("/threads/search", {"sort_by": "color"}, "sort_by: "),
        ("/threads/count", {"limit": 1}, "limit: unknown field"),
        ("/assistants/search", {"graph": "x"}, "graph: unknown field"),
        ("/assistants/count", {"offset": 1}, "offset: unknown field"),
        ("/runs/wait", {}, "assistant_id: Field required"),
        ("/runs/wait", [], "body: "),
        ("/runs/wait", {"assistant_id": 1}, "assistant_id: "),
        ("/runs/wait", {"assistant_id": "nope"}, "One of the registered graphs: echo"),
        ("/runs/wait", {"assistant_id": UNKNOWN}, "Invalid assistant"),
        ("/runs/wait", {"assistant_id": "echo", "inputs": {}}, "inputs: unknown field"),
        ("/runs/wait", {"assistant_id": "echo", "stream_mode": "all"}, "stream_mode"),
        ("/runs/wait", {"assistant_id": "echo", "multitask_strategy": "x"}, "multitask_strategy"),
        ("/runs/wait", {"assistant_id": "echo", "command": {"go": "x"}}, "command.go: unknown"),
        ("/runs/wait", {"assistant_id": "echo", "config": {"model": "x"}}, "config.model: unknown"),
        ("/runs/wait", {"assistant_id": "echo", "after_seconds": -1}, "after_seconds"),
        ("/runs/wait", {"assistant_id": "echo", "webhook": "http://x"}, "webhook: "),
        (
            "/runs/wait",
            {"assistant_id": "echo", "config": {"configurable": {"__pregel_send": 1}}},
            "__pregel_send",
        ),
    ],
)
def test_a_body_that_is_wrong(http: httpx.Client, path: str, body: Any, names: str) -> None:
    assert names in detail(http.post(path, json=body), 422)


@pytest.mark.parametrize(
    "path",
    ["/assistants/x", "/threads/x", "/threads/x/state", "/threads/x/runs/y"],
)
def test_an_id_that_is_no_uuid(http: httpx.Client, path: str) -> None:
    assert "must be a UUID" in detail(http.get(path), 422)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/assistants/{UNKNOWN}"),
        ("GET", f"/assistants/{UNKNOWN}/schemas"),
        ("GET", f"/threads/{UNKNOWN}"),
        ("PATCH", f"/threads/{UNKNOWN}"),
        ("DELETE", f"/threads/{UNKNOWN}"),
        ("GET", f"/threads/{UNKNOWN}/state"),
        ("POST", f"/threads/{UNKNOWN}/state"),
        ("POST", f"/threads/{UNKNOWN}/history"),
        ("GET", f"/threads/{UNKNOWN}/runs"),
        ("GET", f"/threads/{UNKNOWN}/runs/{UNKNOWN}"),
        ("DELETE", f"/threads/{UNKNOWN}/runs/{UNKNOWN}"),
        ("GET", f"/threads/{UNKNOWN}/runs/{UNKNOWN}/join"),
        ("GET", f"/threads/{UNKNOWN}/runs/{UNKNOWN}/stream"),
        ("POST", f"/threads/{UNKNOWN}/runs/{UNKNOWN}/cancel"),
        ("GET", f"/runs/{UNKNOWN}/stream"),
    ],
)
def test_what_does_not_exist(http: httpx.Client, method: str, path: str) -> None:
    body = {} if method in ("POST", "PATCH") else None
    assert "not found" in detail(http.request(method, path, json=body), 404)


@pytest.mark.parametrize("kind", ["", "/wait", "/stream"])
def test_a_run_on_an_unknown_thread(http: httpx.Client, kind: str) -> None:
    answer = http.post(f"/threads/{UNKNOWN}/runs{kind}", json={"assistant_id": "echo"})
    assert detail(answer, 404) == "Thread or assistant not found."


def test_a_thread_that_exists(http: httpx.Client) -> None:
    thread = {"thread_id": str(uuid4())}
    assert http.post("/threads", json=thread).status_code == 200
    assert thread["thread_id"] in detail(http.post("/threads", json=thread), 409)


def test_a_graph_that_does_not_exist(http: httpx.Client) -> None:
    assert "x not found" in detail(http.get("/assistants/x/graph"), 404)


def test_a_checkpoint_that_the_thread_does_not_have(http: httpx.Client) -> None:
    first, second = (http.post("/threads", json={}).json()["thread_id"] for _ in range(2))
    run = {"assistant_id": "echo", "input": {"text": "a"}}
    for thread in (first, second):
        http.post(f"/threads/{thread}/runs/wait", json=run)
    elsewhere = http.get(f"/threads/{first}/state").json()["checkpoint_id"]
    answer = http.post(f"/threads/{second}/runs/wait", json={**run, "checkpoint_id": elsewhere})
    assert f"Checkpoint {elsewhere} not found" in detail(answer, 404)
    assert "not found" in detail(http.get(f"/threads/{second}/state/{elsewhere}"), 404)
    assert http.get(f"/threads/{second}/state").json()["values"]["log"] == ["echo:a"]
    answer = http.post("/runs/wait", json={**run, "checkpoint_id": elsewhere})
    assert "without a thread" in detail(answer, 422)


def test_a_checkpoint_of_another_thread(http: httpx.Client) -> None:
    first, second = (http.post("/threads", json={}).json()["thread_id"] for _ in range(2))
    run = {"assistant_id": "echo", "input": {"text": "secret"}}
    http.post(f"/threads/{first}/runs/wait", json=run)
    place = http.get(f"/threads/{first}/state").json()["checkpoint"]
    there = {"assistant_id": "echo", "input": {"text": "x"}, "checkpoint": place}
    answer = http.post(f"/threads/{second}/runs/wait", json=there)
    assert "checkpoint.thread_id" in detail(answer, 422)
    seen = http.post(f"/threads/{second}/state/checkpoint", json={"checkpoint": place})
    assert "secret" not in seen.text


def test_a_last_event_id_that_is_no_number(http: httpx.Client) -> None:
    thread = http.post("/threads", json={}).json()["thread_id"]
    run = http.post(
        f"/threads/{thread}/runs", json={"assistant_id": "echo", "input": {"text": "x"}}
    )
    path = f"/threads/{thread}/runs/{run.json()['run_id']}/stream"
    assert "Last-Event-ID" in detail(http.get(path, headers={"Last-Event-ID": "x"}), 422)


def test_an_update_that_the_graph_cannot_take(http: httpx.Client) -> None:
    thread = http.post("/threads", json={"graph_id": "echo"}).json()["thread_id"]
    body = {"values": {"text": "x"}, "as_node": "nobody"}
    assert "nobody" in detail(http.post(f"/threads/{thread}/state", json=body), 400)


def test_an_unknown_path(http: httpx.Client) -> None:
    assert detail(http.get("/nowhere"), 404) == "Not Found"


@pytest.mark.parametrize("id_", [2**70, 1.5, None])
def test_values_of_any_width_are_echoed(http: httpx.Client, id_: Any) -> None:
    body = {"assistant_id": "echo", "input": {"text": "x"}, "metadata": {"id": id_}}
    thread = http.post("/threads", json={"metadata": {"id": id_}})
    assert thread.json()["metadata"] == {"id": id_}
    found = http.post("/threads/search", json={"metadata": {"id": id_}})
    assert found.status_code == 200
    assert http.post("/runs/wait", json=body).status_code == 200


@pytest.mark.parametrize("text", ["\x00", "\u2028", "é" * 10_000])
def test_text_of_any_kind_comes_back(http: httpx.Client, text: str) -> None:
    body = {"assistant_id": "echo", "input": {"text": text}}
    thread = http.post("/threads", json={}).json()["thread_id"]
    answer = http.post(f"/threads/{thread}/runs/wait", json=body)
    assert answer.json()["text"] == text
    assert http.get(f"/threads/{thread}/state").json()["values"]["text"] == text


def test_a_lone_surrogate_is_refused_by_name_and_does_no_harm(http: httpx.Client) -> None:
    """It has no UTF-8, so it travels as an escape, and a checkpoint cannot hold it."""
    body = {"assistant_id": "echo", "input": {"text": "\ud800"}, "metadata": {"m": "\udfff"}}
    thread = http.post("/threads", json={}).json()["thread_id"]
    answer = http.post(
        f"/threads/{thread}/runs/wait",
        content=json.dumps(body),
        headers={"content-type": "application/json"},
    )
    assert "text" in answer.json()["__error__"]["message"]
    assert http.get(f"/threads/{thread}/runs").json()[0]["metadata"]["m"] == "\udfff"
    assert http.post("/threads/search", json={"ids": [thread]}).status_code == 200
    fine = {"assistant_id": "echo", "input": {"text": "fine"}}
    assert http.post(f"/threads/{thread}/runs/wait", json=fine).json()["text"] == "fine"
