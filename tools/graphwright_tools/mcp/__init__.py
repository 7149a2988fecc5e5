"""Tools of MCP servers, by processes of one's own or over HTTP.

```python
from graphwright_tools.mcp import McpServer, mcp_tools

tools = mcp_tools(
    {
        "files": McpServer(command=["npx", "-y", "@modelcontextprotocol/server-filesystem", "."]),
        "github": McpServer(
            url="https://api.githubcopilot.com/mcp/",
            headers={"Authorization": "Bearer {run:__github_token}"},
        ),
    }
)
```

In a graph document a tool is named as `module:tools.github_search_issues`. A value in braces is
filled in when a session begins: `{env:NAME}` from the server's environment, and `{run:NAME}` from
the `configurable` of the run's config, so that each user comes with credentials of his own.
"""

from __future__ import annotations

from graphwright_tools.mcp.servers import McpServer
from graphwright_tools.mcp.tools import McpTools, mcp_tools

__all__ = ["McpServer", "McpTools", "mcp_tools"]
