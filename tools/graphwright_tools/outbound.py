"""The one way out: every request that a tool makes on a model's behalf.

```python
outbound = Outbound(
    hosts=["api.example.com", "wiki.internal=10.0.0.0/8"],
    credentials=[bearer("api.example.com", "env:EXAMPLE_TOKEN")],
)
answer = await outbound.send("GET", "https://api.example.com/orders")
```

A request goes to a host of the allow-list only, at an address that was checked (see `hosts`), in
a given time, and its answer is read up to a given size.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from graphwright_tools.answers import Answer
from graphwright_tools.credentials import Credential
from graphwright_tools.errors import Refused, TimedOut, ToolError, Unreachable
from graphwright_tools.hosts import AllowList
from graphwright_tools.secrets import Redaction, Secret
from graphwright_tools.transport import GuardedTransport, Resolve, resolve

MOST_REDIRECTS: Final = 5
TIMEOUT: Final = 30.0  # seconds, for a whole call
CONNECT_TIMEOUT: Final = 10.0  # seconds, for each address of a host
# They say where a message ends or which host is meant: what was checked must be what is sent.
RESERVED: Final = frozenset(
    {
        *("accept-encoding", "connection", "content-length", "expect", "host", "keep-alive"),
        *("proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding"),
        "upgrade",
    }
)


@dataclass(frozen=True, kw_only=True)
class Outbound:
    """What a tool may reach, as whom, and how much of it.

    Args:
        hosts: The allow-list, whose entries `hosts` explains; nothing else is reached.
        credentials: Secrets for some of the hosts.
        timeout: Seconds for a whole call, redirects and the body included.
        most_bytes: Of an answer's body that are read, after decompression.
        proxy: A proxy's URL, or `env:NAME` of the variable that holds it. The environment's own
            proxy settings are not looked at. A proxy resolves names itself, so that hosts are
            checked by their names alone: let it refuse private addresses.
        resolve: Gives a host's addresses.

    Raises:
        ValueError: an entry of `hosts` is none.
    """

    hosts: Sequence[str]
    credentials: Sequence[Credential] = ()
    timeout: float = TIMEOUT
    most_bytes: int = 1_000_000
    proxy: str | None = field(default=None, repr=False)  # it may hold a password
    resolve: Resolve = resolve

    def __post_init__(self) -> None:
        if isinstance(self.hosts, str):
            raise ValueError(f"hosts is a list: write [{self.hosts!r}].")
        AllowList(self.hosts)

    @property
    def reach(self) -> str:
        """The hosts, as a model should know them."""
        return str(AllowList(self.hosts))

    def client(self) -> httpx.AsyncClient:
        """An httpx client with the same guard, for a library that brings its own protocol.

        Its requests are checked, pinned and authenticated as those of `send`, but the body's size
        and the time of a whole call are the library's to limit. Use it in `async with`.
        """
        return httpx.AsyncClient(
            transport=GuardedTransport(
                AllowList(self.hosts),
                self.credentials,
                resolve=self.resolve,
                proxy=self._proxy_url(),
            ),
            headers={"Accept-Encoding": "gzip", "User-Agent": "graphwright"},
            timeout=httpx.Timeout(self.timeout, connect=min(self.timeout, CONNECT_TIMEOUT)),
            trust_env=False,
            max_redirects=MOST_REDIRECTS,
        )

    async def send(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        json: Any = None,
    ) -> Answer:
        """Send a request and read its answer; cancelling the call closes the connection.

        Args:
            method: Such as GET.
            url: With its query, if any.
            params: To be added to the query.
            headers: Of the request; some are reserved.
            content: The body, or `json` to be written as it.

        Raises:
            ToolError: there is no answer; a status that tells of an error is one.
        """
        redact = Redaction(self._secrets())
        host = "the host"
        try:
            async with asyncio.timeout(self.timeout), self.client() as client:
                request = _request(client, method, url, params, headers, content, json)
                host = request.url.host
                return await self._answer(client, request, redact)
        except ToolError as error:
            raise type(error)(redact.apply(str(error))) from None
        except (TimeoutError, httpx.TimeoutException):
            raise TimedOut(
                f"{host} did not answer within {self.timeout:g} seconds. It may still have done "
                "what was asked: look before you ask again."
            ) from None
        except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError, ValueError) as error:
            raise Refused(f"This can't be sent: {redact.apply(str(error))}.") from None
        except httpx.RequestError as error:
            said = redact.apply(str(error)) or type(error).__name__
            raise Unreachable(
                f"The connection to {host} failed: {said}. Try again later."
            ) from None

    async def _answer(
        self, client: httpx.AsyncClient, request: httpx.Request, redact: Redaction
    ) -> Answer:
        for _ in range(MOST_REDIRECTS + 1):
            response = await client.send(request, stream=True)
            try:
                if response.next_request is None:
                    body, is_cut = await self._read(response)
                    return Answer.of(response, body, is_cut=is_cut, redact=redact)
            finally:
                await response.aclose()
            request = self._redirected(response.next_request, redact)
        raise Refused(
            f"{request.url.host} redirects more than {MOST_REDIRECTS} times. Use another URL."
        )

    async def _read(self, response: httpx.Response) -> tuple[bytes, bool]:
        """The body as far as the limit, and whether there is more of it."""
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > self.most_bytes:
                return bytes(body[: self.most_bytes]), True
        return bytes(body), False

    def _redirected(self, request: httpx.Request, redact: Redaction) -> httpx.Request:
        # A service may repeat the query, and with it the secret, which this host gets anyhow.
        for credential in self.credentials:
            if credential.place == "query" and credential.is_for(request.url):
                request.url = request.url.copy_remove_param(credential.name)
        if redact.apply(str(request.url)) != str(request.url):
            raise Refused(
                f"{request.url.host} was to be told a secret by a redirect. An operator should "
                "look at the service that redirects there."
            )
        return request

    def _secrets(self) -> list[Secret]:
        secrets = [credential.secret for credential in self.credentials]
        proxy = self._secret_proxy()
        return [*secrets, proxy] if proxy else secrets

    def _proxy_url(self) -> str | None:
        secret = self._secret_proxy()
        return secret.reveal() if secret else self.proxy

    def _secret_proxy(self) -> Secret | None:
        is_named = self.proxy is not None and self.proxy.startswith("env:")
        return Secret(self.proxy) if self.proxy and is_named else None


def _request(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    params: Sequence[tuple[str, str]],
    headers: Mapping[str, str] | None,
    content: bytes | None,
    json: Any,
) -> httpx.Request:
    reserved = [name for name in headers or {} if name.strip().lower() in RESERVED]
    if reserved:
        raise Refused(f"The header {reserved[0]} can't be set here. Leave it out.")
    parsed = httpx.URL(url)
    if params:
        parsed = parsed.copy_merge_params(list(params))
    return client.build_request(method, parsed, headers=headers, content=content, json=json)
