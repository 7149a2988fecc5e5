"""The MCP servers of `assistant.yaml`. Put your own beside the one that comes along.

One over HTTP: `McpServer(url="https://…/mcp", headers={"Authorization": "Bearer {env:TOKEN}"})`.
docs/tools.md has the rest. Install graphwright[mcp].
"""

import sys
from pathlib import Path

from graphwright_tools.mcp import McpServer, mcp_tools

tools = mcp_tools(
    {
        "units": McpServer(
            command=[sys.executable, str(Path(__file__).with_name("units_server.py"))], shared=True
        )
    }
)
