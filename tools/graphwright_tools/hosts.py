"""Which hosts a tool may reach, and at which addresses.

An entry of the list is a host, and what may follow it:

| entry | allows |
|---|---|
| `api.example.com` | that host, at public addresses |
| `*.example.com` | every host below example.com, but not example.com itself |
| `*` | every host, at public addresses |
| `api.example.com:8443` | that host on that port alone |
| `wiki.internal=10.0.0.0/8` | that host, at addresses of that network too |
| `10.1.2.3` or `[fd00::1]` | that address, public or not |

A public host name may resolve to a private address. That is how a request is turned against the
machines beside the server, so that no address passes unless it is public or its network is listed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import httpx

from graphwright_tools.errors import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ENTRY: Final = re.compile(
    r"(?P<host>\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:=(?P<network>[0-9a-f:./]+))?",
    re.IGNORECASE,
)
LOOPBACK: Final = ("127.0.0.0/8", "::1")
PORTS: Final = {"http": 80, "https": 443}

GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
# Not public, though Python's ipaddress takes them for it, in some versions at least.
SPECIAL: Final[tuple[Network, ...]] = (
    ipaddress.IPv4Network("168.63.129.16/32"),  # Azure's metadata, at a public address
    ipaddress.IPv4Network("192.0.0.0/24"),  # for protocols; Oracle's metadata
    ipaddress.IPv4Network("192.88.99.0/24"),  # relays from IPv6
    ipaddress.IPv6Network("2001::/23"),  # for protocols
    ipaddress.IPv6Network("3fff::/20"),  # documentation
)


@dataclass(frozen=True, slots=True)
class Host:
    """One entry of an allow-list."""

    pattern: str
    port: int | None = None
    network: Network | None = None

    @classmethod
    def parse(cls, entry: str) -> Host:
        """Read an entry as the module's table has them.

        Raises:
            ValueError: it is no such entry.
        """
        found = ENTRY.fullmatch(entry.strip())
        if found is None:
            raise ValueError(
                f"{entry!r} is no host. Write it as api.example.com, *.example.com, host:8080, "
                "or host=10.0.0.0/8 for a host on a private network; without https:// and path."
            )
        pattern = found["host"].strip("[]").lower()
        port = int(found["port"]) if found["port"] else None
        return cls(pattern, port, _network(entry, pattern, found["network"]))

    def matches(self, host: str, port: int) -> bool:
        """Whether the entry is for that host, given in lower case, and port."""
        if self.port not in (None, port):
            return False
        if self.pattern.startswith("*"):
            return host.endswith(self.pattern[1:])
        return host == self.pattern

    def __str__(self) -> str:
        return self.pattern if self.port is None else f"{self.pattern}:{self.port}"


class AllowList:
    """The hosts that a tool may reach.

    Raises:
        ValueError: an entry is none.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._hosts = [Host.parse(entry) for entry in entries]

    def networks(self, url: httpx.URL) -> list[Network]:
        """The networks whose addresses the URL's host may have beside the public ones.

        Raises:
            Refused: it is no web address, or its host is not on the list.
        """
        if url.scheme not in PORTS or not url.host:
            raise Refused("The URL must begin with https:// or http:// and a host.")
        if url.userinfo:
            raise Refused("The URL must not hold a user or password: leave out what is before @.")
        host, port = host_and_port(url)
        entries = [entry for entry in self._hosts if entry.matches(host, port)]
        if not entries:
            raise Refused(f"The host {host}:{port} is not allowed here. Allowed are: {self}.")
        return [entry.network for entry in entries if entry.network is not None]

    def __str__(self) -> str:
        return ", ".join(map(str, self._hosts)) or "none"


def host_and_port(url: httpx.URL) -> tuple[str, int]:
    """The URL's host in lower case and ASCII, without a dot at its end, and its port."""
    host = url.raw_host.decode("ascii").lower().strip("[]").rstrip(".")
    return host, url.port or PORTS[url.scheme]


def entry_for(url: str) -> str:
    """The entry of the host of a URL which an operator wrote, on its port alone.

    Raises:
        ValueError: it is no web address.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{url!r} is no address: {error}") from None
    if parsed.scheme not in PORTS or not parsed.host:
        raise ValueError(f"{url!r} is no address: write it with https:// or http:// and a host.")
    host, port = host_and_port(parsed)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def entries_for(url: str, network: str | None = None) -> list[str]:
    """An allow-list of the host of a URL which an operator wrote, on its port alone.

    Args:
        url: Where a service is; localhost needs no network.
        network: Where its private addresses are, such as 10.0.0.0/8.

    Raises:
        ValueError: one of them is none.
    """
    entry = entry_for(url)
    networks = [network] if network else []
    if entry.startswith("localhost:"):
        networks += LOOPBACK
    return [f"{entry}={each}" for each in networks] or [entry]


def checked(host: str, addresses: Iterable[str], networks: list[Network]) -> list[str]:
    """The addresses themselves, if every one of them may be reached.

    Raises:
        Refused: one is neither public nor in one of the networks.
    """
    found = list(addresses)
    # One that is refused speaks against all: a name that mixes them may be made to deceive.
    for address in found:
        parsed = ipaddress.ip_address(address)
        if not is_public(parsed) and not any(parsed in network for network in networks):
            raise Refused(
                f"The host {host} is not at a public address, so this tool must not reach it. "
                "Use another host. An operator can allow the network that it is in, "
                f"as in {host}=10.0.0.0/8."
            )
    return found


def is_public(address: Address) -> bool:
    """Whether the address is one of the Internet's, and no machine's or network's own."""
    if any(address in network for network in SPECIAL):
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast and not address.is_reserved
    inner = _embedded(address)
    if inner is not None:
        return is_public(inner)
    return address in GLOBAL_UNICAST and address.is_global


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a packet to this IPv6 address ends at, where it does."""
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def _network(entry: str, pattern: str, given: str | None) -> Network | None:
    try:
        if given is not None:
            return ipaddress.ip_network(given)
    except ValueError as error:
        raise ValueError(f"{entry!r} has no network after its =: {error}") from None
    try:
        return ipaddress.ip_network(pattern)
    except ValueError:
        return None
