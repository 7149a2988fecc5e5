"""The way of a request to its host: checked, pinned to the checked address, and authenticated."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import cache
from typing import Final

import httpx

from graphwright_tools.credentials import Credential
from graphwright_tools.errors import Failed, Refused, Unreachable
from graphwright_tools.hosts import AllowList, Network, checked, host_and_port

PIECE: Final = 65_536  # bytes that are decompressed at a time, however much they were packed
GZIP: Final = 31  # zlib's name for gzip with its header and checksum

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives a host's addresses; raises OSError where it has none."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The host's addresses by the system's resolver, each once."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends what the allow-list allows, to the very address that was checked.

    A name is resolved once for each request: a resolver that changes its answer afterwards (DNS
    rebinding) changes nothing. Redirects are requests of their own and are checked alike. A
    secret is added here, inside of httpx's client, so that neither its log nor a redirect has it.
    """

    def __init__(
        self,
        hosts: AllowList,
        credentials: Sequence[Credential],
        *,
        resolve: Resolve,
        proxy: str | None,
    ) -> None:
        self._hosts = hosts
        self._credentials = credentials
        self._resolve = resolve
        self._is_proxied = proxy is not None
        # A connection is used once: it was opened to an address, for one host at that address.
        self._sending = httpx.AsyncHTTPTransport(
            verify=_trusted(), limits=httpx.Limits(max_keepalive_connections=0), proxy=proxy
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            ToolError: it may not be sent, or there is no connection.
            httpx.TransportError: the connection failed on the way.
        """
        networks = self._hosts.networks(request.url)
        ready = await self._authenticated(request, networks)
        if self._is_proxied:
            checked(request.url.host, _literal(request.url), networks)
            return _inflated(await self._sending.handle_async_request(ready))
        addresses = await self._addresses(request.url, networks)
        return _inflated(await self._connected(ready, addresses))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._sending.aclose()

    async def _authenticated(
        self, request: httpx.Request, networks: list[Network]
    ) -> httpx.Request:
        wanted = [each for each in self._credentials if each.is_for(request.url)]
        if not wanted:
            return request
        if request.url.scheme != "https" and not networks:
            raise Refused(
                f"{request.url.host} gets credentials, which must not travel unencrypted. "
                "Use https:// instead of http://."
            )
        await request.aread()
        for credential in wanted:
            request = credential.added(request)
        return request

    async def _addresses(self, url: httpx.URL, networks: list[Network]) -> list[str]:
        host, port = host_and_port(url)
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise Unreachable(f"There is no host {host}. Check how its name is written.") from None
        return checked(host, found, networks)

    async def _connected(self, request: httpx.Request, addresses: list[str]) -> httpx.Response:
        failure: httpx.TransportError = httpx.ConnectError("it has no address")
        for address in addresses:
            try:
                return await self._sending.handle_async_request(_pinned(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error  # nothing was sent: the next address may be tried
        raise failure


def _literal(url: httpx.URL) -> list[str]:
    """The URL's host, if it is an address and no name."""
    host, _ = host_and_port(url)
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        return []


def _pinned(request: httpx.Request, address: str) -> httpx.Request:
    """The same request to an address; its Host header and its certificate stay the host's."""
    name = request.url.raw_host.decode("ascii").strip("[]").rstrip(".")
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": name},
    )


def _inflated(response: httpx.Response) -> httpx.Response:
    """The response with its body unpacked in small pieces, so that its reader can stop in time."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return response
    headers = response.headers.copy()
    del headers["Content-Encoding"]
    headers.pop("Content-Length", None)
    return httpx.Response(
        response.status_code,
        headers=headers,
        stream=_Inflated(response.stream, encoding),
        extensions=response.extensions,
    )


class _Inflated(httpx.AsyncByteStream):
    """A packed body, unpacked while it is read."""

    def __init__(self, packed: httpx.AsyncByteStream | httpx.SyncByteStream, encoding: str) -> None:
        assert isinstance(packed, httpx.AsyncByteStream)  # of an asynchronous transport
        self._packed = packed
        self._encoding = encoding

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._encoding not in ("gzip", "x-gzip"):
            raise Failed(f"The answer is packed as {self._encoding!r}, which was not asked for.")
        unpacking = zlib.decompressobj(GZIP)
        is_empty = True  # as it is after HEAD, whose headers speak of a body that does not come
        async for data in self._packed:
            is_empty = False
            try:
                while data:
                    yield unpacking.decompress(data, PIECE)
                    data = unpacking.unconsumed_tail
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from error
        yield unpacking.flush()
        if not unpacking.eof and not is_empty:
            raise httpx.DecodingError("the packed body ends too early")

    async def aclose(self) -> None:
        await self._packed.aclose()


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that are trusted; reading them takes longer than a request."""
    return httpx.create_ssl_context()
