"""An MCP server for tests: `mcp_server.py` over stdio, `mcp_server.py PORT` over HTTP."""

import asyncio
import os
import sys

import mcp.types as types
from mcp.server.fastmcp import Context, FastMCP

server = FastMCP("test", host="127.0.0.1", port=int(sys.argv[1]) if sys.argv[1:] else 8000)
calls = 0


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def fail(config: str) -> str:
    """Fail."""
    raise ValueError(f"no such thing: {config}")


@server.tool()
def die() -> str:
    """End without an answer."""
    os._exit(3)


@server.tool()
async def slow() -> str:
    """Answer after an hour."""
    await asyncio.sleep(3600)
    return "late"


@server.tool()
def process() -> str:
    """Tell the process, and how often it was asked."""
    global calls
    calls += 1
    return f"{os.getpid()} {calls}"


@server.tool()
def who(context: Context) -> str:  # type: ignore[type-arg]
    """Tell who asks."""
    request = context.request_context.request
    if request is None:
        return os.environ.get("WHO", "nobody")
    return str(request.headers.get("x-who", "nobody"))


@server.tool()
def much() -> str:
    """Say much."""
    return "x" * 30_000


@server.tool()
def sound() -> types.AudioContent:
    """Make a sound."""
    return types.AudioContent(type="audio", data="AAAA", mimeType="audio/wav")


if __name__ == "__main__":
    server.run("streamable-http" if sys.argv[1:] else "stdio")
