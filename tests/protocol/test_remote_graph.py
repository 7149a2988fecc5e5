"""`RemoteGraph`, LangGraph's own client for graphs that run elsewhere."""

import asyncio
import operator
from contextlib import suppress
from typing import Annotated, Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.pregel.remote import RemoteGraph
from langgraph.types import Command
from langgraph_sdk import get_client, get_sync_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import NotFoundError
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


CALLING = """
import operator
import os
from typing import Annotated

from langgraph.graph import START, StateGraph
from langgraph.pregel.remote import RemoteGraph
from typing_extensions import TypedDict

class State(TypedDict, total=False):
    pause: float
    log: Annotated[list[str], operator.add]

stages = RemoteGraph("stages", url=os.environ["THERE"])

async def called(state, config):
    return await stages.ainvoke(state, config)

def called_in_sync(state, config):
    again = config["metadata"]["run_attempt"] > 1
    return stages.invoke({"pause": 0} if again else state, config)

def calling(node):
    return StateGraph(State).add_node("remote", node).add_edge(START, "remote").compile()

node, function, sync = map(calling, (stages, called, called_in_sync))
deep = calling(function)
"""


@pytest.fixture
def calling(plain: Service, project: Any, service_at: Any) -> Service:
    """A service whose graphs have a graph of another one as a node, in several ways."""
    graphs = {name: f"./calling.py:{name}" for name in ("node", "function", "sync", "deep")}
    config = project(graphs, {"calling.py": CALLING})
    service: Service = service_at(config, {"THERE": plain.url}).start()
    return service


async def at_work(client: LangGraphClient, thread: str) -> Any:
    """The run that a run elsewhere has begun on the thread of the same id."""
    async with asyncio.timeout(30):
        while True:
            with suppress(NotFoundError):
                if runs := await client.runs.list(thread, status="running"):
                    return runs[0]
            await asyncio.sleep(0.05)


async def test_a_stop_reaches_a_remote_graph(calling: Service, client: LangGraphClient) -> None:
    async with get_client(url=calling.url) as here:
        for graph in ("node", "function", "sync", "deep"):
            thread = (await here.threads.create())["thread_id"]
            run = await here.runs.create(thread, graph, input={"pause": 30})
            remote = await at_work(client, thread)
            await here.runs.cancel(thread, run["run_id"], wait=True)
            assert (await here.runs.get(thread, run["run_id"]))["status"] == "interrupted", graph
            assert (await client.runs.get(thread, remote["run_id"]))["status"] == "interrupted"
            values: Any = await here.runs.wait(thread, graph, input={"pause": 0})
            assert values["log"][-3:] == ["one", "two", "three"]
        other = await client.runs.create(thread, "stages", input={"pause": 30})
        run = await here.runs.create(thread, "node", input={"pause": 30})
        await asyncio.sleep(0.1)
        await here.runs.cancel(thread, run["run_id"], action="rollback", wait=True)
        left = await client.runs.list(thread, status="running")  # what somebody else began
        assert [found["run_id"] for found in left] == [other["run_id"]]
        await client.runs.cancel(thread, other["run_id"], wait=True)
    assert "Traceback" not in calling.output()


@pytest.mark.parametrize("record_kind", ["sqlite"], indirect=True)  # elsewhere a lease ends first
async def test_another_attempt_begins_the_remote_run_anew(
    calling: Service, client: LangGraphClient
) -> None:
    async with get_client(url=calling.url) as here:
        thread = (await here.threads.create())["thread_id"]
        run = await here.runs.create(thread, "sync", input={"pause": 60})
        first = await at_work(client, thread)
        calling.kill()
        calling.start()
        values: Any = await here.runs.join(thread, run["run_id"])
        assert values["log"] == ["one", "two", "three"]
    (second,) = await client.runs.list(thread)
    assert second["run_id"] != first["run_id"]
    state: Any = await client.threads.get_state(thread)
    assert state["values"]["log"] == ["one", "two", "three"]
