"""Tools of real MCP servers, over stdio and HTTP."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from tests.ports import free_port

from graphwright_tools.errors import NotConfigured, ToolError
from graphwright_tools.mcp import McpServer, McpTools, mcp_tools

SCRIPT = str(Path(__file__).with_name("mcp_server.py"))
STDIO = McpServer(command=[sys.executable, SCRIPT], timeout=60, start_timeout=60)
ALL = ["add", "fail", "die", "slow", "process", "who", "much", "sound"]


@contextmanager
def http_server(port: int, log: Path) -> Iterator[str]:
    """The URL of a server in a process of its own."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, SCRIPT, str(port)], stdout=output, stderr=output
        )
    deadline = time.monotonic() + 60
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < deadline, "the MCP server did not start"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def http_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with http_server(free_port(), tmp_path_factory.mktemp("mcp") / "log") as url:
        yield url


@pytest.fixture
async def tools(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[McpTools]:
    """The tools of the server over stdio, by the name of `one`."""
    monkeypatch.setenv("TEST_WHO", "Eve")
    made = mcp_tools({"one": replace(STDIO, env={"WHO": "<{env:TEST_WHO}>"})})
    await made.load()
    yield made
    await made.close()


async def asked(tool: BaseTool, given: Any = None, /, **arguments: Any) -> ToolMessage:
    call = {"name": tool.name, "args": arguments, "id": "1", "type": "tool_call"}
    message = await tool.ainvoke(call, {"configurable": given or {}})
    assert isinstance(message, ToolMessage)
    return message


def is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    return True


async def until_gone(process: str) -> None:
    async with asyncio.timeout(30):
        while is_alive(process):
            await asyncio.sleep(0.02)


async def test_calls_tools_over_stdio(tools: McpTools) -> None:
    assert [tool.name for tool in await tools.load()] == [f"one_{name}" for name in ALL]
    assert tools.one_add.description == "Add two numbers."
    assert set(tools.one_add.args) == {"a", "b"}
    assert (await asked(tools.one_add, a=1, b=2)).text == "3"
    with pytest.raises(AttributeError, match="has a tool one_ad; there is one_add"):
        _ = tools.one_ad

    failed = await asked(tools.one_fail, config="x")
    assert failed.status == "error"
    assert "no such thing: x" in failed.text
    much = (await asked(tools.one_much)).text
    assert much.endswith("[Cut: these are the first 20000 of 30000 characters.]")
    assert (await asked(tools.one_sound)).text == "[Not shown: audio/wav, which is sound.]"
    assert (await asked(tools.one_who)).text == "<Eve>"


async def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain_mcp_adapters.tools", None)
    with pytest.raises(ImportError, match=r"pip install 'graphwright\[mcp\]'"):
        await mcp_tools({"test": STDIO}).load()


async def test_a_session_is_kept_for_the_calls_of_one_thread(tools: McpTools) -> None:
    first = await asked(tools.one_process, {"thread_id": "a"})
    second = await asked(tools.one_process, {"thread_id": "a"})
    other = await asked(tools.one_process, {"thread_id": "b"})

    process, _ = first.text.split()
    assert second.text == f"{process} 2"
    assert other.text.endswith(" 1") and not other.text.startswith(process)
    await tools.close()
    assert not is_alive(process)


async def test_a_server_that_dies_is_started_anew(tools: McpTools) -> None:
    before = (await asked(tools.one_process)).text.split()[0]

    died = await asked(tools.one_die)
    again = await asked(tools.one_process)

    assert died.status == "error"
    assert "The MCP server one ended" in died.text
    assert again.status == "success"
    assert again.text.split()[0] != before


async def test_a_late_answer_is_given_up_and_its_process_ends() -> None:
    tools = mcp_tools({"one": replace(STDIO, timeout=3)})
    await tools.load()
    process = (await asked(tools.one_process)).text.split()[0]

    late = await asked(tools.one_slow)

    assert late.status == "error"
    assert "did not answer in 3 s" in late.text
    await until_gone(process)


async def test_a_cancelled_call_ends_its_process_but_not_the_calls_beside_it(
    tools: McpTools,
) -> None:
    process = (await asked(tools.one_process)).text.split()[0]
    call = asyncio.create_task(asked(tools.one_slow))
    await asyncio.sleep(0)
    beside = asyncio.create_task(asked(tools.one_add, a=1, b=1))
    await asyncio.sleep(0)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert (await beside).text == "2"
    assert (await asked(tools.one_add, a=1, b=2)).text == "3"
    await until_gone(process)


async def test_an_idle_session_ends() -> None:
    tools = mcp_tools({"one": STDIO}, idle=0.05)
    await tools.load()

    process = (await asked(tools.one_process)).text.split()[0]

    await until_gone(process)


def test_sync_callers_leave_no_process_behind() -> None:
    tools = mcp_tools({"one": replace(STDIO, tools=["process", "add"])})

    assert [tool.name for tool in tools] == ["one_add", "one_process"]
    call = {"name": "one_process", "args": {}, "id": "1", "type": "tool_call"}
    process = tools.one_process.invoke(call).text.split()[0]
    assert not is_alive(process)


async def test_each_run_has_its_own_credentials(http_url: str) -> None:
    tools = mcp_tools({"web": McpServer(url=http_url, headers={"X-Who": "{run:__token}"})})
    await tools.load()

    ada, bob = await asyncio.gather(
        asked(tools.web_who, {"__token": "token of Ada"}),
        asked(tools.web_who, {"__token": "token of Bob"}),
    )
    nobody = await asked(tools.web_who)

    # What the server says is without the token, too.
    assert (ada.text, bob.text) == ("[secret]", "[secret]")
    assert nobody.status == "error"
    assert "no __token in its configurable" in nobody.text
    await tools.close()


async def test_in_a_graph_a_users_credentials_are_in_no_checkpoint(http_url: str) -> None:
    who = {"web": McpServer(url=http_url, headers={"X-Who": "Ada {run:__token}"}, tools=["who"])}
    tools, saver = mcp_tools(who), InMemorySaver()
    builder = StateGraph(MessagesState)
    builder.add_node("tools", ToolNode(await tools.load()))
    builder.add_edge(START, "tools")
    graph = builder.compile(checkpointer=saver)
    calls = [{"name": "web_who", "args": {}, "id": "1", "type": "tool_call"}]
    config: Any = {"configurable": {"thread_id": "1", "__token": "sesame"}}

    state = await graph.ainvoke({"messages": [AIMessage("", tool_calls=calls)]}, config)
    await tools.close()

    assert state["messages"][-1].text == "Ada [secret]"
    kept = repr([dict(saver.storage), dict(saver.blobs), dict(saver.writes)])
    assert "web_who" in kept
    assert "sesame" not in kept


async def test_a_session_that_the_server_forgot_is_begun_anew(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    with http_server(port, log) as url:
        tools = mcp_tools({"web": McpServer(url=url)})
        await tools.load()
    with http_server(port, log):
        forgotten = await asked(tools.web_add, a=1, b=2)
        again = await asked(tools.web_add, a=1, b=2)
        await tools.close()

    assert "The next call begins a new session" in forgotten.text
    assert again.text == "3"


async def test_http_headers_come_from_the_environment_and_the_user(
    http_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHO", "Eve")
    user = SimpleNamespace(identity="u", who="Ada")
    tools = mcp_tools(
        {
            "a": McpServer(url=http_url, headers={"X-Who": "{env:WHO}"}, tools=["who"]),
            "b": McpServer(
                url=http_url,
                headers={"X-Who": "{run:langgraph_auth_user.who}"},
                tools=["who", "process"],
            ),
        }
    )
    await tools.load()

    assert (await asked(tools.a_who)).text == "Eve"  # shorter than what is taken out
    assert (await asked(tools.b_who, {"langgraph_auth_user": user})).text == "Ada"
    first = await asked(tools.b_process, {"langgraph_auth_user": user})
    assert first.status == "success"
    await tools.close()


async def test_a_server_that_is_not_there_is_said() -> None:
    missing = McpServer(url=f"http://127.0.0.1:{free_port()}/mcp", start_timeout=20)
    with pytest.raises(ToolError, match="MCP server web can't be reached"):
        await mcp_tools({"web": missing}).load()
    with pytest.raises(ToolError, match="MCP server one can't be reached or started"):
        await mcp_tools({"one": McpServer(command=["/nowhere/program"])}).load()
    silent = McpServer(
        command=[sys.executable, "-c", "import sys; sys.stdin.read()"], start_timeout=0.2
    )
    with pytest.raises(ToolError, match=r"did not begin a session in 0\.2 s"):
        await mcp_tools({"one": silent}).load()


async def test_a_tool_that_was_chosen_must_be_there(http_url: str) -> None:
    tools = mcp_tools({"web": McpServer(url=http_url, tools=["add", "subtract"])})
    with pytest.raises(NotConfigured, match="has no tool subtract; it has add, fail"):
        await tools.load()
    await tools.close()


def test_a_configuration_that_can_not_work_is_refused() -> None:
    with pytest.raises(ValueError, match="a command, or else a URL"):
        McpServer()
    with pytest.raises(ValueError, match=r"Name it \{run:__token\}"):
        McpServer(url="http://x", headers={"Authorization": "Bearer {run:token}"})
