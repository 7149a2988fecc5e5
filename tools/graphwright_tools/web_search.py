"""Search of the web, by SearXNG, Tavily or Brave.

The tool `web_search` takes the engine that the environment configures:

| variable | engine |
|---|---|
| `SEARXNG_URL` | one's own SearXNG, where it is |
| `SEARXNG_NETWORK` | its network, such as 10.0.0.0/8, if its address is private |
| `TAVILY_API_KEY` | Tavily |
| `BRAVE_SEARCH_API_KEY` | Brave |
| `WEB_SEARCH_ENGINE` | `searxng`, `tavily` or `brave`, where several are configured |
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from langchain_core.tools import BaseTool

from graphwright_tools.answers import Answer
from graphwright_tools.calls import tool_of
from graphwright_tools.credentials import bearer, header
from graphwright_tools.errors import Failed, Refused
from graphwright_tools.hosts import entries_for, entry_for
from graphwright_tools.outbound import Outbound
from graphwright_tools.services import Service, configured

LONGEST_QUERY: Final = 400  # characters; Brave takes no more
MOST_RESULTS: Final = 20  # of one search; Tavily and Brave give no more
LONGEST_SNIPPET: Final = 500  # characters
TIMEOUT: Final = 20.0  # seconds
TAG: Final = re.compile(r"</?[a-zA-Z][^<>]*>")


@dataclass(frozen=True, slots=True)
class Result:
    """A page that was found."""

    title: str
    url: str
    snippet: str


class SearchEngine(Protocol):
    """Finds pages of the web."""

    async def search(self, query: str, count: int) -> list[Result]:
        """The best pages for a query, best first, and at most `count`.

        Raises:
            ToolError: the engine did not answer, or could not search.
        """
        ...


class SearXNG:
    """One's own metasearch; its settings must allow `json` under `search.formats`.

    Args:
        url: Where it is.
        network: Its network, if its address is private, such as 10.0.0.0/8.
    """

    def __init__(self, url: str, *, network: str | None = None) -> None:
        self._url = f"{url.rstrip('/')}/search"
        self._outbound = Outbound(hosts=entries_for(url, network), timeout=TIMEOUT)

    async def search(self, query: str, count: int) -> list[Result]:
        """The best pages for a query."""
        params = [("q", query), ("format", "json")]
        answer = await self._outbound.send("GET", self._url, params=params)
        if answer.status == 403:
            raise Failed(
                "SearXNG refuses to answer in JSON. An operator must add json to search.formats "
                "in its settings.yml; don't try again."
            )
        parsed = answer.json_object()
        found = _results(answer, parsed.get("results"), "content")
        if not found and (silent := parsed.get("unresponsive_engines")):
            engines = ", ".join(str(each[0] if isinstance(each, list) else each) for each in silent)
            raise Failed(f"These engines did not answer SearXNG: {engines}. Try again later.")
        return found[:count]


class Tavily:
    """Tavily's search API."""

    def __init__(
        self, secret: str = "env:TAVILY_API_KEY", *, url: str = "https://api.tavily.com"
    ) -> None:
        host = entry_for(url)
        self._url = f"{url.rstrip('/')}/search"
        self._outbound = Outbound(
            hosts=entries_for(url), credentials=[bearer(host, secret)], timeout=TIMEOUT
        )

    async def search(self, query: str, count: int) -> list[Result]:
        """The best pages for a query."""
        body = {"query": query, "max_results": count, "search_depth": "basic"}
        answer = await self._outbound.send("POST", self._url, json=body)
        return _results(answer, answer.json_object().get("results"), "content")[:count]


class Brave:
    """Brave's search API."""

    def __init__(
        self, secret: str = "env:BRAVE_SEARCH_API_KEY", *, url: str = "https://api.search.brave.com"
    ) -> None:
        host = entry_for(url)
        self._url = f"{url.rstrip('/')}/res/v1/web/search"
        key = header(host, "X-Subscription-Token", secret)
        self._outbound = Outbound(hosts=entries_for(url), credentials=[key], timeout=TIMEOUT)

    async def search(self, query: str, count: int) -> list[Result]:
        """The best pages for a query."""
        params = [("q", query), ("count", str(count)), ("text_decorations", "false")]
        accept = {"Accept": "application/json"}
        answer = await self._outbound.send("GET", self._url, params=params, headers=accept)
        web = answer.json_object().get("web") or {}  # left out where nothing was found
        found = web.get("results") if isinstance(web, Mapping) else None
        return _results(answer, found if web else [], "description")[:count]


ENGINES: Final[Mapping[str, Service[SearchEngine]]] = {
    "searxng": Service(
        "SEARXNG_URL",
        lambda: SearXNG(
            os.environ["SEARXNG_URL"].strip(), network=os.environ.get("SEARXNG_NETWORK") or None
        ),
    ),
    "tavily": Service("TAVILY_API_KEY", Tavily),
    "brave": Service("BRAVE_SEARCH_API_KEY", Brave),
}


def web_search_tool(engine: SearchEngine | None = None, *, name: str = "web_search") -> BaseTool:
    """A tool that searches the web.

    Args:
        engine: Without, the one that the environment configures when the tool is called.
        name: Of the tool; two with other engines need two names.
    """

    async def find(query: str, count: int = 5) -> str:
        """Search the web. It gives the title, address and a snippet of each page.

        Args:
            query: What to look for, in a few words.
            count: How many pages to give, 20 at most.
        """
        wanted = " ".join(query.split())
        if not 0 < len(wanted) <= LONGEST_QUERY:
            raise Refused(
                f"The query must have 1 to {LONGEST_QUERY} characters, not {len(wanted)}."
            )
        chosen = engine or configured(ENGINES, "WEB_SEARCH_ENGINE")
        found = await chosen.search(wanted, min(max(count, 1), MOST_RESULTS))
        if not found:
            return f"Nothing was found for {wanted!r}. Try other words."
        return "\n\n".join(_shown(number, each) for number, each in enumerate(found, start=1))

    return tool_of(find, name=name)


def _results(answer: Answer, found: Any, snippet: str) -> list[Result]:
    if not isinstance(found, list):
        raise answer.unknown()
    return list(_read(found, snippet))


def _read(found: Iterable[Any], snippet: str) -> Iterable[Result]:
    seen: set[str] = set()
    for each in found:
        url = str(each.get("url") or "") if isinstance(each, Mapping) else ""
        if url.startswith(("http://", "https://")) and url not in seen:
            seen.add(url)
            text = _plain(each.get(snippet))[:LONGEST_SNIPPET]
            yield Result(_plain(each.get("title")) or url, url, text)


def _plain(marked: Any) -> str:
    """Text without tags, entities and line breaks."""
    text = html.unescape(TAG.sub("", marked)) if isinstance(marked, str) else ""
    return " ".join(text.split())


def _shown(number: int, result: Result) -> str:
    lines = (f"{number}. {result.title}", result.url, result.snippet)
    return "\n   ".join(line for line in lines if line)


web_search: Final = web_search_tool()
"""Takes a query and gives pages of the web; needs an engine in the environment."""
