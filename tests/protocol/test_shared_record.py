"""Services that share one record on Postgres, and one whose Postgres is restarted."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError
from tests.conftest import ROOT, Service
from tests.ports import free_port
from tests.postgres import PASSWORD, PostgresServer
from tests.protocol.conftest import settled

PLAIN = ROOT / "tests" / "projects" / "plain" / "langgraph.json"


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server that a test may stop."""
    made = PostgresServer(free_port())
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture(params=["a file of checkpoints", "checkpoints on Postgres"])
def pair(
    request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path
) -> Iterator[tuple[Service, Service]]:
    """Two services on one record and the same checkpoints."""
    where = {"GRAPHWRIGHT_DATABASE": postgres_url}
    if request.param == "a file of checkpoints":
        where["GRAPHWRIGHT_CHECKPOINTS"] = f"sqlite:///{tmp_path / 'checkpoints.db'}"
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(Service(tmp_path / name, PLAIN, where))
    try:
        yield made[0].start(), made[1].start()
    finally:
        for service in made:
            if service.process is not None:
                service.kill()


@asynccontextmanager
async def connected(*services: Service) -> AsyncIterator[list[LangGraphClient]]:
    async with AsyncExitStack() as stack:
        opened = [get_client(url=service.url) for service in services]
        yield [await stack.enter_async_context(client) for client in opened]


async def reaches(client: LangGraphClient, thread: str, run: str, status: str) -> None:
    async with asyncio.timeout(60):
        while (await client.runs.get(thread, run))["status"] != status:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("pair", ["a file of checkpoints"], indirect=True)
async def test_two_services_work_on_one_record(pair: tuple[Service, Service]) -> None:
    """One test, since starting two services is what takes time."""
    async with connected(*pair) as clients:
        await _reject_holds(clients)
        await _turns_are_kept(clients)
        await _streams_are_whole(clients)
        await _another_follows_and_stops(*clients)
        await _another_displaces(*clients)
        await _stopping_hands_over(pair, *clients)
    pair[1].start()
    async with connected(*pair) as clients:
        await _a_crash_is_made_good(pair, *clients)


async def _reject_holds(clients: list[LangGraphClient]) -> None:
    for _ in range(3):
        thread = (await clients[0].threads.create())["thread_id"]
        started = await asyncio.gather(
            *(
                client.runs.create(
                    thread, "stages", input={"pause": 0.1}, multitask_strategy="reject"
                )
                for client in clients * 4
            ),
            return_exceptions=True,
        )
        (run,) = [one for one in started if isinstance(one, dict)]
        refused = [one for one in started if one is not run]
        assert all(isinstance(one, ConflictError) for one in refused), refused
        for client in clients:  # also where its events are not
            values: Any = await client.runs.join(thread, run["run_id"])
            assert values["log"] == ["one", "two", "three"]


async def _turns_are_kept(clients: list[LangGraphClient]) -> None:
    thread = (await clients[0].threads.create())["thread_id"]
    for number in range(6):
        client = clients[number % 2]
        run = await client.runs.create(thread, "echo", input={"text": str(number)})
    values: Any = await client.runs.join(thread, run["run_id"])
    assert values["log"] == [f"echo:{number}" for number in range(6)]


async def _streams_are_whole(clients: list[LangGraphClient]) -> None:
    """Each service looks every second for runs that wait; it must leave the other's alone."""

    async def stream(client: LangGraphClient) -> list[str]:
        parts = client.runs.stream(None, "echo", input={"text": "hi"})
        return [part.event async for part in parts]

    for _ in range(5):
        found = await asyncio.gather(*(stream(client) for client in clients * 8))
        assert found == [["metadata", "values", "values"]] * 16


async def _another_follows_and_stops(mine: LangGraphClient, other: LangGraphClient) -> None:
    thread = (await mine.threads.create())["thread_id"]
    run = await mine.runs.create(
        thread,
        "slow",
        input=asked("count 400 0.05"),
        stream_mode="messages-tuple",
        stream_resumable=True,  # else events are told without their ids
    )
    seen: list[Any] = []

    async def follow() -> None:
        async for part in other.runs.join_stream(thread, run["run_id"], last_event_id="-1"):
            seen.append(part)

    following = asyncio.create_task(follow())
    async with asyncio.timeout(30):
        while len(seen) < 20:  # live: the whole answer would take 20 seconds
            await asyncio.sleep(0.05)
    assert (await mine.runs.get(thread, run["run_id"]))["status"] == "running"
    await other.runs.cancel(thread, run["run_id"], wait=True)
    await asyncio.wait_for(following, 10)
    ids = [int(part.id) for part in seen]
    assert ids == list(range(1, len(ids) + 1))
    assert (await mine.runs.get(thread, run["run_id"]))["status"] == "interrupted"
    said: Any = (await mine.threads.get_state(thread))["values"]["messages"][-1]
    assert said["content"].startswith("t0 t1 t2")
    assert said["additional_kwargs"]["partial"]


async def _another_displaces(mine: LangGraphClient, other: LangGraphClient) -> None:
    """One run is executed elsewhere, and another waits there, with somebody who waits for it."""
    thread = (await mine.threads.create())["thread_id"]
    first = await mine.runs.create(thread, "stages", input={"pause": 30})
    await reaches(mine, thread, first["run_id"], "running")
    second = asyncio.create_task(mine.runs.wait(thread, "stages", input={"pause": 0}))
    async with asyncio.timeout(10):
        while len(await mine.runs.list(thread)) < 2:
            await asyncio.sleep(0.05)
    values: Any = await asyncio.wait_for(
        other.runs.wait(thread, "echo", input={"text": "mine"}, multitask_strategy="interrupt"), 20
    )
    assert values["log"] == ["echo:mine"]
    await asyncio.wait_for(second, 10)
    statuses = [run["status"] for run in await mine.runs.list(thread)]
    assert statuses == ["success", "interrupted", "interrupted"]


def asked(text: str) -> Any:
    return {"messages": [("user", text)]}


async def _stopping_hands_over(
    pair: tuple[Service, Service], other: LangGraphClient, mine: LangGraphClient
) -> None:
    thread = (await mine.threads.create())["thread_id"]
    run = await mine.runs.create(thread, "stages", input={"pause": 2})
    await reaches(mine, thread, run["run_id"], "running")
    assert await asyncio.to_thread(pair[1].stop) == 0
    async with asyncio.timeout(10):  # a lease would run for 15 seconds
        while (await other.runs.list(thread, select=["status"]))[0]["status"] != "running":
            await asyncio.sleep(0.1)
    values: Any = await other.runs.join(thread, run["run_id"])
    assert values["log"] == ["one", "two", "three"]


async def _a_crash_is_made_good(
    pair: tuple[Service, Service], other: LangGraphClient, mine: LangGraphClient
) -> None:
    """kill -9 with a run under way, and one that waits behind it."""
    thread = (await mine.threads.create())["thread_id"]
    run = await mine.runs.create(thread, "stages", input={"pause": 1})
    queued = await mine.runs.create(thread, "stages", input={"pause": 0})
    await reaches(mine, thread, run["run_id"], "running")
    pair[1].kill()
    pair[1].end_leases()
    assert await settled(other, thread, run["run_id"]) == "success"
    values: Any = await other.runs.join(thread, queued["run_id"])
    assert values["log"] == ["one", "two", "three"] * 2


async def test_a_worker_that_was_asleep_writes_nothing_behind_the_next_one(
    pair: tuple[Service, Service],
) -> None:
    """SIGSTOP, as a machine that is paused: the lease ends, and the process knows nothing of it."""
    async with connected(*pair) as (mine, other):
        thread = (await mine.threads.create())["thread_id"]
        run = await mine.runs.create(thread, "stages", input={"pause": 0.5})
        async with asyncio.timeout(30):
            while (await mine.threads.get_state(thread))["next"] != ["two"]:
                await asyncio.sleep(0.05)
        assert pair[0].process is not None
        pair[0].process.send_signal(signal.SIGSTOP)
        pair[0].end_leases()
        async with asyncio.timeout(30):
            while (await other.threads.get_state(thread))["next"] != ["three"]:
                await asyncio.sleep(0.05)
        pair[0].process.send_signal(signal.SIGCONT)  # both work on the run now
        values: Any = await other.runs.join(thread, run["run_id"])
        assert values["log"] == ["one", "two", "three"]
        async with asyncio.timeout(30):
            while "belongs to a newer attempt" not in pair[0].output():
                await asyncio.sleep(0.05)
        history: Any = await mine.threads.get_history(thread, limit=100)
        assert [state["next"] for state in history] == [
            [],
            ["three"],
            ["two"],
            ["one"],
            ["__start__"],
        ]
        attempts = [state["metadata"]["run_attempt"] for state in history]
        assert attempts == [2, 2, 1, 1, 1]
        for client in (mine, other):  # either goes on with the thread
            values = await client.runs.wait(thread, "stages", input={"pause": 0})
        assert values["log"] == ["one", "two", "three"] * 3
    assert all("Traceback" not in service.output() for service in pair)


async def test_postgres_is_restarted_under_a_service(
    server: PostgresServer, tmp_path: Path
) -> None:
    service = Service(tmp_path, PLAIN, {"GRAPHWRIGHT_DATABASE": server.url()}).start()
    try:
        async with connected(service) as (client,):
            thread = (await client.threads.create())["thread_id"]
            run = await client.runs.create(thread, "stages", input={"pause": 0.3})
            await reaches(client, thread, run["run_id"], "running")
            await asyncio.to_thread(server.stop)
            path = f"{service.url}/threads/{thread}"
            for method, where, body in (
                ("GET", path, None),
                ("POST", f"{path}/runs/wait", {"assistant_id": "echo", "input": {}}),
                ("POST", f"{service.url}/graphs/echo/invoke", {"input": {"text": "x"}}),
            ):
                answer = await asyncio.to_thread(httpx.request, method, where, json=body)
                assert answer.status_code == 503, answer.text
                assert "database cannot be reached" in answer.json()["detail"]
            await asyncio.sleep(1.5)  # the run ends meanwhile
            await asyncio.to_thread(server.start)
            # What ended while nobody could record it is recorded.
            assert await settled(client, thread, run["run_id"]) == "success"
            values: Any = await client.runs.wait(thread, "echo", input={"text": "again"})
            assert values["log"] == ["one", "two", "three", "echo:again"]
        assert service.stop() == 0
        assert "can be reached again" in service.output()
        assert "Traceback" not in service.output()
        assert PASSWORD not in service.output()
    finally:
        if service.process is not None:
            service.kill()
