"""What can be done with runs, by the official client."""

from typing import Any

import pytest
from httpx import HTTPStatusError
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import NotFoundError
from tests.protocol.conftest import settled


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
