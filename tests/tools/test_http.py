import asyncio
import gzip
import json
import logging
from typing import Any

import pytest
from langchain_core.tools import BaseTool
from tests.tools.loopback import Handler, Loopback, Received

from graphwright_tools.credentials import bearer
from graphwright_tools.http import http_tool
from graphwright_tools.outbound import Outbound


@pytest.fixture
def tool(loopback: Loopback) -> BaseTool:
    return http_tool(Outbound(hosts=[loopback.host]), methods=["get", "POST"], most_characters=30)


async def called(tool: BaseTool, **args: Any) -> Any:
    """The ToolMessage of a model's call."""
    return await tool.ainvoke({"name": tool.name, "args": args, "id": "1", "type": "tool_call"})


def test_tells_a_model_what_it_may_reach(tool: BaseTool, loopback: Loopback) -> None:
    assert tool.description == (
        f"Send an HTTP request. Hosts: 127.0.0.1:{loopback.port}. Methods: GET, POST."
    )
    assert set(tool.args) == {"url", "method", "headers", "body"}
    assert all(argument["description"] for argument in tool.args.values())


async def test_gives_status_type_and_text(tool: BaseTool, loopback: Loopback) -> None:
    loopback.answers("/a", {"ok": True})
    loopback.answers("/b", status=204)

    assert await tool.ainvoke({"url": f"{loopback.url}/a"}) == (
        '200 OK, application/json\n\n{"ok": true}'
    )
    assert (await tool.ainvoke({"url": f"{loopback.url}/b"})).startswith("204 No Content")


async def test_sends_headers_and_json(tool: BaseTool, loopback: Loopback) -> None:
    loopback.answers("/", "done")

    message = await called(
        tool, url=loopback.url, method="post", headers={"X-A": "b"}, body={"n": [1, None]}
    )

    assert (message.status, message.content) == ("success", "200 OK, text/plain\n\ndone")
    (request,) = loopback.received
    assert (request.method, request.json, request.headers["x-a"]) == ("POST", {"n": [1, None]}, "b")


def test_works_for_sync_callers(tool: BaseTool, loopback: Loopback) -> None:
    loopback.answers("/", "sync")

    assert tool.invoke({"url": loopback.url}).endswith("sync")


async def test_works_for_sync_callers_inside_of_a_loop(tool: BaseTool, loopback: Loopback) -> None:
    loopback.answers("/", "sync")

    assert tool.invoke({"url": loopback.url}).endswith("sync")


async def test_says_what_was_left_out(loopback: Loopback, tool: BaseTool) -> None:
    loopback.answers("/long", "x" * 50)
    loopback.answers("/image", b"\x89PNG", headers={"Content-Type": "image/png"})
    small = http_tool(Outbound(hosts=[loopback.host], most_bytes=40), most_characters=30)

    long = await tool.ainvoke({"url": f"{loopback.url}/long"})
    cut = await small.ainvoke({"url": f"{loopback.url}/long"})
    image = await tool.ainvoke({"url": f"{loopback.url}/image"})

    assert long.endswith(f"\n\n{'x' * 30}\n\n[Cut: these are the first 30 of 50 characters.]")
    assert cut.endswith("[Cut: these are the first 30 characters of more than 40.]")
    assert image == "200 OK, image/png\n\n[Not shown: 4 bytes that are no text.]"


async def test_a_failure_is_marked_as_one_and_says_what_to_do(
    tool: BaseTool, loopback: Loopback
) -> None:
    loopback.answers("/busy", {"error": "slow down"}, status=429, headers={"Retry-After": "30"})

    message = await called(tool, url=f"{loopback.url}/busy")

    assert message.status == "error"
    assert message.content == (
        '429 Too Many Requests, application/json\n\n{"error": "slow down"}\n\nThere were too many '
        "requests: wait before the next one. It says to try again after: 30 seconds."
    )


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"method": "DELETE"}, "The method DELETE is not allowed here. Allowed are: GET, POST."),
        ({"url": "http://evil.example/"}, "The host evil.example:80 is not allowed here."),
        ({"url": "orders"}, "The URL must begin with https:// or http://"),
        ({"headers": {"Host": "evil.example"}}, "The header Host can't be set here."),
        ({"body": {"x": float("nan")}}, "This can't be sent"),
    ],
)
async def test_says_what_is_not_allowed(
    args: dict[str, Any], said: str, tool: BaseTool, loopback: Loopback
) -> None:
    message = await called(tool, **{"url": loopback.url, **args})

    assert message.status == "error"
    assert said in message.content
    assert loopback.received == []


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("status", [200, 418])
async def test_an_echoed_secret_does_not_come_back(
    status: int,
    packed: bool,
    loopback: Loopback,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TEST_SECRET", 'a"secret/value')
    caplog.set_level(logging.DEBUG)

    def echo(handler: Handler, received: Received) -> None:
        body = json.dumps({"you sent": dict(received.headers)}).encode()
        packing = {"Content-Encoding": "gzip"} if packed else {}
        handler.reply(
            status,
            gzip.compress(body) if packed else body,
            {"Content-Type": "text/plain", **packing},
        )

    loopback.scripts["/"] = echo
    credentials = [bearer(loopback.host, "env:TEST_SECRET")]
    tool = http_tool(Outbound(hosts=[loopback.host], credentials=credentials))

    message = await called(tool, url=loopback.url)

    assert loopback.received[0].headers["authorization"] == 'Bearer a"secret/value'
    assert "Bearer [env:TEST_SECRET]" in message.content
    for shown in (message, tool, tool.args, caplog.text, capfd.readouterr()):
        assert "secret/value" not in str(shown)


async def test_half_of_a_secret_at_a_cut_does_not_come_back(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_SECRET", "abcdefghij")
    loopback.answers("/", f"token={'abcdefghij'}")
    credentials = [bearer(loopback.host, "env:TEST_SECRET")]
    outbound = Outbound(hosts=[loopback.host], credentials=credentials, most_bytes=11)

    said = await http_tool(outbound).ainvoke({"url": loopback.url})

    assert "token=" in said
    assert "abc" not in said


async def test_many_calls_at_once_do_not_disturb_each_other(loopback: Loopback) -> None:
    for number in range(20):
        loopback.answers(f"/{number}", f"<{number}>")
    tool = http_tool(Outbound(hosts=[loopback.host]))

    said = await asyncio.gather(
        *(tool.ainvoke({"url": f"{loopback.url}/{number}"}) for number in range(20))
    )

    assert [f"<{number}>" in text for number, text in enumerate(said)] == [True] * 20


@pytest.mark.parametrize(
    ("charset", "text"),
    [("latin-1", "ü"), ("punycode", "\ufffd"), ("hex", "\ufffd"), ("x", "\ufffd")],
)
async def test_reads_text_in_its_charset(charset: str, text: str, loopback: Loopback) -> None:
    headers = {"Content-Type": f"text/plain; charset={charset}"}
    loopback.answers("/", b"\xfc", headers=headers)

    said = await http_tool(Outbound(hosts=[loopback.host])).ainvoke({"url": loopback.url})

    assert said == f"200 OK, text/plain\n\n{text}"


def test_refuses_a_method_that_is_none() -> None:
    with pytest.raises(ValueError, match="'FETCH' is no HTTP method"):
        http_tool(Outbound(hosts=["*"]), methods=["fetch"])
