"""Questions to people: each is answered once, by anybody, in any order, or expires."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from tests.conftest import ROOT, Service
from tests.protocol.conftest import settled

PLAIN = ROOT / "tests" / "projects" / "plain" / "langgraph.json"
PATIENCE = 30  # seconds; two cores may be busy with other tests


async def waiting(client: LangGraphClient, thread: str) -> dict[str, str]:
    """What a thread asks, and the ids of its questions."""
    found = (await client.threads.get(thread))["interrupts"]
    return {one["value"]: one["id"] for asked in found.values() for one in asked}


async def resumed(
    client: LangGraphClient, thread: str, graph: str, resume: Any, **more: Any
) -> Any:
    return await client.runs.wait(thread, graph, command={"resume": resume}, **more)


async def test_any_subset_is_answered_in_any_order(client: LangGraphClient, thread: str) -> None:
    await client.runs.wait(thread, "twice", input={})
    ids = await waiting(client, thread)
    await resumed(client, thread, "twice", {ids["right"]: "R"})
    assert await waiting(client, thread) == {"left": ids["left"]}
    assert (await client.threads.get(thread))["status"] == "interrupted"
    done = await resumed(client, thread, "twice", "L")
    assert sorted(done["log"]) == ["left:L", "right:R"]


async def test_an_answer_that_was_given_is_not_given_again(
    client: LangGraphClient, thread: str
) -> None:
    await client.runs.wait(thread, "twice", input={})
    ids = await waiting(client, thread)
    await resumed(client, thread, "twice", {ids["right"]: "R"})
    await resumed(client, thread, "twice", {ids["right"]: "other"})
    assert await waiting(client, thread) == {"left": ids["left"]}
    done = await resumed(client, thread, "twice", {ids["left"]: "L"})
    assert sorted(done["log"]) == ["left:L", "right:R"]


async def test_a_double_click_does_not_answer_the_next_question(
    client: LangGraphClient, thread: str
) -> None:
    await client.runs.wait(thread, "questions", input={})
    # The second is there before the first has an effect, however busy the machine is.
    click: Any = {"command": {"resume": "yes"}, "after_seconds": 1}
    runs = [await client.runs.create(thread, "questions", **click) for _ in range(2)]
    assert [await settled(client, thread, run["run_id"]) for run in runs] == ["success"] * 2
    assert list(await waiting(client, thread)) == ["second"]
    assert (await resumed(client, thread, "questions", "no"))["log"] == ["first:yes", "second:no"]


async def test_strict_resume(client: LangGraphClient, thread: str) -> None:
    await client.runs.wait(thread, "twice", input={})
    ids = await waiting(client, thread)
    for resume, problem in (({"0" * 32: "?"}, "Unknown or already-consumed"), ("?", "multiple")):
        failed = await resumed(
            client, thread, "twice", resume, strict_resume=True, raise_error=False
        )
        assert failed["__error__"]["error"] == "UnknownInterruptError"
        assert problem in failed["__error__"]["message"]
        row = await client.threads.get(thread)
        assert (row["status"], await waiting(client, thread)) == ("interrupted", ids)
    answers = {ids["left"]: "L", ids["right"]: "R"}
    done = await resumed(client, thread, "twice", answers, strict_resume=True)
    assert sorted(done["log"]) == ["left:L", "right:R"]
    assert httpx.get(str(client.http.client.base_url.join("/info"))).json()["flags"][
        "strict_resume"
    ]


async def test_a_new_message_instead_of_an_answer(client: LangGraphClient, thread: str) -> None:
    """The calls that wait are cancelled, the finished one keeps its result, and it is said."""
    await client.runs.wait(thread, "cautious", input={"messages": [("user", "buy")]})
    (asked,) = (await waiting(client, thread)).values()
    parts = [
        part
        async for part in client.runs.stream(
            thread, "cautious", input={"messages": [("user", "stop")]}
        )
    ]
    assert parts[0].data["dropped_interrupts"] == [asked]
    (again, *_) = await client.runs.list(thread)
    assert again["metadata"]["dropped_interrupts"] == [asked]
    said = (await client.threads.get_state(thread))["values"]["messages"]
    types = [message["type"] for message in said]
    assert types[:6] == ["human", "ai", "tool", "tool", "human", "ai"]
    results = {message["tool_call_id"]: message["content"] for message in said[2:4]}
    assert results["add-1"] == "2"
    assert results["pay-1"].startswith("Cancelled")
    assert await waiting(client, thread) != {"pay": asked}


async def test_a_new_message_after_a_failure(client: LangGraphClient, thread: str) -> None:
    broken = {"messages": [("user", "buy")]}
    await client.runs.wait(thread, "cautious", input=broken, interrupt_before=["tools"])
    assert (await client.threads.get_state(thread))["next"] == ["tools", "tools"]
    await client.runs.wait(thread, "cautious", input=broken, interrupt_before=["tools"])
    said = (await client.threads.get_state(thread))["values"]["messages"]
    assert [message["type"] for message in said] == ["human", "ai", "tool", "tool", "human", "ai"]


async def test_all_that_waits(client: LangGraphClient, http: httpx.Client) -> None:
    shop = {"metadata": {"shop": "north"}}
    threads = [(await client.threads.create(**shop))["thread_id"] for _ in range(2)]
    await client.runs.wait(threads[0], "twice", input={})
    await client.runs.wait(threads[1], "questions", input={})

    def listed(**wanted: Any) -> list[tuple[str, str]]:
        found = http.get("/interrupts", params={"metadata": '{"shop": "north"}', **wanted})
        assert found.status_code == 200, found.text
        return [(one["thread_id"], one["value"]) for one in found.json()]

    everything = listed()
    assert sorted(everything[:2]) == [(threads[0], "left"), (threads[0], "right")]
    assert everything[2:] == [(threads[1], "first")]
    assert listed(limit=1, offset=2) == everything[2:]
    assert listed(graph_id="questions") == everything[2:]
    assert len(listed(thread_id=threads[0])) == 2
    assert listed(metadata='{"shop": "south"}') == []
    assert http.get("/interrupts?metadata=[]").status_code == 422
    one = http.get("/interrupts", params={"graph_id": "questions", "limit": 1000}).json()[-1]
    await resumed(client, one["thread_id"], "questions", {one["interrupt_id"]: "yes"})
    assert listed(graph_id="questions") == [(threads[1], "second")]


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.05)


async def test_an_interrupt_expires(client: LangGraphClient, thread: str) -> None:
    await client.runs.wait(thread, "hurried", input={"text": "0.5"})

    async def is_answered() -> bool:
        row = await client.threads.get(thread)
        return row["status"] == "interrupted" and len(row["interrupts"]) == 1

    await until(is_answered)
    assert await waiting(client, thread) != {}
    runs = await client.runs.list(thread)
    assert len(runs) == 2
    assert runs[0]["metadata"]["answered_for"] == "expired interrupts"
    done = await resumed(client, thread, "hurried", "here")
    assert sorted(done["log"]) == ["hurry:nobody", "patient:here"]


async def test_a_thread_that_cannot_be_answered_keeps_no_other_from_it(
    client: LangGraphClient,
) -> None:
    lost, other = [(await client.threads.create())["thread_id"] for _ in range(2)]
    await client.runs.wait(lost, "hurried", input={"text": "0.5"})
    await client.threads.update(lost, metadata={"assistant_id": {"no": "id"}})
    await client.runs.wait(other, "hurried", input={"text": "0.6"})

    async def is_answered() -> bool:
        return len((await client.threads.get(other))["interrupts"]) == 1

    await until(is_answered)
    assert len(await client.runs.list(other)) == 2
    assert len(await client.runs.list(lost)) == 1
    assert len((await client.threads.get(lost))["interrupts"]) == 2


async def test_an_answer_to_another_question_does_not_prolong_an_expiry(
    client: LangGraphClient, thread: str, http: httpx.Client
) -> None:
    await client.runs.wait(thread, "hurried", input={"text": "3600"})

    def expiries() -> dict[str, Any]:
        found = http.get("/interrupts", params={"thread_id": thread}).json()
        return {one["interrupt_id"]: one["expires_at"] for one in found}

    before = expiries()
    (patient,) = (one for one, expiry in before.items() if expiry is None)
    await resumed(client, thread, "hurried", {patient: "here"})
    assert expiries() == {one: expiry for one, expiry in before.items() if one != patient}


@pytest.mark.parametrize("record_kind", ["sqlite", "postgres"], indirect=True)
async def test_an_expiry_outlives_the_service(service_at: Callable[..., Service]) -> None:
    service = service_at(PLAIN).start()
    async with get_client(url=service.url) as client:
        thread = (await client.threads.create())["thread_id"]
        await client.runs.wait(thread, "hurried", input={"text": "1"})
    service.kill()
    service.start()
    async with get_client(url=service.url) as client:

        async def is_answered() -> bool:
            return len((await client.threads.get(thread))["interrupts"]) == 1

        await until(is_answered)
