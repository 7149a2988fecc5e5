"""The bytes on the wire, as observed on the official server."""

import json
import re
import socket
from typing import Any

import httpx
import pytest
from tests.conftest import Service

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"


def raw(service: Service, path: str, body: Any) -> bytes:
    """The whole answer to a POST, chunk sizes included."""
    content = json.dumps(body).encode()
    request = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        connection.sendall(request.encode() + content)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def body_of(answer: bytes) -> bytes:
    """An answer's body, its chunks joined."""
    rest = answer.partition(b"\r\n\r\n")[2]
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        if int(size, 16) == 0:
            return body
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]


def new_thread(http: httpx.Client) -> str:
    found: str = http.post("/threads", json={}).json()["thread_id"]
    return found


def test_a_stream_to_the_byte(plain: Service) -> None:
    answer = raw(plain, "/runs/stream", {"assistant_id": "echo", "input": {"text": "hi"}})
    run = re.search(UUID.encode(), answer)
    assert run is not None
    assert body_of(answer) == (
        b'event: metadata\r\ndata: {"run_id":"%b","attempt":1}\r\n\r\n'
        b'event: values\r\ndata: {"text":"hi","log":[]}\r\n\r\n'
        b'event: values\r\ndata: {"text":"hi","log":["echo:hi"]}\r\n\r\n' % run.group()
    )


def test_the_headers_of_a_stateless_stream(http: httpx.Client) -> None:
    answer = http.post("/runs/stream", json={"assistant_id": "echo", "input": {"text": "hi"}})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["transfer-encoding"] == "chunked"
    assert re.fullmatch(f"/runs/{UUID}", answer.headers["content-location"])
    assert answer.headers["location"] == answer.headers["content-location"] + "/stream"
    # Where it points, there is something: the official server answers 404 here.
    assert http.get(answer.headers["location"]).status_code == 200


@pytest.mark.parametrize(("kind", "where"), [("/stream", "/stream"), ("/wait", "/join")])
def test_the_headers_of_a_run_on_a_thread(http: httpx.Client, kind: str, where: str) -> None:
    thread = new_thread(http)
    body = {"assistant_id": "echo", "input": {"text": "hi"}}
    answer = http.post(f"/threads/{thread}/runs{kind}", json=body)
    assert re.fullmatch(f"/threads/{thread}/runs/{UUID}", answer.headers["content-location"])
    assert answer.headers["location"] == answer.headers["content-location"] + where
    again = http.get(answer.headers["location"])
    assert again.status_code == 200
    assert again.headers["content-location"] == answer.headers["content-location"]


def test_a_background_run_says_where_it_is(http: httpx.Client) -> None:
    thread = new_thread(http)
    body = {"assistant_id": "echo", "input": {"text": "hi"}}
    answer = http.post(f"/threads/{thread}/runs", json=body)
    path = f"/threads/{thread}/runs/{answer.json()['run_id']}"
    assert answer.headers["content-location"] == path
    assert http.get(path).json()["run_id"] == answer.json()["run_id"]


def streamed(http: httpx.Client, thread: str, **more: Any) -> httpx.Response:
    body = {"assistant_id": "echo", "input": {"text": "hi"}, **more}
    return http.post(f"/threads/{thread}/runs/stream", json=body)


def test_ids_follow_the_data_of_resumable_streams_only(http: httpx.Client) -> None:
    thread = new_thread(http)
    frames = streamed(http, thread, stream_resumable=True).text.split("\r\n\r\n")
    assert frames.pop() == ""
    assert [frame.splitlines()[0] for frame in frames] == [
        "event: metadata",
        "event: values",
        "event: values",
    ]
    assert [frame.splitlines()[2] for frame in frames] == ["id: 1", "id: 2", "id: 3"]
    assert "id:" not in streamed(http, thread).text


def test_joining_replays_after_an_id(http: httpx.Client) -> None:
    answer = streamed(http, new_thread(http), stream_resumable=True)
    where = answer.headers["location"]
    assert http.get(where, headers={"Last-Event-ID": "-1"}).text == answer.text
    after_first = answer.text.partition("\r\n\r\n")[2]
    assert http.get(where, headers={"Last-Event-ID": "1"}).text == after_first
    assert http.get(where, headers={"Last-Event-ID": "3"}).text == ""


def test_joining_a_finished_run_without_an_id_is_empty(http: httpx.Client) -> None:
    where = streamed(http, new_thread(http), stream_resumable=True).headers["location"]
    answer = http.get(where)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_heartbeats_of_a_stream_and_of_a_wait(http: httpx.Client) -> None:
    """Both at once, since each takes the five seconds to the first heartbeat."""
    path = f"/threads/{new_thread(http)}/runs"
    body = {"assistant_id": "stages", "input": {"pause": 1.8}, "stream_mode": "custom"}
    with http.stream("POST", f"{path}/stream", json=body) as stream:
        run = stream.headers["content-location"]
        result = http.get(f"{run}/join").content
        events = b"".join(stream.iter_raw())
    assert re.fullmatch(rb"\n\{.*\}", result)
    assert re.fullmatch(rb"event: metadata\r\n.*\r\n\r\n: heartbeat\r\n\r\n", events)


def test_subgraphs_are_named_in_the_event(http: httpx.Client) -> None:
    body = {
        "assistant_id": "outer",
        "input": {"messages": [{"role": "user", "content": "2+3?"}]},
        "stream_mode": ["values", "updates"],
        "stream_subgraphs": True,
    }
    names = re.findall(r"event: (\S+)", http.post("/runs/stream", json=body).text)
    inner = [name for name in names if "|" in name]
    assert inner
    assert all(re.fullmatch(r"(values|updates)\|inner:[0-9a-f-]{36}", name) for name in inner)


def test_an_error_is_one_event(http: httpx.Client) -> None:
    body = {"assistant_id": "boom", "input": {"text": "x"}}
    assert http.post("/runs/stream", json=body).text.endswith(
        'event: error\r\ndata: {"error":"ValueError","message":"boom: x"}\r\n\r\n'
    )
    waited = http.post("/runs/wait", json=body)
    assert waited.status_code == 200
    assert waited.json() == {"__error__": {"error": "ValueError", "message": "boom: x"}}


def test_pages_tell_how_they_go_on(http: httpx.Client) -> None:
    page = http.post("/assistants/search", json={"limit": 2})
    total = int(page.headers["x-pagination-total"])
    assert page.headers["x-pagination-next"] == "2"
    last = http.post("/assistants/search", json={"limit": total})
    assert "x-pagination-next" not in last.headers


def test_a_browser_may_call_and_read_what_it_needs(http: httpx.Client) -> None:
    answer = http.get("/ok", headers={"Origin": "http://localhost:3000"})
    assert answer.headers["access-control-allow-origin"] == "*"
    exposed = answer.headers["access-control-expose-headers"]
    assert {"content-location", "location", "x-pagination-total"} <= set(exposed.split(", "))


def test_ok_and_info(http: httpx.Client) -> None:
    assert http.get("/ok").json() == {"ok": True, "services": {}}
    info = http.get("/info").json()
    assert info["flags"]["assistants"] is True
    assert info["host"]["kind"] == "self-hosted"
    assert info["langgraph_py_version"].startswith("1.")


def test_the_docs_load_nothing_from_elsewhere(http: httpx.Client) -> None:
    page = http.get("/docs").text
    linked = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert linked
    assert [link for link in linked if "//" in link] == []
    assert all(http.get(link).status_code == 200 for link in linked)
    paths = http.get("/openapi.json").json()["paths"]
    assert "/threads/{thread_id}/runs/stream" in paths
