"""What runs used of models, over the API, on each kind of record."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from tests.graphs.openai_server import (
    USAGE,
    Answer,
    Cut,
    OpenAIServer,
    Refusal,
    Request,
    Stall,
    answering,
)

from graphwright.app import create_app
from graphwright.database import DEFAULT_TENANT, database_at
from graphwright.database import usage as rows
from graphwright.settings import Settings

CHAT = """
state: {messages: messages}
nodes:
  first: {llm: {prompt: One.}}
  second: {llm: {prompt: Two., model: openai:other}}
edges: {START: first, first: second, second: END}
"""
SPARE = """
state: {messages: messages}
nodes: {chat: {llm: {prompt: Hi., model: ["openai:first", "openai:scripted"]}}}
edges: {START: chat, chat: END}
"""
QUIET = """
from langgraph.graph import StateGraph

builder = StateGraph(dict)
builder.add_node("echo", lambda state: state)
graph = builder.set_entry_point("echo").set_finish_point("echo").compile()
"""
PRICES = "openai:scripted: {input: 1000000, output: 0}"  # seven tokens cost seven
GRAPHS = {"chat": "./chat.yaml", "quiet": "./quiet.py:graph", "spare": "./spare.yaml"}
INPUT = {"messages": [{"role": "user", "content": "hi"}]}


# What does not turn on the kind of database.
on_sqlite = pytest.mark.parametrize("record_kind", ["sqlite"], scope="session")


class Model:
    """The scripted server of a test, and what it is to answer."""

    server: OpenAIServer

    def __init__(self) -> None:
        self.answer: Answer | Callable[[Request], Answer] = "hello"

    def __call__(self, request: Request) -> Answer:
        return self.answer(request) if callable(self.answer) else self.answer


@pytest.fixture
def model() -> Iterator[Model]:
    made = Model()
    with answering(made) as made.server:
        yield made


@pytest.fixture
def settings(
    model: Model, record_url: str, project: Callable[..., Path], tmp_path: Path
) -> Settings:
    (tmp_path / "prices.yaml").write_text(PRICES)
    files = {"chat.yaml": CHAT, "quiet.py": QUIET, "spare.yaml": SPARE}
    (tmp_path / "data").mkdir()
    return Settings(
        config=project(GRAPHS, files),
        data_dir=tmp_path / "data",
        database=record_url,
        model="openai:scripted",
        model_base_url=model.server.url,
        prices=tmp_path / "prices.yaml",
        grace=0,
        langserve=False,
    )


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service", timeout=30) as client,
    ):
        yield client


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(settings) as made:
        yield made


async def new_thread(client: httpx.AsyncClient) -> str:
    return str((await client.post("/threads", json={})).json()["thread_id"])


async def wait(client: httpx.AsyncClient, path: str, graph: str = "chat") -> httpx.Response:
    given = INPUT if graph == "chat" else {"text": "hi"}
    return await client.post(f"{path}/runs/wait", json={"assistant_id": graph, "input": given})


async def usage(client: httpx.AsyncClient, path: str = "", **query: Any) -> Any:
    found = await client.get(f"{path}/usage", params=query)
    assert found.status_code == 200, found.text
    return found.json()


async def test_a_run_its_thread_and_the_service_tell_what_was_used(
    client: httpx.AsyncClient,
) -> None:
    thread = await new_thread(client)
    await wait(client, f"/threads/{thread}")
    await wait(client, f"/threads/{thread}")
    await wait(client, "")
    (run, _) = (await client.get(f"/threads/{thread}/runs")).json()

    assert run["usage"] == {
        "calls": 2, "unmetered_calls": 0, "unpriced_calls": 1,
        "input_tokens": 2 * USAGE["prompt_tokens"], "output_tokens": 2 * USAGE["completion_tokens"],
        "total_tokens": 20, "cache_read_tokens": 0, "cache_write_tokens": 0,
        "reasoning_tokens": 0, "cost": 7,
    }  # fmt: skip
    of_thread = await usage(client, f"/threads/{thread}", group_by="run")
    assert of_thread["total"]["calls"] == 4
    assert [group["cost"] for group in of_thread["groups"]] == [7, 7]
    assert {group["run"] for group in of_thread["groups"]} >= {run["run_id"]}
    everything = await usage(client, group_by="model,node")
    assert everything["total"]["calls"] == 6
    assert [(each["model"], each["node"], each["calls"], each["cost"]) for each in
            everything["groups"]] == [("openai:other", "second", 3, None),
                                      ("openai:scripted", "first", 3, 21)]  # fmt: skip


async def test_it_can_be_narrowed_down(client: httpx.AsyncClient) -> None:
    thread = await new_thread(client)
    await wait(client, f"/threads/{thread}")
    today = datetime.now(UTC)
    tomorrow = (today + timedelta(days=1)).isoformat()

    async def calls(**query: Any) -> int:
        return int((await usage(client, **query))["total"]["calls"])

    assert await calls(thread_id=thread) == 2
    assert await calls(model="openai:other") == 1
    assert await calls(node="first", graph_id="chat") == 1
    assert await calls(graph_id="quiet") == 0
    assert await calls(since=tomorrow) == 0
    assert await calls(until=tomorrow) == 2
    (day,) = (await usage(client, group_by="day"))["groups"]
    assert day["day"] == today.strftime("%Y-%m-%d")
    wrong = await client.get("/usage", params={"group_by": "colour"})
    assert wrong.status_code == 422
    assert "'colour'" in wrong.json()["detail"]


async def test_what_was_used_stays_known_when_its_run_and_thread_are_gone(
    client: httpx.AsyncClient,
) -> None:
    thread = await new_thread(client)
    await wait(client, f"/threads/{thread}")
    (run,) = (await client.get(f"/threads/{thread}/runs")).json()
    await client.delete(f"/threads/{thread}/runs/{run['run_id']}")
    await client.delete(f"/threads/{thread}")

    assert (await usage(client, f"/threads/{thread}"))["total"]["calls"] == 2
    never = await client.get("/threads/00000000-0000-4000-8000-000000000000/usage")
    assert never.status_code == 404


@on_sqlite
async def test_a_failed_run_has_used_what_it_used(client: httpx.AsyncClient, model: Model) -> None:
    model.answer = lambda request: Refusal(400) if "Two." in request.system else "hello"
    thread = await new_thread(client)
    await wait(client, f"/threads/{thread}")
    (run,) = (await client.get(f"/threads/{thread}/runs")).json()

    assert run["status"] == "error"
    assert (run["usage"]["calls"], run["usage"]["cost"]) == (1, 7)


@on_sqlite
async def test_a_model_that_was_cut_is_told_of_beside_the_one_that_answered(
    client: httpx.AsyncClient, model: Model
) -> None:
    model.answer = lambda request: Cut("half") if request.body["model"] == "first" else "whole"
    thread = await new_thread(client)
    body = {"assistant_id": "spare", "input": INPUT, "stream_mode": ["messages-tuple"]}
    stream = await client.post(f"/threads/{thread}/runs/stream", json=body)
    lines = [line[6:] for line in stream.text.splitlines() if line.startswith("data: [")]
    messages = [orjson.loads(line)[0] for line in lines]
    withdrawn = {each["id"] for each in messages if each["type"] == "remove"}
    said = [each["content"] for each in messages if each["id"] not in withdrawn]
    state = (await client.get(f"/threads/{thread}/state")).json()["values"]["messages"]
    groups = (await usage(client, f"/threads/{thread}", group_by="model"))["groups"]

    assert len(withdrawn) == 1
    assert "".join(said).strip() == "whole"
    assert [each["content"].strip() for each in state] == ["hi", "whole"]
    assert state[-1]["response_metadata"]["instead_of"][0].startswith("openai:first: ")
    assert [(each["model"], each["calls"], each["unmetered_calls"]) for each in groups] == [
        ("openai:scripted", 1, 0),
        ("openai:first", 1, 1),
    ]


@on_sqlite
async def test_a_caller_can_set_neither_address_nor_key(
    client: httpx.AsyncClient, model: Model
) -> None:
    asked = {"base_url": "http://127.0.0.1:9/v1", "api_key": "theirs", "model_provider": "groq"}
    body = {"assistant_id": "chat", "input": INPUT, "config": {"configurable": asked}}
    answer = (await client.post("/runs/wait", json=body)).json()

    assert answer["messages"][-1]["content"].strip() == "hello"
    assert len(model.server.requests) == 2
    other = {**body, "config": {"configurable": {"model": {"base_url": "http://127.0.0.1:9"}}}}
    refused = (await client.post("/runs/wait", json=other)).json()
    assert refused["__error__"]["error"] == "ModelNotAllowed"


@on_sqlite
async def test_each_attempt_of_a_run_has_used_what_it_used(
    settings: Settings, model: Model
) -> None:
    model.answer = lambda request: Stall("half") if "Two." in request.system else "hello"
    body = {"assistant_id": "chat", "input": INPUT}
    async with serving(settings) as client:
        thread = await new_thread(client)
        run = (await client.post(f"/threads/{thread}/runs", json=body)).json()
        async with asyncio.timeout(20):
            while len(model.server.requests) < 2:
                await asyncio.sleep(0.01)
    model.answer = "hello"
    async with serving(settings) as client:
        path = f"/threads/{thread}/runs/{run['run_id']}"
        await client.get(f"{path}/join")
        used = (await client.get(path)).json()["usage"]

    # The first node was asked once, the second again after the stop.
    assert (used["calls"], used["unmetered_calls"], used["cost"]) == (3, 1, 7)


@on_sqlite
@pytest.mark.parametrize("action", ["interrupt", "rollback"])
async def test_a_cancelled_run_tells_that_a_call_did_not_say(
    client: httpx.AsyncClient, model: Model, action: str
) -> None:
    model.answer = lambda request: Stall("half") if "Two." in request.system else "hello"
    thread = await new_thread(client)
    body = {"assistant_id": "chat", "input": INPUT, "stream_mode": ["messages-tuple"]}
    run = (await client.post(f"/threads/{thread}/runs", json=body)).json()
    async with asyncio.timeout(20):
        while len(model.server.requests) < 2:
            await asyncio.sleep(0.01)
    path = f"/threads/{thread}/runs/{run['run_id']}/cancel"
    await client.post(path, params={"wait": True, "action": action})

    total = (await usage(client, run_id=run["run_id"]))["total"]
    assert (total["calls"], total["unmetered_calls"], total["input_tokens"]) == (2, 1, 7)


async def test_a_run_without_models_costs_no_statement_more(client: httpx.AsyncClient) -> None:
    count = 0

    def on_statement(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal count
        # The worker looks around by itself, too; that is no part of a run.
        count += statement.startswith(("INSERT INTO usage", "SELECT coalesce"))

    thread = await new_thread(client)
    event.listen(Engine, "before_cursor_execute", on_statement)
    try:
        await wait(client, "", "quiet")
        await wait(client, f"/threads/{thread}", "quiet")
        assert count == 0
        await wait(client, "", "chat")
        assert count == 2
    finally:
        event.remove(Engine, "before_cursor_execute", on_statement)
    (run,) = (await client.get(f"/threads/{thread}/runs")).json()
    assert run["usage"] is None


async def test_rows_are_one_tenants_and_forgotten_with_age(
    client: httpx.AsyncClient, record_url: str
) -> None:
    await wait(client, "")
    database = database_at(record_url)
    async with database.opened():
        async with database.connect() as connection:
            mine = await rows.total(connection, DEFAULT_TENANT, rows.Wanted())
            theirs = await rows.total(connection, "somebody else", rows.Wanted())
        assert (mine["calls"], theirs["calls"]) == (2, 0)
        async with database.begin() as connection:
            await rows.delete_old(connection, datetime.now(UTC) - timedelta(minutes=5))
            assert (await rows.total(connection, DEFAULT_TENANT, rows.Wanted()))["calls"] == 2
            await rows.delete_old(connection, datetime.now(UTC) + timedelta(minutes=5))
            assert (await rows.total(connection, DEFAULT_TENANT, rows.Wanted()))["calls"] == 0
