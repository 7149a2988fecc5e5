"""The tools of MCP servers as LangChain's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from langchain_core.runnables import ensure_config
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import Field

from graphwright_tools.calls import waited
from graphwright_tools.errors import Failed, NotConfigured
from graphwright_tools.mcp.servers import Access, McpServer
from graphwright_tools.mcp.sessions import IDLE, Sessions

if TYPE_CHECKING:
    from langchain_mcp_adapters.interceptors import MCPToolCallRequest
    from mcp.types import CallToolResult, ContentBlock

LONGEST: Final = 20_000  # characters of an answer's text
LARGEST: Final = 5_000_000  # characters of an image or file in base64


def mcp_tools(servers: Mapping[str, McpServer], *, idle: float = IDLE) -> McpTools:
    """The tools of MCP servers, each named by its server: `github_search_issues`.

    Args:
        servers: By the names that begin those of their tools.
        idle: Seconds without a call after which a session ends, and its process.
    """
    return McpTools(servers, Sessions(idle))


class McpTool(BaseTool):
    """A tool of an MCP server, for sync callers too.

    A `StructuredTool` would take an argument of the name `config` for its own.
    """

    call: Callable[..., Awaitable[Any]] = Field(exclude=True, repr=False)

    def _run(self, /, **arguments: Any) -> Any:
        return waited(self._arun(**arguments))

    async def _arun(self, /, **arguments: Any) -> Any:
        try:
            return await self.call(**arguments)
        except (NotImplementedError, ValueError) as error:
            raise Failed(f"{self.name} answered what can't be shown: {error}") from None


class McpTools:
    """The tools of several servers, read from these when they are first asked for.

    A tool is an attribute of this object, by its name; `tools.all()` has them all.
    """

    def __init__(self, servers: Mapping[str, McpServer], sessions: Sessions) -> None:
        self._servers = dict(servers)
        self._sessions = sessions
        self._tools: dict[str, BaseTool] | None = None

    def all(self) -> list[BaseTool]:
        """Every tool on offer; waits for the servers.

        Raises:
            ToolError: a server can't be reached, or has no tool of a name that was chosen.
        """
        return list(self._known().values())

    async def load(self) -> list[BaseTool]:
        """Every tool on offer, for a caller that has an event loop."""
        if self._tools is None:
            loaded = await asyncio.gather(*(self._load(name) for name in self._servers))
            self._tools = {tool.name: tool for tools in loaded for tool in tools}
        return list(self._tools.values())

    async def close(self) -> None:
        """End the sessions of this event loop; the next call begins new ones."""
        await self._sessions.close()

    def __iter__(self) -> Iterator[BaseTool]:
        return iter(self.all())

    def __getattr__(self, name: str) -> BaseTool:
        if name.startswith("_"):
            raise AttributeError(name)
        known = self._known()
        if name in known:
            return known[name]
        near = get_close_matches(name, known, n=3) or sorted(known)
        raise AttributeError(f"no MCP server has a tool {name}; there is {', '.join(near)}")

    def _known(self) -> dict[str, BaseTool]:
        if self._tools is None:
            waited(self._listed_once())
        return self._tools or {}

    async def _listed_once(self) -> None:
        try:
            await self.load()
        finally:
            await self.close()

    async def _load(self, name: str) -> list[BaseTool]:
        # Imported here: the package takes a while, and not every graph has such tools.
        try:
            from langchain_mcp_adapters.tools import load_mcp_tools  # noqa: PLC0415
        except ImportError as error:
            raise ImportError(
                "MCP needs packages that are not installed: pip install 'graphwright[mcp]'"
            ) from error

        server = self._servers[name]
        calls = _Calls(name, server, self._sessions)
        access = server.open_access()
        async with self._sessions.used(name, access, None) as session:
            async with asyncio.timeout(server.start_timeout):
                found = await load_mcp_tools(session, tool_interceptors=[calls.intercept])
        return [_tool(name, tool) for tool in _chosen(name, server, found)]


class _Calls:
    """The calls of one server's tools."""

    def __init__(self, name: str, server: McpServer, sessions: Sessions) -> None:
        self._name = name
        self._server = server
        self._sessions = sessions

    async def intercept(
        self, request: MCPToolCallRequest, handler: Callable[..., Any]
    ) -> CallToolResult:
        """Call a tool in a session of the run's, in place of the one that listed the tools."""
        configurable = ensure_config().get("configurable") or {}
        access = self._server.access(configurable)
        async with self._sessions.used(self._name, access, self._owner(configurable)) as session:
            async with asyncio.timeout(self._server.timeout):
                result = await session.call_tool(request.name, request.args)
        return _bounded(result, access)

    def _owner(self, configurable: Mapping[str, Any]) -> Hashable:
        return None if self._server.shared else configurable.get("thread_id")


def _chosen(name: str, server: McpServer, found: Sequence[BaseTool]) -> list[BaseTool]:
    if server.tools is None:
        return list(found)
    if missing := set(server.tools) - {tool.name for tool in found}:
        known = ", ".join(tool.name for tool in found)
        raise NotConfigured(
            f"The MCP server {name} has no tool {', '.join(sorted(missing))}; it has {known}."
        )
    return [tool for tool in found if tool.name in server.tools]


def _tool(server: str, tool: BaseTool) -> McpTool:
    """A tool with its server's name before its own."""
    assert isinstance(tool, StructuredTool) and tool.coroutine is not None
    return McpTool(
        name=f"{server}_{tool.name}",
        description=tool.description,
        args_schema=tool.args_schema,
        metadata=tool.metadata,
        response_format="content_and_artifact",
        handle_tool_error=True,
        call=tool.coroutine,
    )


def _bounded(result: CallToolResult, access: Access) -> CallToolResult:
    """An answer without secrets, and without what is too large."""
    content = [_bounded_block(block, access) for block in result.content]
    return result.model_copy(update={"content": content, "structuredContent": None})


def _bounded_block(block: ContentBlock, access: Access) -> ContentBlock:
    from mcp.types import AudioContent, ImageContent, TextContent  # noqa: PLC0415

    if isinstance(block, TextContent):
        text = access.without_secrets(block.text)
        if len(text) > LONGEST:
            text = (
                f"{text[:LONGEST]}\n[Cut: these are the first {LONGEST} of {len(text)} characters.]"
            )
        return block.model_copy(update={"text": text})
    if isinstance(block, ImageContent) and len(block.data) > LARGEST:
        return TextContent(type="text", text=f"[Not shown: a {block.mimeType} that is too large.]")
    if isinstance(block, AudioContent):
        return TextContent(type="text", text=f"[Not shown: {block.mimeType}, which is sound.]")
    return block
