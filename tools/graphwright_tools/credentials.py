"""How a request says who sends it: which host gets which secret, and in which place.

```python
Outbound(
    hosts=["api.example.com"],
    credentials=[bearer("api.example.com", "env:EXAMPLE_TOKEN")],
)
```

The secret is put into a request when it leaves for that host, and for no other: a redirect
elsewhere goes without it.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from graphwright_tools.errors import NotConfigured
from graphwright_tools.hosts import Host, host_and_port
from graphwright_tools.secrets import Secret

Place = Literal["header", "query", "cookie", "json", "basic"]


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret for a host; the functions of this module make the usual kinds.

    Args:
        host: As on an allow-list, without a network.
        secret: Its name, such as `env:EXAMPLE_TOKEN`.
        place: Where in a request it goes; `basic` takes a secret of the form `user:password`.
        name: Of the header, query parameter, cookie or field of the JSON body.
        prefix: What a header has before the secret.

    Raises:
        ValueError: the host is none, or every host.
    """

    host: str
    secret: Secret
    place: Place
    name: str = ""
    prefix: str = ""

    def __post_init__(self) -> None:
        if Host.parse(self.host).pattern == "*":
            raise ValueError("A secret is for a host: name the one that gets it instead of *.")

    def is_for(self, url: httpx.URL) -> bool:
        """Whether a request to that URL gets the secret."""
        return Host.parse(self.host).matches(*host_and_port(url))

    def added(self, request: httpx.Request) -> httpx.Request:
        """A copy of the request that has the secret.

        Raises:
            NotConfigured: the secret is not set, or can't stand in a request.
        """
        value = self._value()
        url, headers, content = request.url, request.headers.copy(), request.content
        match self.place:
            case "header":
                headers[self.name] = self.prefix + value
            case "basic":
                headers["Authorization"] = f"Basic {base64.b64encode(value.encode()).decode()}"
            case "cookie":
                others = headers.get("Cookie")
                headers["Cookie"] = (
                    f"{others}; {self.name}={value}" if others else f"{self.name}={value}"
                )
            case "query":
                url = url.copy_set_param(self.name, value)
            case "json":
                content = json.dumps({**_object(content), self.name: value}).encode()
                headers["Content-Length"] = str(len(content))
        return httpx.Request(
            request.method, url, headers=headers, content=content, extensions=request.extensions
        )

    def _value(self) -> str:
        value = self.secret.reveal()
        # A header takes no other; the error of the HTTP library would show the value.
        if not (value.isascii() and value.isprintable()):
            raise NotConfigured(
                f"The secret {self.secret.name} holds characters that can't stand in a request. "
                "An operator must correct it; don't try again."
            )
        return value


def bearer(host: str, secret: str) -> Credential:
    """`Authorization: Bearer …`, the way of OAuth and of most services."""
    return Credential(host, Secret(secret), "header", "Authorization", "Bearer ")


def basic(host: str, secret: str) -> Credential:
    """`Authorization: Basic …`; the secret is `user:password`."""
    return Credential(host, Secret(secret), "basic")


def header(host: str, name: str, secret: str, *, prefix: str = "") -> Credential:
    """A header of the service's own, such as `X-API-Key`."""
    return Credential(host, Secret(secret), "header", name, prefix)


def query(host: str, name: str, secret: str) -> Credential:
    """A parameter in the URL. Services log URLs: take another way where there is one."""
    return Credential(host, Secret(secret), "query", name)


def _object(content: bytes) -> dict[str, Any]:
    parsed = json.loads(content or b"{}")
    return parsed if isinstance(parsed, dict) else {}
