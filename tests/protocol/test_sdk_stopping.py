"""Runs that are stopped, that meet on one thread, that are joined: by the official client."""

import asyncio
from typing import Any

import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError
from tests.protocol.conftest import settled

COUNT = {"messages": [("user", "count 8 0.05")]}


async def started(client: LangGraphClient, thread: str, graph: str, **options: Any) -> str:
    """The id of a run that has begun to execute."""
    run = await client.runs.create(thread, graph, **options)
    for _ in range(200):
        if (await client.runs.get(thread, run["run_id"]))["status"] == "running":
            return run["run_id"]
        await asyncio.sleep(0.01)
    raise AssertionError("the run did not begin")


async def test_cancel(client: LangGraphClient, thread: str) -> None:
    run_id = await started(client, thread, "stages", input={"pause": 10})
    await client.runs.cancel(thread, run_id, wait=True)
    assert (await client.runs.get(thread, run_id))["status"] == "interrupted"
    assert (await client.threads.get(thread))["status"] == "interrupted"
    with pytest.raises(NotFoundError, match="No matching runs to cancel"):
        await client.runs.cancel(thread, run_id)
    # The thread is free at once.
    await client.runs.wait(thread, "echo", input={"text": "next"})


async def test_cancel_without_waiting(client: LangGraphClient, thread: str) -> None:
    run_id = await started(client, thread, "stages", input={"pause": 10})
    await client.runs.cancel(thread, run_id)
    assert await settled(client, thread, run_id) == "interrupted"


async def test_cancel_a_run_that_waits_for_its_turn(client: LangGraphClient, thread: str) -> None:
    first = await started(client, thread, "stages", input={"pause": 10})
    queued = await client.runs.create(thread, "echo", input={"text": "hi"})
    await client.runs.cancel(thread, queued["run_id"], wait=True)
    assert (await client.runs.get(thread, queued["run_id"]))["status"] == "interrupted"
    assert (await client.threads.get(thread))["status"] == "busy"
    await client.runs.cancel(thread, first, wait=True)


async def test_what_was_streamed_stays(client: LangGraphClient, thread: str) -> None:
    stream = client.runs.stream(thread, "slow", input=COUNT, stream_mode="messages-tuple")
    shown, run_id = "", ""
    async for part in stream:
        if part.event == "metadata":
            run_id = part.data["run_id"]
        elif part.event == "messages":
            shown += part.data[0]["content"]
            if "t3" in shown:
                break
    await client.runs.cancel(thread, run_id, wait=True)
    state = await client.threads.get_state(thread)
    user, partial = state["values"]["messages"]
    assert user["content"] == COUNT["messages"][0][1]
    assert partial["content"].startswith(shown)
    assert partial["additional_kwargs"] == {"partial": True}
    assert partial["response_metadata"]["finish_reason"] == "cancelled"
    assert state["next"] == []
    # The thread's row tells the same, and the conversation goes on.
    row = await client.threads.get(thread)
    assert row["values"]["messages"] == state["values"]["messages"]
    again = {"messages": [("user", "count 2 0")]}
    values: Any = await client.runs.wait(thread, "slow", input=again)
    assert [m["content"] for m in values["messages"][2:]] == ["count 2 0", "t0 t1 "]


async def test_a_stop_before_the_first_step_keeps_the_question(
    client: LangGraphClient, thread: str
) -> None:
    asked = "count 100 0.1"
    run = await client.runs.create(
        thread, "slow", input={"messages": [("user", asked)]}, stream_mode="messages-tuple"
    )
    while (await client.runs.get(thread, run["run_id"]))["status"] == "pending":
        await asyncio.sleep(0)
    await client.runs.cancel(thread, run["run_id"], wait=True)
    state = await client.threads.get_state(thread)
    assert state["values"]["messages"][0]["content"] == asked
    assert state["next"] == []


async def test_cancel_and_roll_back(client: LangGraphClient, thread: str) -> None:
    await client.runs.wait(thread, "stages", input={"pause": 0})
    before = await client.threads.get_history(thread, limit=10)
    run_id = await started(client, thread, "stages", input={"pause": 10})
    await client.runs.cancel(thread, run_id, wait=True, action="rollback")
    with pytest.raises(NotFoundError):
        await client.runs.get(thread, run_id)
    after = await client.threads.get_history(thread, limit=10)
    assert [state["checkpoint_id"] for state in after] == [s["checkpoint_id"] for s in before]
    row = await client.threads.get(thread)
    assert row["status"] == "idle"
    assert row["values"] == {"pause": 0, "log": ["one", "two", "three"]}


async def test_multitask_reject(client: LangGraphClient, thread: str) -> None:
    run_id = await started(client, thread, "stages", input={"pause": 10})
    with pytest.raises(ConflictError, match="already running a task"):
        await client.runs.create(thread, "echo", input={"text": "hi"}, multitask_strategy="reject")
    await client.runs.cancel(thread, run_id, wait=True)
    await client.runs.wait(thread, "echo", input={"text": "hi"}, multitask_strategy="reject")


async def test_multitask_enqueue(client: LangGraphClient, thread: str) -> None:
    runs = [await client.runs.create(thread, "stages", input={"pause": 0.02}) for _ in range(3)]
    values: Any = await client.runs.join(thread, runs[-1]["run_id"])
    assert values["log"] == ["one", "two", "three"] * 3


async def test_multitask_interrupt(client: LangGraphClient, thread: str) -> None:
    run_id = await started(client, thread, "stages", input={"pause": 10})
    queued = await client.runs.create(thread, "echo", input={"text": "queued"})
    values: Any = await client.runs.wait(
        thread, "echo", input={"text": "now"}, multitask_strategy="interrupt"
    )
    assert values["text"] == "now"
    assert (await client.runs.get(thread, run_id))["status"] == "interrupted"
    assert (await client.runs.get(thread, queued["run_id"]))["status"] == "interrupted"


async def test_multitask_rollback(client: LangGraphClient, thread: str) -> None:
    await client.runs.wait(thread, "echo", input={"text": "kept"})
    run_id = await started(client, thread, "stages", input={"pause": 10, "log": ["undone"]})
    values: Any = await client.runs.wait(
        thread, "echo", input={"text": "now"}, multitask_strategy="rollback"
    )
    assert values["log"] == ["echo:kept", "echo:now"]
    with pytest.raises(NotFoundError):
        await client.runs.get(thread, run_id)


async def test_after_seconds(client: LangGraphClient, thread: str) -> None:
    run = await client.runs.create(thread, "echo", input={"text": "hi"}, after_seconds=0.5)
    await asyncio.sleep(0.2)
    assert (await client.runs.get(thread, run["run_id"]))["status"] == "pending"
    assert (await client.runs.join(thread, run["run_id"]))["text"] == "hi"


async def test_leaving_a_stream_cancels_when_asked(client: LangGraphClient, thread: str) -> None:
    stream = client.runs.stream(thread, "stages", input={"pause": 10}, on_disconnect="cancel")
    run_id = (await anext(stream)).data["run_id"]
    await stream.aclose()
    assert await settled(client, thread, run_id) == "interrupted"


async def test_leaving_a_stream_lets_the_run_go_on(client: LangGraphClient, thread: str) -> None:
    stream = client.runs.stream(thread, "stages", input={"pause": 0.05})
    run_id = (await anext(stream)).data["run_id"]
    await stream.aclose()
    assert await settled(client, thread, run_id) == "success"


async def test_leaving_a_joined_stream_cancels_when_asked(
    client: LangGraphClient, thread: str
) -> None:
    run = await client.runs.create(thread, "stages", input={"pause": 10}, stream_resumable=True)
    stream = client.runs.join_stream(
        thread, run["run_id"], cancel_on_disconnect=True, last_event_id="-1"
    )
    await anext(stream)
    await stream.aclose()
    assert await settled(client, thread, run["run_id"]) == "interrupted"


async def test_a_stream_is_resumed_after_the_last_event(
    client: LangGraphClient, thread: str
) -> None:
    stream = client.runs.stream(
        thread, "slow", input=COUNT, stream_mode="messages-tuple", stream_resumable=True
    )
    before = [await anext(stream) for _ in range(4)]
    await stream.aclose()
    run_id = before[0].data["run_id"]
    rest = [
        part async for part in client.runs.join_stream(thread, run_id, last_event_id=before[-1].id)
    ]
    told = [part.data[0]["content"] for part in before[1:] + rest]
    assert "".join(told) == "".join(f"t{n} " for n in range(8))
    again = [part async for part in client.runs.join_stream(thread, run_id, last_event_id="-1")]
    assert [(p.id, p.data) for p in again] == [(p.id, p.data) for p in before + rest]


async def test_a_finished_run_joined_without_an_id_says_nothing(
    client: LangGraphClient, thread: str
) -> None:
    run = await client.runs.create(thread, "echo", input={"text": "hi"}, stream_resumable=True)
    await client.runs.join(thread, run["run_id"])
    assert [p async for p in client.runs.join_stream(thread, run["run_id"])] == []


async def test_a_joined_stream_can_be_narrowed(client: LangGraphClient, thread: str) -> None:
    modes: Any = ["values", "updates", "custom"]
    run = await client.runs.create(
        thread, "echo", input={"text": "hi"}, stream_mode=modes, stream_resumable=True
    )
    await client.runs.join(thread, run["run_id"])
    parts = client.runs.join_stream(
        thread, run["run_id"], stream_mode="updates", last_event_id="-1"
    )
    assert [part.event async for part in parts] == ["metadata", "updates"]


async def test_two_readers_see_the_same(client: LangGraphClient, thread: str) -> None:
    run = await client.runs.create(
        thread, "slow", input=COUNT, stream_mode="messages-tuple", stream_resumable=True
    )

    async def read() -> list[Any]:
        parts = client.runs.join_stream(thread, run["run_id"], last_event_id="-1")
        return [(part.id, part.data) async for part in parts]

    first, second = await asyncio.gather(read(), read())
    assert first == second
    assert len(first) >= 9
