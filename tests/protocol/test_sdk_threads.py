from uuid import UUID, uuid4

import httpx
import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError


async def test_create_and_get(client: LangGraphClient) -> None:
    made = await client.threads.create(metadata={"owner": "ada"})
    assert UUID(made["thread_id"]).version == 7
    assert made["status"] == "idle"
    assert made["metadata"] == {"owner": "ada"}
    assert made["values"] is None
    assert made["interrupts"] == {}
    assert await client.threads.get(made["thread_id"]) == made


async def test_create_twice(client: LangGraphClient) -> None:
    thread_id = str(uuid4())
    made = await client.threads.create(thread_id=thread_id)
    with pytest.raises(ConflictError, match=thread_id):
        await client.threads.create(thread_id=thread_id)
    again = await client.threads.create(thread_id=thread_id, if_exists="do_nothing")
    assert again == made


async def test_create_with_supersteps(client: LangGraphClient) -> None:
    made = await client.threads.create(
        graph_id="echo",
        supersteps=[
            {"updates": [{"values": {"text": "a"}, "as_node": "__input__"}]},
            {"updates": [{"values": {"text": "a"}, "as_node": "__start__"}]},
            {"updates": [{"values": {"log": ["seeded"]}, "as_node": "echo"}]},
        ],
    )
    assert made["metadata"]["graph_id"] == "echo"
    state = await client.threads.get_state(made["thread_id"])
    assert state["values"] == {"text": "a", "log": ["seeded"]}


async def test_search_and_count(client: LangGraphClient) -> None:
    tag = {"suite": uuid4().hex, "nested": {"a": 1}}
    made = [(await client.threads.create(metadata=tag))["thread_id"] for _ in range(3)]
    await client.runs.wait(made[0], "echo", input={"text": "found"})
    await client.runs.wait(made[1], "approve", input={"text": "x"})
    suite = {"suite": tag["suite"]}
    assert await client.threads.count(metadata=suite) == 3
    newest = await client.threads.search(metadata=suite, sort_by="created_at", sort_order="desc")
    assert [thread["thread_id"] for thread in newest] == made[::-1]
    second = await client.threads.search(
        metadata=suite, sort_by="created_at", sort_order="asc", limit=1, offset=1
    )
    assert second[0]["thread_id"] == made[1]
    (waiting,) = await client.threads.search(metadata=suite, status="interrupted")
    assert waiting["thread_id"] == made[1]
    (told,) = await client.threads.search(
        metadata=suite, values={"text": "found"}, select=["thread_id"]
    )
    assert told == {"thread_id": made[0]}
    assert await client.threads.count(metadata={**suite, "nested": {"a": 2}}) == 0
    assert len(await client.threads.search(ids=made[:2])) == 2


async def test_update(client: LangGraphClient, thread: str) -> None:
    patched = await client.threads.update(thread, metadata={"a": 1})
    assert patched["metadata"] == {"a": 1}
    assert await client.threads.update(thread, metadata={"b": 2}, return_minimal=True) is None
    assert (await client.threads.get(thread))["metadata"] == {"a": 1, "b": 2}


async def test_delete(client: LangGraphClient, thread: str) -> None:
    await client.runs.wait(thread, "echo", input={"text": "hi"})
    await client.threads.delete(thread)
    with pytest.raises(NotFoundError):
        await client.threads.get(thread)
    with pytest.raises(NotFoundError):
        await client.threads.get_state(thread)
    again = await client.threads.create(thread_id=thread)
    assert again["values"] is None
    assert (await client.threads.get_history(thread)) == []


async def test_delete_under_a_run_is_refused(client: LangGraphClient, thread: str) -> None:
    run = await client.runs.create(thread, "stages", input={"pause": 10})
    with pytest.raises(ConflictError, match="Cancel it before"):
        await client.threads.delete(thread)
    await client.runs.cancel(thread, run["run_id"], wait=True)
    await client.threads.delete(thread)


async def test_state_of_an_untouched_thread(client: LangGraphClient, thread: str) -> None:
    state = await client.threads.get_state(thread)
    assert state["values"] == {}
    assert state["next"] == []
    assert state["checkpoint"] is None


async def test_state_after_a_run(client: LangGraphClient, thread: str) -> None:
    await client.runs.wait(thread, "echo", input={"text": "hi"})
    state = await client.threads.get_state(thread)
    assert state["values"] == {"text": "hi", "log": ["echo:hi"]}
    assert state["checkpoint"]["thread_id"] == thread
    assert state["checkpoint"]["checkpoint_id"] == state["checkpoint_id"]
    assert state["parent_checkpoint"]["checkpoint_id"] == state["parent_checkpoint_id"]
    assert state["metadata"]["source"] == "loop"
    selected = await client.threads.get_state(thread, select=["values"])
    assert set(selected) == {"values"}
    (row,) = await client.threads.search(ids=[thread])
    assert row["values"] == state["values"]


async def test_state_at_a_checkpoint(client: LangGraphClient, thread: str) -> None:
    await client.runs.wait(thread, "stages", input={"pause": 0})
    history = await client.threads.get_history(thread, limit=10)
    assert [state["next"] for state in history] == [
        [],
        ["three"],
        ["two"],
        ["one"],
        ["__start__"],
    ]
    earlier = history[2]
    by_id = await client.threads.get_state(thread, checkpoint_id=earlier["checkpoint_id"])
    by_place = await client.threads.get_state(thread, checkpoint=earlier["checkpoint"])
    assert by_id["values"] == by_place["values"] == {"pause": 0, "log": ["one"]}


async def test_history_in_pages(client: LangGraphClient, thread: str) -> None:
    await client.runs.wait(thread, "stages", input={"pause": 0})
    first = await client.threads.get_history(thread, limit=2)
    rest = await client.threads.get_history(thread, limit=10, before=first[-1]["checkpoint"])
    assert [s["next"] for s in first + rest] == [[], ["three"], ["two"], ["one"], ["__start__"]]
    inputs = await client.threads.get_history(thread, limit=10, metadata={"source": "input"})
    assert [s["next"] for s in inputs] == [["__start__"]]


async def test_update_state(client: LangGraphClient, thread: str) -> None:
    await client.runs.wait(thread, "echo", input={"text": "hi"})
    made = await client.threads.update_state(thread, {"log": ["by hand"]}, as_node="echo")
    state = await client.threads.get_state(thread)
    assert state["checkpoint"] == made["checkpoint"]
    assert state["values"]["log"] == ["echo:hi", "by hand"]
    assert (await client.threads.get(thread))["values"] == state["values"]


async def test_update_state_before_any_graph_is_refused(
    client: LangGraphClient, thread: str
) -> None:
    with pytest.raises(Exception, match="no graph yet"):
        await client.threads.update_state(thread, {"log": []})


async def test_update_state_at_an_earlier_checkpoint_forks(
    client: LangGraphClient, thread: str
) -> None:
    await client.runs.wait(thread, "stages", input={"pause": 0})
    history = await client.threads.get_history(thread, limit=10)
    fork = await client.threads.update_state(
        thread, {"log": ["other"]}, as_node="one", checkpoint=history[3]["checkpoint"]
    )
    result = await client.runs.wait(thread, "stages", checkpoint=fork["checkpoint"])
    assert result["log"] == ["other", "two", "three"]


async def test_state_of_a_subgraph(client: LangGraphClient, thread: str) -> None:
    await client.runs.wait(thread, "nested", input={"text": "x"})
    shallow = await client.threads.get_state(thread)
    deep = await client.threads.get_state(thread, subgraphs=True)
    assert shallow["next"] == deep["next"] == ["inner"]
    assert shallow["tasks"][0]["state"] is None
    place = shallow["tasks"][0]["checkpoint"]
    assert place["checkpoint_ns"].startswith("inner:")
    inside = deep["tasks"][0]["state"]
    assert inside["next"] == ["ask"]
    assert (await client.threads.get_state(thread, checkpoint=place))["next"] == ["ask"]


async def test_storage(client: LangGraphClient, thread: str, http: httpx.Client) -> None:
    empty = http.get(f"/threads/{thread}/storage").json()
    assert empty["total_bytes"] == 0
    assert empty["checkpoints"] == {"count": 0, "bytes": 0}
    assert empty["oldest"] is None
    text = "word " * 200
    for _ in range(2):
        asked = {"messages": [{"role": "user", "content": text}]}
        await client.runs.wait(thread, "chat", input=asked)
    found = http.get(f"/threads/{thread}/storage").json()
    assert found["checkpoints"]["count"] == len(await client.threads.get_history(thread, limit=99))
    messages = found["channel_values"]["by_channel"]["messages"]
    assert messages["bytes"] >= 2 * len(text)
    parts = ("checkpoints", "channel_values", "pending_writes", "blobs")
    assert found["total_bytes"] == sum(found[part]["bytes"] for part in parts)
    assert found["oldest"] < found["newest"]


def test_storage_of_no_thread(http: httpx.Client) -> None:
    unknown = uuid4()
    answer = http.get(f"/threads/{unknown}/storage")
    assert answer.status_code == 404
    assert answer.json() == {"detail": f"Thread with ID {unknown} not found"}
    assert http.get("/threads/nonsense/storage").status_code == 422


async def test_prune(client: LangGraphClient) -> None:
    threads = [(await client.threads.create())["thread_id"] for _ in range(3)]
    for thread in threads:
        for text in ("a", "b"):
            await client.runs.wait(thread, "echo", input={"text": text})
    kept, *gone = threads
    assert await client.threads.prune([kept], strategy="keep_latest") == {"pruned_count": 1}
    (state,) = await client.threads.get_history(kept)
    assert state["values"] == {"text": "b", "log": ["echo:a", "echo:b"]}
    again = await client.runs.wait(kept, "echo", input={"text": "c"})
    assert again["log"] == ["echo:a", "echo:b", "echo:c"]
    assert await client.threads.prune([*gone, gone[0], str(uuid4())]) == {"pruned_count": 2}
    for thread in gone:
        with pytest.raises(NotFoundError):
            await client.threads.get(thread)


async def test_prune_with_a_thread_in_use_touches_none(client: LangGraphClient) -> None:
    idle, busy = [(await client.threads.create())["thread_id"] for _ in range(2)]
    run = await client.runs.create(busy, "stages", input={"pause": 10})
    with pytest.raises(ConflictError, match=f"{busy} is in use"):
        await client.threads.prune([idle, busy])
    assert (await client.threads.get(idle))["thread_id"] == idle
    await client.runs.cancel(busy, run["run_id"], wait=True)
    assert await client.threads.prune([idle, busy]) == {"pruned_count": 2}
