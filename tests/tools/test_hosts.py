import ipaddress

import httpx
import pytest

from graphwright_tools.errors import Refused
from graphwright_tools.hosts import AllowList, checked, entries_for, is_public

PRIVATE = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",  # Alibaba's metadata
    "127.0.0.1",
    "127.255.0.3",
    "168.63.129.16",  # Azure's
    "169.254.169.254",  # everyone's
    "172.16.0.1",
    "192.0.0.192",  # Oracle's
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "2002:a00:1::",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",  # Amazon's metadata
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_the_internets_is_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    with pytest.raises(Refused, match=r"evil\.example is not at a public address"):
        checked("evil.example", ["93.184.216.34", address], [])


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"],
)
def test_a_public_address_passes(address: str) -> None:
    assert checked("example.com", [address], []) == [address]


def test_a_listed_network_passes_and_no_other() -> None:
    networks = AllowList(["wiki.internal=10.0.0.0/8"]).networks(httpx.URL("http://wiki.internal"))

    assert checked("wiki.internal", ["10.1.2.3"], networks) == ["10.1.2.3"]
    with pytest.raises(Refused, match="not at a public address"):
        checked("wiki.internal", ["10.1.2.3", "127.0.0.1"], networks)


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("api.example.com", "https://api.example.com/x"),
        ("API.example.com", "http://api.EXAMPLE.com./x"),
        ("*.example.com", "https://a.b.example.com"),
        ("*", "https://whatever.example:444"),
        ("example.com:8443", "https://example.com:8443"),
        ("example.com:443", "https://example.com"),
        ("[::1]", "http://[::1]:80"),
        ("[fd00::1]:81", "http://[fd00::1]:81"),
        ("xn--bcher-kva.example", "https://bücher.example"),
    ],
)
def test_an_entry_allows_its_hosts(entry: str, url: str) -> None:
    AllowList(["other.example", entry]).networks(httpx.URL(url))


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("example.com", "https://api.example.com"),
        ("*.example.com", "https://example.com"),
        ("*.example.com", "https://evilexample.com"),
        ("*.example.com", "https://example.com.evil.net"),
        ("example.com", "https://example.com@evil.net"),
        ("example.com:8443", "https://example.com"),
        ("10.0.0.1", "http://10.0.0.10"),
        ("example.com", "ftp://example.com"),
        ("example.com", "file:///etc/passwd"),
        ("example.com", "//example.com"),
        ("example.com", "example.com"),
        ("example.com", "https://user:pass@example.com"),
    ],
)
def test_an_entry_allows_nothing_else(entry: str, url: str) -> None:
    with pytest.raises(Refused):
        AllowList([entry]).networks(httpx.URL(url))


def test_a_refusal_names_what_is_allowed() -> None:
    hosts = AllowList(["a.example", "*.b.example:81", "c.example=10.0.0.0/8"])

    with pytest.raises(Refused, match=r"The host d\.example:443 is not allowed here") as caught:
        hosts.networks(httpx.URL("https://d.example"))
    assert str(caught.value).endswith("Allowed are: a.example, *.b.example:81, c.example.")


@pytest.mark.parametrize(
    "entry",
    ["", "https://a.example", "a.example/x", "a.*", "*a.example", "a.example=x", "a=10.0.0.1/8"],
)
def test_says_what_is_wrong_with_an_entry(entry: str) -> None:
    with pytest.raises(ValueError, match=r"is no host|has no network"):
        AllowList([entry])


def test_an_operators_url_allows_its_host_and_port() -> None:
    assert entries_for("https://api.example.com/v1") == ["api.example.com:443"]
    assert entries_for("http://searxng:8080", "172.16.0.0/12") == ["searxng:8080=172.16.0.0/12"]
    assert entries_for("http://[::1]:80/") == ["[::1]:80"]
    for wrong in ("api.example.com", "http://[", "ftp://a.example"):
        with pytest.raises(ValueError, match="is no"):
            AllowList(entries_for(wrong))


def test_localhost_needs_no_network_where_an_operator_names_it() -> None:
    networks = AllowList(entries_for("http://localhost:8080")).networks(
        httpx.URL("http://localhost:8080/search")
    )

    assert checked("localhost", ["127.0.0.1", "::1"], networks) == ["127.0.0.1", "::1"]
