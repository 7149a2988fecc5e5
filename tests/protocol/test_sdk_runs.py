"""What can be done with runs, by the official client."""

import asyncio
from typing import Any

import pytest
from httpx import HTTPStatusError
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError

COUNT = {"messages": [("user", "count 8 0.05")]}


async def settled(client: LangGraphClient, thread: str, run_id: str) -> str:
    """The status a run ends with."""
    for _ in range(200):
        status = (await client.runs.get(thread, run_id))["status"]
        if status not in ("pending", "running"):
            return status
        await asyncio.sleep(0.02)
    raise AssertionError(f"run {run_id} did not end: {status}")


async def started(client: LangGraphClient, thread: str, graph: str, **options: Any) -> str:
    """The id of a run that has begun to execute."""
    run = await client.runs.create(thread, graph, **options)
    for _ in range(200):
        if (await client.runs.get(thread, run["run_id"]))["status"] == "running":
            return run["run_id"]
        await asyncio.sleep(0.01)
    raise AssertionError("the run did not begin")


async def test_create_in_the_background(client: LangGraphClient, thread: str) -> None:
    run = await client.runs.create(thread, "echo", input={"text": "hi"}, metadata={"m": 1})
    assert run["status"] == "pending"
    assert run["thread_id"] == thread
    assert run["metadata"]["m"] == 1
    assert run["multitask_strategy"] == "enqueue"
    assert await client.runs.join(thread, run["run_id"]) == {"text": "hi", "log": ["echo:hi"]}
    assert await settled(client, thread, run["run_id"]) == "success"


async def test_wait(client: LangGraphClient, thread: str) -> None:
    created: list[Any] = []
    values = await client.runs.wait(
        thread, "echo", input={"text": "hi"}, on_run_created=created.append
    )
    assert values == {"text": "hi", "log": ["echo:hi"]}
    assert created[0]["thread_id"] == thread


async def test_wait_for_an_error(client: LangGraphClient, thread: str) -> None:
    problem = {"error": "ValueError", "message": "boom: x"}
    with pytest.raises(Exception, match="boom: x"):
        await client.runs.wait(thread, "boom", input={"text": "x"})
    found = await client.runs.wait(thread, "boom", input={"text": "x"}, raise_error=False)
    assert found == {"__error__": problem}


async def test_join_of_a_run_long_over(client: LangGraphClient, thread: str) -> None:
    await client.runs.wait(thread, "echo", input={"text": "hi"})
    (run,) = await client.runs.list(thread)
    assert (await client.runs.join(thread, run["run_id"]))["text"] == "hi"


async def test_list(client: LangGraphClient, thread: str) -> None:
    for text in "abc":
        await client.runs.wait(thread, "echo", input={"text": text})
    runs = await client.runs.list(thread)
    assert [run["kwargs"]["input"]["text"] for run in runs] == ["c", "b", "a"]
    (second,) = await client.runs.list(thread, limit=1, offset=1, select=["run_id"])
    assert second == {"run_id": runs[1]["run_id"]}
    assert await client.runs.list(thread, status="error") == []


async def test_delete(client: LangGraphClient, thread: str) -> None:
    await client.runs.wait(thread, "echo", input={"text": "hi"})
    (run,) = await client.runs.list(thread)
    await client.runs.delete(thread, run["run_id"])
    with pytest.raises(NotFoundError):
        await client.runs.get(thread, run["run_id"])
    assert (await client.threads.get_state(thread))["values"]["text"] == "hi"


async def test_a_run_of_another_thread_is_not_found(client: LangGraphClient, thread: str) -> None:
    await client.runs.wait(thread, "echo", input={"text": "hi"})
    (run,) = await client.runs.list(thread)
    other = await client.threads.create()
    with pytest.raises(NotFoundError):
        await client.runs.get(other["thread_id"], run["run_id"])


async def test_stateless(client: LangGraphClient) -> None:
    assert (await client.runs.wait(None, "echo", input={"text": "hi"}))["log"] == ["echo:hi"]
    parts = [part async for part in client.runs.stream(None, "echo", input={"text": "hi"})]
    assert [part.event for part in parts] == ["metadata", "values", "values"]
    run = await client.runs.create(None, "echo", input={"text": "hi"})
    with pytest.raises(NotFoundError):
        await client.threads.get(run["thread_id"])


async def test_stateless_with_a_thread_to_keep(client: LangGraphClient) -> None:
    created: list[Any] = []
    await client.runs.wait(
        None,
        "approve",
        input={"text": "x"},
        on_completion="keep",
        on_run_created=created.append,
    )
    thread = created[0]["thread_id"]
    values = await client.runs.wait(thread, "approve", command={"resume": "yes"})
    assert values["log"] == ["answer:yes", "echo:x"]


async def test_if_not_exists(client: LangGraphClient) -> None:
    unknown = "0199c0de-0000-7000-8000-000000000001"
    with pytest.raises(HTTPStatusError, match="Thread or assistant not found"):
        await client.runs.wait(unknown, "echo", input={"text": "hi"})
    values = await client.runs.wait(unknown, "echo", input={"text": "hi"}, if_not_exists="create")
    assert values["log"] == ["echo:hi"]
    assert (await client.threads.get(unknown))["metadata"]["graph_id"] == "echo"


async def test_interrupt_and_resume(client: LangGraphClient, thread: str) -> None:
    modes: Any = ["values", "updates"]
    stream = client.runs.stream(thread, "approve", input={"text": "x"}, stream_mode=modes)
    parts = [part async for part in stream]
    assert [part.event for part in parts] == ["metadata", "values", "updates", "values"]
    (asked,) = parts[2].data["__interrupt__"]
    assert asked["value"] == {"question": "approve?", "text": "x"}
    assert parts[3].data["__interrupt__"] == [asked]
    row = await client.threads.get(thread)
    assert row["status"] == "interrupted"
    assert [waiting["id"] for found in row["interrupts"].values() for waiting in found] == [
        asked["id"]
    ]
    (run,) = await client.runs.list(thread)
    assert run["status"] == "success"
    values = await client.runs.wait(thread, "approve", command={"resume": "yes"})
    assert values == {"text": "x", "log": ["answer:yes", "echo:x"]}
    row = await client.threads.get(thread)
    assert (row["status"], row["interrupts"]) == ("idle", {})


async def test_parallel_interrupts_are_answered_by_their_ids(
    client: LangGraphClient, thread: str
) -> None:
    found: Any = await client.runs.wait(thread, "twice", input={})
    ids = {asked["value"]: asked["id"] for asked in found["__interrupt__"]}
    assert set(ids) == {"left", "right"}
    resume = {ids["left"]: "L", ids["right"]: "R"}
    done: Any = await client.runs.wait(thread, "twice", command={"resume": resume})
    assert sorted(done["log"]) == ["left:L", "right:R"]


async def test_interrupt_before_and_after(client: LangGraphClient, thread: str) -> None:
    await client.runs.wait(thread, "stages", input={"pause": 0}, interrupt_before=["two"])
    assert (await client.threads.get_state(thread))["next"] == ["two"]
    assert (await client.threads.get(thread))["status"] == "interrupted"
    await client.runs.wait(thread, "stages", input=None, interrupt_after="*")
    assert (await client.threads.get_state(thread))["next"] == ["three"]
    values: Any = await client.runs.wait(thread, "stages", input=None)
    assert values["log"] == ["one", "two", "three"]


async def test_command_goto_and_update(client: LangGraphClient, thread: str) -> None:
    command: Any = {"update": {"log": ["by command"]}, "goto": "three"}
    await client.runs.wait(thread, "stages", input={"pause": 0}, interrupt_before=["two"])
    values: Any = await client.runs.wait(thread, "stages", command=command)
    assert values["log"][:2] == ["one", "by command"]
    assert "three" in values["log"]


async def test_fork_from_a_checkpoint(client: LangGraphClient, thread: str) -> None:
    await client.runs.wait(thread, "stages", input={"pause": 0})
    history = await client.threads.get_history(thread, limit=10)
    before_three = history[1]
    events = [
        part.data
        async for part in client.runs.stream(
            thread,
            "stages",
            input=None,
            checkpoint_id=before_three["checkpoint_id"],
            stream_mode="updates",
        )
        if part.event == "updates"
    ]
    assert events == [{"three": {"log": ["three"]}}]


async def test_config_and_context(client: LangGraphClient, thread: str) -> None:
    by_context: Any = await client.runs.wait(
        thread, "greeter", input={"text": "you"}, context={"greeting": "Salve"}
    )
    assert by_context["log"] == ["Salve you"]
    by_config: Any = await client.runs.wait(
        None, "greeter", input={"text": "you"}, config={"configurable": {"greeting": "Ahoy"}}
    )
    assert by_config["log"] == ["Ahoy you"]
    made: Any = await client.runs.wait(
        None, "made", input={}, config={"configurable": {"name": "ada"}}
    )
    assert made["log"] == ["for ada"]


async def test_recursion_limit(client: LangGraphClient) -> None:
    with pytest.raises(Exception, match="Recursion limit"):
        await client.runs.wait(None, "stages", input={"pause": 0}, config={"recursion_limit": 1})


async def test_sync_nodes_run_off_the_loop(client: LangGraphClient) -> None:
    values: Any = await client.runs.wait(None, "sync", input={})
    assert values["log"] == ["off the loop"]


async def test_an_uncompiled_graph_is_compiled_and_remembers(
    client: LangGraphClient, thread: str
) -> None:
    for said in ("I am Ada", "Who am I?"):
        values: Any = await client.runs.wait(
            thread, "chat", input={"messages": [{"role": "user", "content": said}]}
        )
    assert values["messages"][-1]["content"] == "You are Ada"


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
