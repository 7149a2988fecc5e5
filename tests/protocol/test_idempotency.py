"""A request that is sent again with its Idempotency-Key makes no second run."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from langgraph_sdk.client import LangGraphClient
from tests.conftest import ROOT, Service
from tests.protocol.conftest import settled

PLAIN = ROOT / "tests" / "projects" / "plain" / "langgraph.json"
ECHO: Any = {"assistant_id": "echo", "input": {"text": "hi"}}


@pytest.fixture
def key() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


async def test_the_same_request_gives_the_same_run(
    client: LangGraphClient, http: httpx.Client, thread: str, key: dict[str, str]
) -> None:
    path = f"/threads/{thread}/runs"
    first = http.post(path, json=ECHO, headers=key)
    assert first.status_code == 200
    run = first.json()["run_id"]
    assert await settled(client, thread, run) == "success"
    assert http.post(path, json=ECHO, headers=key).json()["run_id"] == run
    waited = http.post(f"{path}/wait", json=ECHO, headers=key)
    assert waited.json()["log"] == ["echo:hi"]
    assert run in waited.headers["content-location"]
    streamed = http.post(f"{path}/stream", json=ECHO, headers=key).text
    assert [line for line in streamed.splitlines() if line.startswith("event:")] == [
        "event: metadata",
        "event: values",
        "event: values",
    ]
    assert len(await client.runs.list(thread)) == 1
    assert "idempotency_key" not in first.json()


def test_another_request_is_refused(http: httpx.Client, thread: str, key: dict[str, str]) -> None:
    path = f"/threads/{thread}/runs/wait"
    assert http.post(path, json=ECHO, headers=key).status_code == 200
    for where, body in ((path, {**ECHO, "input": {"text": "ho"}}), ("/runs/wait", ECHO)):
        refused = http.post(where, json=body, headers=key)
        assert refused.status_code == 422
        assert f"{key['Idempotency-Key']!r} was used for another" in refused.json()["detail"]


def test_values_that_few_can_write(http: httpx.Client, key: dict[str, str]) -> None:
    """Integers past 64 bits and lone surrogates; a default that is sent or is left out is one."""
    text = r'{"assistant_id": "echo", "input": {"text": "\ud800", "n": %d}%s}'
    one, same, other = (2**70, ""), (2**70, ', "after_seconds": 0'), (2**70 + 1, "")
    headers = {**key, "content-type": "application/json"}
    found = [
        http.post("/runs/wait", content=text % asked, headers=headers)
        for asked in (one, same, other)
    ]
    assert [answer.status_code for answer in found] == [200, 200, 422]
    first, second = (answer.headers["content-location"] for answer in found[:2])
    assert first == second


def test_keys_that_are_none(http: httpx.Client) -> None:
    for wrong in ("", "x" * 256, "a b"):
        refused = http.post("/runs/wait", json=ECHO, headers={"Idempotency-Key": wrong})
        assert refused.status_code == 422, wrong


async def test_many_at_once_are_one(
    plain: Service, client: LangGraphClient, key: dict[str, str]
) -> None:
    """On one thread, where the strategy would refuse or displace a second run; on a new one."""
    thread = (await client.threads.create())["thread_id"]
    made = str(uuid4())
    async with httpx.AsyncClient(base_url=plain.url, timeout=60) as http:
        for where, more in (
            (thread, {"multitask_strategy": "reject"}),
            (made, {"if_not_exists": "create", "multitask_strategy": "rollback"}),
        ):
            headers = {"Idempotency-Key": f"{key['Idempotency-Key']}-{where}"}
            posts = [
                http.post(f"/threads/{where}/runs", json={**ECHO, **more}, headers=headers)
                for _ in range(12)
            ]
            answers = await asyncio.gather(*posts)
            assert {answer.status_code for answer in answers} == {200}
            (run,) = {answer.json()["run_id"] for answer in answers}
            assert await settled(client, where, run) == "success"
            assert len(await client.runs.list(where)) == 1
        stateless = [http.post("/runs/wait", json=ECHO, headers=key) for _ in range(12)]
        answers = await asyncio.gather(*stateless)
    assert [answer.json()["log"] for answer in answers] == [["echo:hi"]] * 12
    assert len({answer.headers["content-location"] for answer in answers}) == 1


def test_an_answer_without_a_thread_can_be_had_again_after_a_crash(
    service_at: Callable[..., Service], key: dict[str, str]
) -> None:
    service = service_at(PLAIN).start()

    def ask(path: str) -> httpx.Response:
        return httpx.post(f"{service.url}{path}", json=ECHO, headers=key, timeout=30)

    first, streamed = ask("/runs/wait"), ask("/runs/stream")
    service.kill()
    service.start()
    again = ask("/runs/wait")
    assert again.json() == first.json() == {"text": "hi", "log": ["echo:hi"]}
    assert again.headers["content-location"] == first.headers["content-location"]
    assert ask("/runs/stream").text == streamed.text
    assert streamed.text.count("event: values") == 2
    assert ask("/runs").json()["run_id"] in first.headers["content-location"]


async def test_a_refused_request_leaves_no_key(
    client: LangGraphClient, http: httpx.Client, thread: str, key: dict[str, str]
) -> None:
    slow: Any = {"assistant_id": "stages", "input": {"pause": 30}}
    run = http.post(f"/threads/{thread}/runs", json=slow).json()["run_id"]
    again = {**ECHO, "multitask_strategy": "reject"}
    path = f"/threads/{thread}/runs/wait"
    assert http.post(path, json=again, headers=key).status_code == 409
    await client.runs.cancel(thread, run, wait=True)
    assert http.post(path, json=again, headers=key).json()["log"] == ["echo:hi"]
