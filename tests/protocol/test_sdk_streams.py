"""Every stream mode, by its event names and shapes."""

import asyncio
from typing import Any

import pytest
from langgraph_sdk.client import LangGraphClient

QUESTION = {"messages": [{"role": "user", "content": "2+3?"}]}


async def events(
    client: LangGraphClient, thread: str, graph: str, **options: Any
) -> list[tuple[str, Any]]:
    stream = client.runs.stream(thread, graph, **options)
    return [(part.event, part.data) async for part in stream]


async def test_metadata_comes_first(client: LangGraphClient, thread: str) -> None:
    created: list[Any] = []
    stream = client.runs.stream(thread, "echo", input={"text": "hi"}, on_run_created=created.append)
    first = await anext(stream)
    assert first.event == "metadata"
    assert first.data["attempt"] == 1
    assert created == [{"run_id": first.data["run_id"], "thread_id": thread}]
    assert [part.event async for part in stream] == ["values", "values"]


async def test_values(client: LangGraphClient, thread: str) -> None:
    found = await events(client, thread, "agent", input=QUESTION)
    assert [name for name, _ in found] == ["metadata"] + ["values"] * 4
    types = [message["type"] for message in found[-1][1]["messages"]]
    assert types == ["human", "ai", "tool", "ai"]
    assert found[-1][1]["messages"][1]["tool_calls"][0]["args"] == {"a": 2, "b": 3}


async def test_updates(client: LangGraphClient, thread: str) -> None:
    found = await events(client, thread, "agent", input=QUESTION, stream_mode="updates")
    assert [name for name, _ in found] == ["metadata"] + ["updates"] * 3
    assert [list(data) for _, data in found[1:]] == [["agent"], ["tools"], ["agent"]]


async def test_messages_tuple(client: LangGraphClient, thread: str) -> None:
    found = await events(client, thread, "agent", input=QUESTION, stream_mode="messages-tuple")
    assert {name for name, _ in found[1:]} == {"messages"}
    chunks = [data for name, data in found[1:]]
    assert {message["type"] for message, _ in chunks} == {"AIMessageChunk", "tool"}
    text = "".join(message["content"] for message, _ in chunks if message["type"] != "tool")
    assert text == "The answer is 5"
    metadata = chunks[0][1]
    assert metadata["langgraph_node"] == "agent"
    assert metadata["thread_id"] == thread
    assert metadata["run_id"] == found[0][1]["run_id"]
    assert metadata["graph_id"] == "agent"
    assert metadata["run_attempt"] == 1


async def test_messages_are_cumulative(client: LangGraphClient, thread: str) -> None:
    found = await events(client, thread, "agent", input=QUESTION, stream_mode="messages")
    names = [name for name, _ in found]
    assert names.count("messages/metadata") == 3
    assert names.count("messages/complete") == 1
    partial = [data[0] for name, data in found if name == "messages/partial"]
    texts = [message["content"] for message in partial if message["content"]]
    assert texts[:4] == ["The ", "The answer ", "The answer is ", "The answer is 5"]
    assert {message["type"] for message in partial} == {"ai"}
    described = {key for name, data in found if name == "messages/metadata" for key in data}
    assert {message["id"] for message in partial} <= described


async def test_custom(client: LangGraphClient, thread: str) -> None:
    found = await events(client, thread, "agent", input=QUESTION, stream_mode="custom")
    assert found[1:] == [("custom", {"progress": "adding"})]


async def test_tasks(client: LangGraphClient, thread: str) -> None:
    found = await events(client, thread, "echo", input={"text": "hi"}, stream_mode="tasks")
    begun, done = (data for _, data in found[1:])
    assert begun["name"] == done["name"] == "echo"
    assert begun["id"] == done["id"]
    assert begun["input"]["text"] == "hi"
    assert begun["triggers"] == ["branch:to:echo"]
    assert done["result"] == {"text": "hi", "log": ["echo:hi"]}
    assert done["error"] is None
    assert done["interrupts"] == []


async def test_checkpoints(client: LangGraphClient, thread: str) -> None:
    found = await events(client, thread, "echo", input={"text": "hi"}, stream_mode="checkpoints")
    assert [data["metadata"]["step"] for _, data in found[1:]] == [-1, 0, 1]
    assert found[-1][1]["values"] == {"text": "hi", "log": ["echo:hi"]}
    state = await client.threads.get_state(thread)
    assert found[-1][1]["config"]["configurable"]["checkpoint_id"] == state["checkpoint_id"]


async def test_debug(client: LangGraphClient, thread: str) -> None:
    found = await events(client, thread, "echo", input={"text": "hi"}, stream_mode="debug")
    kinds = [data["type"] for _, data in found[1:]]
    assert kinds == ["checkpoint", "checkpoint", "task", "task_result", "checkpoint"]
    last = found[-1][1]["payload"]
    assert last["checkpoint"]["thread_id"] == last["parent_checkpoint"]["thread_id"] == thread


async def test_events(client: LangGraphClient, thread: str) -> None:
    found = await events(client, thread, "agent", input=QUESTION, stream_mode="events")
    assert {name for name, _ in found[1:]} == {"events"}
    first, last = found[1][1], found[-1][1]
    run_id = found[0][1]["run_id"]
    assert (first["event"], first["name"], first["run_id"]) == ("on_chain_start", "agent", run_id)
    assert (last["event"], last["name"], last["run_id"]) == ("on_chain_end", "agent", run_id)
    kinds = {data["event"] for _, data in found[1:]}
    assert {"on_chat_model_stream", "on_tool_start", "on_tool_end"} <= kinds


async def test_several_modes_at_once(client: LangGraphClient, thread: str) -> None:
    modes: Any = ["values", "updates", "messages-tuple", "custom", "tasks", "events"]
    found = await events(client, thread, "agent", input=QUESTION, stream_mode=modes)
    names = [name for name, _ in found]
    assert set(names) == {"metadata", "values", "updates", "messages", "custom", "tasks", "events"}
    assert names.count("values") == 4
    assert names.count("updates") == 3


async def test_subgraphs_are_named_in_the_event(client: LangGraphClient, thread: str) -> None:
    found = await events(
        client,
        thread,
        "outer",
        input=QUESTION,
        stream_mode=["values", "updates", "messages-tuple"],
        stream_subgraphs=True,
    )
    inner = {name for name, _ in found if "|" in name}
    assert {name.split("|")[0] for name in inner} == {"values", "updates", "messages"}
    assert all(name.split("|")[1].startswith("inner:") for name in inner)
    assert ["inner"] in [list(data) for name, data in found if name == "updates"]


async def test_without_subgraphs_only_the_outer_graph_is_seen(
    client: LangGraphClient, thread: str
) -> None:
    found = await events(client, thread, "outer", input=QUESTION, stream_mode="updates")
    assert [list(data) for _, data in found[1:]] == [["inner"]]


async def test_an_error_ends_the_stream(client: LangGraphClient, thread: str) -> None:
    found = await events(client, thread, "boom", input={"text": "x"})
    assert found[-1] == ("error", {"error": "ValueError", "message": "boom: x"})
    state = await client.threads.get(thread)
    assert state["status"] == "error"
    assert state["error"] == {"error": "ValueError", "message": "boom: x"}
    # The error belongs to the run: the next one makes the thread whole again.
    await client.runs.wait(thread, "echo", input={"text": "hi"})
    assert (await client.threads.get(thread))["status"] == "idle"


async def test_an_output_schema_narrows_what_is_seen(client: LangGraphClient, thread: str) -> None:
    found = await events(client, thread, "narrow", input={"question": "why"})
    assert found[-1][1] == {"answer": "WHY"}


async def test_parallel_branches_each_report(client: LangGraphClient, thread: str) -> None:
    found = await events(client, thread, "parallel", input={}, stream_mode="updates")
    nodes = [node for _, data in found[1:] for node in data]
    assert sorted(nodes[:2]) == ["left", "right"]
    assert nodes[2:] == ["join"]


async def test_tokens_come_as_they_are_made(client: LangGraphClient, thread: str) -> None:
    loop = asyncio.get_running_loop()
    at: list[float] = []
    stream = client.runs.stream(
        thread,
        "slow",
        input={"messages": [("user", "count 5 0.1")]},
        stream_mode="messages-tuple",
    )
    async for part in stream:
        if part.event == "messages" and part.data[0]["content"]:
            at.append(loop.time())
    assert len(at) == 5
    assert at[-1] - at[0] > 0.3


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_both_part_versions_of_the_client(
    client: LangGraphClient, thread: str, version: Any
) -> None:
    stream = client.runs.stream(
        thread, "echo", input={"text": "hi"}, stream_mode="values", version=version
    )
    parts: list[Any] = [part async for part in stream]
    last = parts[-1].data if version == "v1" else parts[-1]["data"]
    assert last["log"] == ["echo:hi"]
