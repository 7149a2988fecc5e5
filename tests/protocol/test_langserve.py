"""LangServe's own client, unmodified, on real services."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.types import Command
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langserve import RemoteRunnable
from tests.conftest import Service

Config = dict[str, Any]

LOOP = """
from typing import TypedDict
from langgraph.graph import START, StateGraph

class Counted(TypedDict, total=False):
    n: int

def step(state: Counted) -> Counted:
    return {"n": state.get("n", 0) + 1}

graph = (
    StateGraph(Counted)
    .add_node("step", step)
    .add_edge(START, "step")
    .add_conditional_edges("step", lambda s: "step" if s["n"] < 60 else "__end__")
    .compile()
)
"""


@asynccontextmanager
async def remote(service: Service, graph: str) -> AsyncIterator[RemoteRunnable]:
    runnable = RemoteRunnable(f"{service.url}/graphs/{graph}/")
    try:
        yield runnable
    finally:
        runnable.sync_client.close()
        await runnable.async_client.aclose()


@pytest.fixture
async def chat(plain: Service) -> AsyncIterator[RemoteRunnable]:
    async with remote(plain, "chat") as runnable:
        yield runnable


@pytest.fixture
async def approve(plain: Service) -> AsyncIterator[RemoteRunnable]:
    async with remote(plain, "approve") as runnable:
        yield runnable


@pytest.fixture
async def slow(plain: Service) -> AsyncIterator[RemoteRunnable]:
    async with remote(plain, "slow") as runnable:
        yield runnable


@pytest.fixture
def on_thread() -> Config:
    return thread(str(uuid4()))


def thread(name: str) -> Config:
    return {"configurable": {"thread_id": name}}


def says(text: str) -> dict[str, Any]:
    return {"messages": [HumanMessage(text)]}


def last(state: Any) -> str:
    return str(state["messages"][-1].content)


def test_invoke_gives_the_final_values_as_real_messages(chat: RemoteRunnable) -> None:
    state = chat.invoke(says("I am Ada"))
    assert isinstance(state["messages"][-1], AIMessage)
    assert last(state) == "You are Ada"


async def test_without_a_thread_nothing_is_remembered(chat: RemoteRunnable) -> None:
    await chat.ainvoke(says("I am Ada"))
    assert last(await chat.ainvoke(says("who?"))) == "I don't know you"


async def test_every_call_goes_on_with_its_thread(chat: RemoteRunnable, on_thread: Config) -> None:
    await chat.ainvoke(says("I am Ada"), on_thread)
    assert last(await chat.ainvoke(says("who?"), on_thread)) == "You are Ada"
    streamed = [chunk async for chunk in chat.astream(says("who?"), on_thread)]
    assert last(streamed[-1]["recall"]) == "You are Ada"
    assert last(list(chat.stream(says("who?"), on_thread))[-1]["recall"]) == "You are Ada"
    logged = [patch async for patch in chat.astream_log(says("who?"), on_thread)]
    assert last(logged[-1].ops[-1]["value"]) == "You are Ada"
    events = [e async for e in chat.astream_events(says("who?"), on_thread, version="v2")]
    assert last(events[-1]["data"]["output"]) == "You are Ada"
    assert len((await chat.ainvoke(says("who?"), on_thread))["messages"]) == 14


def test_a_batch_may_have_a_thread_for_each_item(chat: RemoteRunnable) -> None:
    threads = [thread(str(uuid4())), thread(str(uuid4()))]
    chat.batch([says("I am Ada"), says("I am Bo")], threads)
    answers = chat.batch([says("who?"), says("who?")], threads)
    assert [last(state) for state in answers] == ["You are Ada", "You are Bo"]


async def test_a_thread_may_have_any_name(chat: RemoteRunnable) -> None:
    name = f"tea at {uuid4()}"
    await chat.ainvoke(says("I am Ada"), thread(name))
    assert last(await chat.ainvoke(says("who?"), thread(name))) == "You are Ada"


async def test_the_sdk_and_langserve_share_conversations(
    chat: RemoteRunnable, client: LangGraphClient, thread: str
) -> None:
    told = {"messages": [{"role": "user", "content": "I am Ada"}]}
    await client.runs.wait(thread, "chat", input=told)
    here = {"configurable": {"thread_id": thread}}
    assert last(await chat.ainvoke(says("who?"), here)) == "You are Ada"
    state = await client.threads.get_state(thread)
    assert [m["type"] for m in state["values"]["messages"]] == ["human", "ai", "human", "ai"]


async def test_a_graphs_settings_are_shown_and_passed_on(plain: Service) -> None:
    async with remote(plain, "greeter") as greeter, httpx.AsyncClient() as client:
        shown = await client.get(f"{plain.url}/graphs/greeter/config_schema")
        assert "greeting" in str(shown.json())
        given: Config = {"configurable": {"greeting": "Ahoy"}}
        assert (await greeter.ainvoke({"text": "Ada"}, given))["log"] == ["Ahoy Ada"]
        assert (await greeter.ainvoke({"text": "Ada"}))["log"] == ["Hello Ada"]


async def test_an_interrupt_shows_and_is_answered(
    approve: RemoteRunnable, on_thread: Config
) -> None:
    waiting = await approve.ainvoke({"text": "pay"}, on_thread)
    assert waiting["__interrupt__"][0]["value"] == {"question": "approve?", "text": "pay"}
    state = await approve.ainvoke({"command": {"resume": "yes"}}, on_thread)
    assert state == {"text": "pay", "log": ["answer:yes", "echo:pay"]}


async def test_an_interrupt_shows_in_every_stream(approve: RemoteRunnable) -> None:
    pay = {"text": "pay"}
    streamed = [c async for c in approve.astream(pay, thread(str(uuid4())))]
    assert "__interrupt__" in streamed[-1]
    events = [e async for e in approve.astream_events(pay, thread(str(uuid4())), version="v2")]
    chunks = [e["data"]["chunk"] for e in events if e["event"] == "on_chain_stream"]
    assert any("__interrupt__" in chunk for chunk in chunks if isinstance(chunk, dict))
    logged = [p async for p in approve.astream_log(pay, thread(str(uuid4())))]
    assert "__interrupt__" in logged[-1].ops[-1]["value"]


@pytest.mark.parametrize(
    "answer",
    [
        Command(resume="yes"),
        {"resume": "yes"},
        {"command": {"resume": "yes", "update": {"text": "steal"}}},
        {"command": {"goto": "echo"}},
    ],
)
async def test_what_is_no_answer_is_refused_and_starts_nothing(
    approve: RemoteRunnable, on_thread: Config, answer: Any
) -> None:
    await approve.ainvoke({"text": "pay"}, on_thread)
    with pytest.raises(httpx.HTTPStatusError, match=r'"command.*: {.*"resume') as refused:
        await approve.ainvoke(answer, on_thread)
    assert refused.value.response.status_code == 422
    state = await approve.ainvoke({"command": {"resume": "yes"}}, on_thread)
    assert state["log"] == ["answer:yes", "echo:pay"]


async def test_the_log_streams_a_transcript_token_by_token(slow: RemoteRunnable) -> None:
    patches = [p async for p in slow.astream_log(says("count 3 0"))]
    added = [op for patch in patches for op in patch.ops if op["path"] == "/streamed_output/-"]
    assert [op["value"] for op in added] == ["count", "\nt0 ", "t1 ", "t2 "]


async def test_the_log_names_tool_calls_and_their_results(plain: Service) -> None:
    async with remote(plain, "agent") as agent:
        patches = [p async for p in agent.astream_log(says("go"))]
    added = [op for patch in patches for op in patch.ops if op["path"] == "/streamed_output/-"]
    transcript = "".join(op["value"] for op in added)
    assert transcript == ("agent\n→ add(a=2, b=3)\n\ntools\n← add: 5\n\nagent\nThe answer is 5")


async def test_leaving_a_stream_stops_its_run(
    slow: RemoteRunnable, client: LangGraphClient, thread: str
) -> None:
    config = {"configurable": {"thread_id": thread}}
    stream = slow.astream_events(says("count 100 0.05"), config, version="v2")
    async for event in stream:
        if event["event"] == "on_chat_model_stream":
            break
    await stream.aclose()
    for _ in range(100):
        (run,) = await client.runs.list(thread)
        if run["status"] != "running":
            break
        await asyncio.sleep(0.05)
    assert run["status"] == "interrupted"


async def test_a_failed_run_tells_its_error_to_every_caller(plain: Service) -> None:
    async with remote(plain, "boom") as boom:
        with pytest.raises(httpx.HTTPStatusError, match="ValueError: boom: x"):
            await boom.ainvoke({"text": "x"})
        for stream in (
            boom.astream({"text": "x"}),
            boom.astream_log({"text": "x"}),
            boom.astream_events({"text": "x"}, version="v2"),
        ):
            with pytest.raises(httpx.HTTPStatusError, match="ValueError: boom: x"):
                _ = [chunk async for chunk in stream]


async def test_a_graph_may_take_more_steps_than_langchain_allows_by_default(
    service_at: Callable[..., Service], project: Callable[..., Path]
) -> None:
    service = service_at(project({"loop": "./loop.py:graph"}, {"loop.py": LOOP})).start()
    async with remote(service, "loop") as loop:
        assert (await loop.ainvoke({"n": 0}))["n"] == 60
        assert len([c async for c in loop.astream({"n": 0})]) == 60
        logged = [p async for p in loop.astream_log({"n": 0})]
        assert logged[-1].ops[-1]["value"] == {"n": 60}
        events = [e async for e in loop.astream_events({"n": 0}, version="v2")]
        assert events[-1]["data"]["output"] == {"n": 60}


async def test_a_conversation_goes_on_after_a_crash(
    service_at: Callable[..., Service], plain: Service, on_thread: Config
) -> None:
    service = service_at(plain.config).start()
    async with remote(service, "chat") as chat:
        await chat.ainvoke(says("I am Ada"), on_thread)
    service.kill()
    service.start()
    async with remote(service, "chat") as chat:
        assert last(await chat.ainvoke(says("who?"), on_thread)) == "You are Ada"
    async with get_client(url=service.url) as client:
        state = await client.threads.get_state(on_thread["configurable"]["thread_id"])
    assert len(state["values"]["messages"]) == 4


def test_schemas_show_the_graphs_input_the_answer_and_the_thread(plain: Service) -> None:
    asked = httpx.get(f"{plain.url}/graphs/approve/input_schema").json()
    assert list(asked["properties"]) == ["text", "log", "command"]
    config = httpx.get(f"{plain.url}/graphs/approve/config_schema").json()
    assert config["$defs"]["Configurable"]["properties"]["thread_id"]["type"] == "string"
    assert httpx.get(f"{plain.url}/graphs/approve/output_schema").status_code == 200


def test_a_config_in_the_address_names_the_thread(plain: Service, chat: RemoteRunnable) -> None:
    name = str(uuid4())
    chat.invoke(says("I am Ada"), thread(name))
    page = httpx.get(f"{plain.url}/graphs/chat/playground/?thread_id={name}")
    address = f"{plain.url}{page.headers['location'].removesuffix('playground/')}invoke"
    body = {"input": {"messages": [{"type": "human", "content": "who?"}]}}
    answer = httpx.post(address, json=body).json()
    assert answer["output"]["messages"][-1]["content"] == "You are Ada"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("nosuch/playground/", "No graph named 'nosuch'; there are: echo, agent"),
        ("echo/chat/playground/", "no chat page, because its input has no `messages`"),
        ("echo/nothing", "no LangServe route"),
    ],
)
def test_what_is_not_there_says_why(plain: Service, path: str, says: str) -> None:
    answer = httpx.get(f"{plain.url}/graphs/{path}")
    assert answer.status_code == 404
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    ("typed", "page"),
    [
        ("echo", "echo/playground/"),
        ("echo/", "echo/playground/"),
        ("echo/playground", "echo/playground/"),
        ("chat/chat/playground", "chat/chat/playground/"),
        ("chat/playground?thread_id=tea", "chat/c/"),
    ],
)
def test_what_people_type_for_a_page_leads_to_it(plain: Service, typed: str, page: str) -> None:
    answer = httpx.get(f"{plain.url}/graphs/{typed}", follow_redirects=True)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert str(answer.url).startswith(f"{plain.url}/graphs/{page}")


def test_the_face_can_be_left_out(service_at: Callable[..., Service], plain: Service) -> None:
    service = service_at(plain.config).start("--no-langserve")
    assert httpx.get(f"{service.url}/graphs/echo/playground/").status_code == 404
    assert "playground" not in service.output()
