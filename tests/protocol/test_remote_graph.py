"""`RemoteGraph`, LangGraph's own client for graphs that run elsewhere."""

import operator
from typing import Annotated, Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.pregel.remote import RemoteGraph
from langgraph.types import Command
from langgraph_sdk import get_client, get_sync_client
from tests.conftest import Service
from typing_extensions import TypedDict

from graphwright.assistants import default_id


@pytest.fixture
async def connect(plain: Service) -> Any:
    """A graph of the service by its name."""
    async with get_client(url=plain.url) as client:
        with get_sync_client(url=plain.url) as sync_client:
            yield lambda name: RemoteGraph(name, client=client, sync_client=sync_client)


def on(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}


async def test_ainvoke(connect: Any, thread: str) -> None:
    values = await connect("echo").ainvoke({"text": "hi"}, on(thread))
    assert values == {"text": "hi", "log": ["echo:hi"]}


def test_invoke(connect: Any) -> None:
    assert connect("echo").invoke({"text": "hi"})["log"] == ["echo:hi"]


def test_stream(connect: Any) -> None:
    updates = list(connect("stages").stream({"pause": 0}, stream_mode="updates"))
    assert updates == [{name: {"log": [name]}} for name in ("one", "two", "three")]


async def test_astream_in_several_modes(connect: Any, thread: str) -> None:
    asked = {"messages": [{"role": "user", "content": "2+3?"}]}
    parts = connect("agent").astream(asked, on(thread), stream_mode=["messages", "custom"])
    found = [part[:2] async for part in parts]
    assert ("custom", {"progress": "adding"}) in found
    text = "".join(data[0]["content"] for mode, data in found if mode == "messages")
    assert text.endswith("The answer is 5")


async def test_astream_with_subgraphs(connect: Any) -> None:
    asked = {"messages": [{"role": "user", "content": "2+3?"}]}
    parts = connect("outer").astream(asked, stream_mode="updates", subgraphs=True)
    spaces = [namespace for namespace, _ in [part async for part in parts]]
    assert spaces[0][0].startswith("inner:")
    assert spaces[-1] == ()


async def test_state(connect: Any, thread: str) -> None:
    graph = connect("stages")
    await graph.ainvoke({"pause": 0}, on(thread))
    state = await graph.aget_state(on(thread))
    assert state.values["log"] == ["one", "two", "three"]
    assert state.next == ()
    made = await graph.aupdate_state(on(thread), {"log": ["by hand"]}, as_node="three")
    after = await graph.aget_state(on(thread))
    assert after.values["log"][-1] == "by hand"
    assert after.config["configurable"]["checkpoint_id"] == made["configurable"]["checkpoint_id"]
    history = [state async for state in graph.aget_state_history(on(thread), limit=3)]
    assert history[0] == after
    assert history[1] == state
    earlier = await graph.aget_state(history[2].config)
    assert earlier.next == ("three",)


def test_state_by_the_sync_client(connect: Any, thread: str) -> None:
    graph = connect("echo")
    graph.invoke({"text": "hi"}, on(thread))
    graph.update_state(on(thread), {"log": ["by hand"]}, as_node="echo")
    assert graph.get_state(on(thread)).values["log"] == ["echo:hi", "by hand"]
    assert len(list(graph.get_state_history(on(thread), limit=10))) == 4


async def test_interrupt_and_resume(connect: Any, thread: str) -> None:
    graph = connect("approve")
    found = await graph.ainvoke({"text": "x"}, on(thread))
    assert found["__interrupt__"][0]["value"]["question"] == "approve?"
    state = await graph.aget_state(on(thread))
    assert state.next == ("ask",)
    assert state.tasks[0].interrupts[0].value == {"question": "approve?", "text": "x"}
    done = await graph.ainvoke(Command(resume="yes"), on(thread))
    assert done["log"] == ["answer:yes", "echo:x"]


async def test_an_error_of_the_graph(connect: Any) -> None:
    with pytest.raises(Exception, match="boom: x"):
        await connect("boom").ainvoke({"text": "x"})


@pytest.mark.parametrize("name", ["stages", default_id("stages")])
async def test_drawing(connect: Any, name: str) -> None:
    drawn = await connect(name).aget_graph()
    assert {"one", "two", "three"} <= set(drawn.nodes)


class Local(TypedDict, total=False):
    text: str
    log: Annotated[list[str], operator.add]


async def test_as_a_subgraph_of_a_local_graph(connect: Any) -> None:
    local = StateGraph(Local).add_node("remote", connect("echo")).add_edge(START, "remote")
    values = await local.compile(name="local").ainvoke({"text": "hi"})
    assert values["log"] == ["echo:hi"]


async def test_as_a_subgraph_that_asks(connect: Any, thread: str) -> None:
    local = StateGraph(Local).add_node("remote", connect("approve")).add_edge(START, "remote")
    graph = local.compile(checkpointer=InMemorySaver(), name="local")
    asked = await graph.ainvoke({"text": "x"}, on(thread))
    assert asked["__interrupt__"][0].value["question"] == "approve?"
