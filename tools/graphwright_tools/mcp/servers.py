"""Which MCP servers there are, and as whom they are asked."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from graphwright_tools.errors import NotConfigured
from graphwright_tools.secrets import Secret

PLACE: Final = re.compile(r"\{(env|run):([\w.]+)\}")
SHORTEST: Final = 4  # characters of a value that is taken out of what a server says
NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class McpServer:
    """A server, by its command (stdio) or its URL (streamable HTTP).

    Args:
        command: A program and its arguments.
        url: Where it is.
        env: What the program finds in its environment, besides PATH, HOME and the like.
        headers: What each request to the URL has.
        tools: The names of those that are offered; all of them without.
        timeout: Seconds for one call.
        start_timeout: Seconds for the server to begin a session.
        shared: Whether runs of different threads use one session. Only for a server that keeps
            nothing between calls; runs with different credentials never share one.
        cwd: The program's folder.

    In `env` and `headers`, `{env:NAME}` stands for a variable of the environment, and `{run:NAME}`
    for a value of the run's `configurable`: `{run:__github_token}`, or, of what an authentication
    handler gave, `{run:langgraph_auth_user.github_token}`.

    Raises:
        ValueError: there is no command and no URL, or both; or a name would end in checkpoints.
    """

    command: Sequence[str] = ()
    url: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    tools: Collection[str] | None = None
    timeout: float = 60.0
    start_timeout: float = 30.0
    shared: bool = False
    cwd: str | None = None

    def __post_init__(self) -> None:
        if bool(self.command) == bool(self.url):
            raise ValueError("An MCP server has a command, or else a URL.")
        for value in self._values().values():
            for kind, name in PLACE.findall(value):
                if kind == "run" and not name.startswith("__") and "." not in name:
                    raise ValueError(
                        f"{{run:{name}}} would be kept with every checkpoint, as the plain values "
                        f"of a run's configurable are. Name it {{run:__{name}}}."
                    )

    def access(self, configurable: Mapping[str, Any]) -> Access:
        """How it is reached by a run.

        Raises:
            NotConfigured: a value is not there.
        """
        filled: list[str] = []

        def fill(match: re.Match[str]) -> str:
            filled.append(_value(match[1], match[2], configurable))
            return filled[-1]

        values = {name: PLACE.sub(fill, value) for name, value in self._values().items()}
        return Access(self, values, tuple(filled))

    def open_access(self) -> Access:
        """How it is reached without a run: without what only a run has."""
        own = {n: v for n, v in self._values().items() if "{run:" not in v}
        filled = {n: PLACE.sub(lambda m: _value(m[1], m[2], {}), v) for n, v in own.items()}
        return Access(self, filled, tuple(filled.values()))

    def _values(self) -> Mapping[str, str]:
        return self.env if self.command else self.headers


@dataclass(frozen=True, slots=True)
class Access:
    """A server with the values that one run has for it. It is kept nowhere.

    Args:
        server: The server.
        values: Its environment or headers, filled in.
        secrets: What was filled in.
    """

    server: McpServer
    values: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    def connection(self) -> dict[str, Any]:
        """What langchain-mcp-adapters connects by."""
        server = self.server
        if server.url:
            http = {"transport": "streamable_http", "url": server.url, "headers": dict(self.values)}
            return {**http, "timeout": server.start_timeout, "sse_read_timeout": server.timeout}
        program, *arguments = server.command
        process = {"transport": "stdio", "command": program, "args": arguments, "cwd": server.cwd}
        return {**process, "env": dict(self.values)}

    def without_secrets(self, text: str) -> str:
        """A text of the server's without what was filled in."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            if len(secret) >= SHORTEST:
                text = text.replace(secret, "[secret]")
        return text


def _value(kind: str, name: str, configurable: Mapping[str, Any]) -> str:
    if kind == "env":
        return Secret(f"env:{name}").reveal()
    found: Any = configurable
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else getattr(found, part, None)
    if not isinstance(found, str) or not found.isprintable() or not found:
        raise NotConfigured(
            f"This run has no {name} in its configurable, so the server can't know who asks. The "
            "caller must send it with the run; don't try again."
        )
    return found
