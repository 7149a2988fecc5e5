import asyncio
import threading
from typing import Any

import pytest
from langchain_core.tools import BaseTool
from tests.tools.loopback import Handler, Loopback, Received

from graphwright_tools.web_search import (
    Brave,
    Result,
    SearXNG,
    Tavily,
    web_search,
    web_search_tool,
)

KEY = "tvly-hidden/1"
VARIABLES = [
    *("SEARXNG_URL", "SEARXNG_NETWORK", "TAVILY_API_KEY", "BRAVE_SEARCH_API_KEY"),
    "WEB_SEARCH_ENGINE",
]
FOUND = [
    Result("LangGraph & friends", "https://langchain.example/langgraph", "Build agents."),
    Result("https://bare.example/", "https://bare.example/", ""),
]

SEARXNG_ANSWER = {
    "query": "langgraph",
    "number_of_results": 0,
    "results": [
        {
            "url": "https://langchain.example/langgraph",
            "title": "LangGraph & friends",
            "content": "Build\nagents.",
            "engine": "duckduckgo",
            "engines": ["duckduckgo"],
            "positions": [1],
            "score": 1.0,
            "category": "general",
            "publishedDate": None,
        },
        {"url": "https://langchain.example/langgraph", "title": "again", "content": ""},
        {"url": "https://bare.example/", "title": "", "content": None},
        {"url": "javascript:alert(1)", "title": "no page", "content": ""},
    ],
    "answers": [],
    "corrections": [],
    "infoboxes": [],
    "suggestions": ["langgraph python"],
    "unresponsive_engines": [["brave", "too many requests"]],
}
TAVILY_ANSWER = {
    "query": "langgraph",
    "answer": None,
    "images": [],
    "results": [
        {
            "title": "LangGraph & friends",
            "url": "https://langchain.example/langgraph",
            "content": "Build agents.",
            "score": 0.81025416,
            "raw_content": None,
        },
        {"title": "", "url": "https://bare.example/", "content": "", "score": 0.1},
    ],
    "response_time": 1.67,
    "request_id": "123e4567-e89b-12d3-a456-426614174111",
}
BRAVE_ANSWER = {
    "type": "search",
    "query": {"original": "langgraph", "more_results_available": True},
    "web": {
        "type": "search",
        "results": [
            {
                "type": "search_result",
                "title": "LangGraph &amp; friends",
                "url": "https://langchain.example/langgraph",
                "description": "Build <strong>agents</strong>.",
                "extra_snippets": ["more"],
            },
            {"title": "", "url": "https://bare.example/", "description": ""},
        ],
    },
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAVILY_API_KEY", KEY)
    monkeypatch.setenv("BRAVE_SEARCH_API_KEY", KEY)


async def called(tool: BaseTool, **args: Any) -> Any:
    return await tool.ainvoke({"name": tool.name, "args": args, "id": "1", "type": "tool_call"})


async def test_searxng(loopback: Loopback) -> None:
    loopback.answers("/sub/search", SEARXNG_ANSWER)

    assert await SearXNG(f"{loopback.url}/sub/").search("langgraph", 5) == FOUND
    assert loopback.received[0].query == [("q", "langgraph"), ("format", "json")]


async def test_tavily(loopback: Loopback, keys: None) -> None:
    loopback.answers("/search", TAVILY_ANSWER)

    assert await Tavily(url=loopback.url).search("langgraph", 5) == FOUND
    (request,) = loopback.received
    assert request.json == {"query": "langgraph", "max_results": 5, "search_depth": "basic"}
    assert (request.method, request.headers["authorization"]) == ("POST", f"Bearer {KEY}")


async def test_brave(loopback: Loopback, keys: None) -> None:
    loopback.answers("/res/v1/web/search", BRAVE_ANSWER)

    assert await Brave(url=loopback.url).search("langgraph", 1) == FOUND[:1]
    (request,) = loopback.received
    assert request.query == [("q", "langgraph"), ("count", "1"), ("text_decorations", "false")]
    assert request.headers["x-subscription-token"] == KEY


async def test_gives_numbered_pages_to_a_model(loopback: Loopback) -> None:
    loopback.answers("/search", SEARXNG_ANSWER)

    message = await called(web_search_tool(SearXNG(loopback.url)), query=" langgraph\n", count=500)

    assert (message.status, message.content) == (
        "success",
        "1. LangGraph & friends\n   https://langchain.example/langgraph\n   Build agents.\n\n"
        "2. https://bare.example/\n   https://bare.example/",
    )


async def test_says_that_nothing_was_found(loopback: Loopback, keys: None) -> None:
    loopback.answers("/search", {"results": []})
    loopback.answers("/res/v1/web/search", {"type": "search", "query": {"original": "x"}})

    for engine in (SearXNG(loopback.url), Brave(url=loopback.url)):
        said = await web_search_tool(engine).ainvoke({"query": "x"})
        assert said == "Nothing was found for 'x'. Try other words."


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, "<h1>Forbidden</h1>", "must add json to search.formats in its settings.yml"),
        (429, "Too Many Requests", "answered 429 Too Many Requests: Too Many Requests. There were"),
        (200, "<html>a page</html>", "answered no JSON, but: <html>a page</html>"),
        (200, {"results": "?"}, "answered in a form that is not known here"),
        (200, [], "answered in a form that is not known here"),
        (
            200,
            {"results": [], "unresponsive_engines": [["google", "timeout"], ["bing", "CAPTCHA"]]},
            "These engines did not answer SearXNG: google, bing.",
        ),
    ],
)
async def test_says_what_is_wrong_with_searxng(
    status: int, body: Any, said: str, loopback: Loopback
) -> None:
    loopback.answers("/search", body, status=status)

    message = await called(web_search_tool(SearXNG(loopback.url)), query="x")

    assert message.status == "error"
    assert said in message.content


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "The credentials are missing or wrong: an operator must act"),
        (429, "It says to try again after: 30 seconds."),
        (432, "The quota is used up"),
    ],
)
@pytest.mark.parametrize("engine", [Tavily, Brave])
async def test_a_failure_is_told_without_the_key(
    engine: Any, status: int, said: str, loopback: Loopback, keys: None
) -> None:
    def failing(handler: Handler, received: Received) -> None:
        body = f'{{"detail": {{"error": "no: {KEY} {dict(received.headers)}"}}}}'.encode()
        handler.reply(status, body, {"Content-Type": "application/json", "Retry-After": "30"})

    loopback.scripts["/search"] = loopback.scripts["/res/v1/web/search"] = failing

    message = await called(web_search_tool(engine(url=loopback.url)), query="x")

    assert message.status == "error"
    assert said in message.content
    assert "no: [env:" in message.content
    assert KEY not in str(message)


async def test_the_environment_chooses_the_engine(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    loopback.answers("/search", SEARXNG_ANSWER)
    unset = await called(web_search, query="x")
    assert unset.status == "error"
    assert "one of SEARXNG_URL, TAVILY_API_KEY, BRAVE_SEARCH_API_KEY" in unset.content

    monkeypatch.setenv("SEARXNG_URL", f"http://localhost:{loopback.port}")
    assert "LangGraph & friends" in (await called(web_search, query="x")).content

    monkeypatch.setenv("WEB_SEARCH_ENGINE", "tavily")
    assert "must set one of TAVILY_API_KEY" in (await called(web_search, query="x")).content

    monkeypatch.setenv("WEB_SEARCH_ENGINE", "google")
    said = (await called(web_search, query="x")).content
    assert "WEB_SEARCH_ENGINE is 'google', but there is searxng, tavily, brave" in said

    monkeypatch.setenv("WEB_SEARCH_ENGINE", "searxng")
    monkeypatch.setenv("SEARXNG_URL", "searxng:8080")
    assert "SEARXNG_URL is wrong" in (await called(web_search, query="x")).content


@pytest.mark.parametrize("query", ["", " \n", "x" * 401])
async def test_refuses_a_query_that_is_empty_or_too_long(query: str) -> None:
    assert "must have 1 to 400 characters" in (await called(web_search, query=query)).content


async def test_cancelling_ends_the_search(loopback: Loopback) -> None:
    arrived, gone = threading.Event(), threading.Event()

    def waiting(handler: Handler, _: Received) -> None:
        arrived.set()
        handler.connection.settimeout(20)
        if handler.rfile.read(1) == b"":
            gone.set()
        handler.close_connection = True

    loopback.scripts["/search"] = waiting
    tool = web_search_tool(SearXNG(loopback.url))
    call = asyncio.create_task(tool.ainvoke({"query": "x"}))
    assert await asyncio.to_thread(arrived.wait, 20)

    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call
    assert await asyncio.to_thread(gone.wait, 20)
