import asyncio
import gzip
import logging
import ssl
import subprocess
import threading
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.tools.loopback import Handler, Loopback, Received, resolving, said, serving

from graphwright_tools import transport
from graphwright_tools.credentials import Credential, basic, bearer, header, query
from graphwright_tools.errors import NotConfigured, Refused, TimedOut, Unreachable
from graphwright_tools.outbound import Outbound
from graphwright_tools.secrets import Secret

VALUE = "s3cret/value+1"
GZIPPED = {"Content-Encoding": "gzip"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", VALUE)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nobody asked for it


@pytest.fixture
def outbound(loopback: Loopback) -> Outbound:
    return Outbound(hosts=[loopback.host])


async def test_sends_a_request_and_reads_its_answer(loopback: Loopback, outbound: Outbound) -> None:
    loopback.answers("/orders", {"id": 7}, status=201)

    answer = await outbound.send(
        "POST",
        f"{loopback.url}/orders?a=1",
        params=[("b", "2"), ("b", "3")],
        headers={"X-Trace": "t"},
        json={"name": "ü"},
    )

    assert (answer.status, answer.title, answer.json()) == (201, "201 Created", {"id": 7})
    (request,) = loopback.received
    assert request.query == [("a", "1"), ("b", "2"), ("b", "3")]
    assert (request.json, request.headers["x-trace"]) == ({"name": "ü"}, "t")
    assert request.headers["host"] == loopback.host


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]"],
)
async def test_no_spelling_of_the_loopback_gets_through(host: str, loopback: Loopback) -> None:
    loopback.answers("/", "inside")

    with pytest.raises(Refused, match=r"not at a public address|is not allowed"):
        await Outbound(hosts=["*"]).send("GET", f"http://{host}:{loopback.port}/")
    assert loopback.received == []


async def test_a_name_at_a_private_address_is_refused_unless_its_network_is_listed(
    loopback: Loopback,
) -> None:
    loopback.answers("/", "inside")
    resolve = resolving({"wiki.test": ["127.0.0.1"], "mixed.test": ["1.1.1.1", "127.0.0.1"]})
    url = f"http://wiki.test:{loopback.port}/"

    for name in ("wiki.test", "mixed.test"):
        with pytest.raises(Refused, match=f"as in {name}=10"):
            await Outbound(hosts=["*.test"], resolve=resolve).send(
                "GET", url.replace("wiki.test", name)
            )
    assert loopback.received == []

    listed = Outbound(hosts=[loopback.named("wiki.test")], resolve=resolve)
    assert (await listed.send("GET", url)).text == "inside"
    assert loopback.received[0].headers["host"] == f"wiki.test:{loopback.port}"


async def test_connects_to_the_address_that_was_checked(loopback: Loopback) -> None:
    loopback.answers("/", "checked")
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    outbound = Outbound(hosts=["rebind.test=127.0.0.0/8"], resolve=rebinding)

    # The system's resolver does not know the name at all: asked a second time, it would fail.
    assert (await outbound.send("GET", f"http://rebind.test:{loopback.port}/")).text == "checked"
    assert asked == ["rebind.test"]
    with pytest.raises(Refused, match="not at a public address"):
        await outbound.send("GET", f"http://rebind.test:{loopback.port}/")


async def test_tries_a_hosts_other_addresses(loopback: Loopback) -> None:
    loopback.answers("/", "here")
    resolve = resolving({"two.test": ["127.0.0.2", "127.0.0.1"]})

    answer = await Outbound(hosts=[loopback.named("two.test")], resolve=resolve).send(
        "GET", f"http://two.test:{loopback.port}/"
    )

    assert answer.text == "here"


async def test_follows_redirects_within_the_allow_list(
    loopback: Loopback, outbound: Outbound
) -> None:
    loopback.answers("/old", status=303, headers={"Location": "/new"})
    loopback.answers("/new", "arrived")

    assert (await outbound.send("POST", f"{loopback.url}/old", json={})).text == "arrived"
    assert [request.method for request in loopback.received] == ["POST", "GET"]


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.test/",
        "http://[::ffff:169.254.169.254]/",
        "file:///etc/passwd",
        "//other.test/",
    ],
)
async def test_a_redirect_is_checked_like_any_request(target: str, loopback: Loopback) -> None:
    loopback.answers("/", status=302, headers={"Location": target})
    resolve = resolving({"metadata.test": ["169.254.169.254"], "127.0.0.1": ["127.0.0.1"]})
    outbound = Outbound(
        hosts=[loopback.host, "metadata.test", "[::ffff:a9fe:a9fe]=::1"], resolve=resolve
    )

    with pytest.raises((Refused, Unreachable)) as caught:
        await outbound.send("GET", f"{loopback.url}/")
    assert said(caught)
    assert len(loopback.received) == 1


async def test_redirects_come_to_an_end(loopback: Loopback, outbound: Outbound) -> None:
    loopback.answers("/loop", status=302, headers={"Location": "/loop"})

    with pytest.raises(Refused, match="redirects more than 5 times"):
        await outbound.send("GET", f"{loopback.url}/loop")
    assert len(loopback.received) == 6


async def test_a_large_body_is_read_to_the_limit(loopback: Loopback) -> None:
    sent: list[int] = []

    def endless(handler: Handler, _: Received) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/plain")
        handler.send_header("Connection", "close")
        handler.end_headers()
        while not loopback.has_ended.is_set():
            sent.append(handler.wfile.write(b"x" * 10_000))

    loopback.scripts["/"] = endless

    answer = await Outbound(hosts=[loopback.host], most_bytes=25_000).send("GET", loopback.url)

    assert (answer.text, answer.is_cut) == ("x" * 25_000, True)


async def test_a_packed_answer_is_unpacked(loopback: Loopback, outbound: Outbound) -> None:
    text = "".join(map(str, range(50_000)))
    loopback.answers(
        "/", gzip.compress(text.encode()), headers={"Content-Type": "text/plain", **GZIPPED}
    )

    assert (await outbound.send("GET", loopback.url)).text == text
    assert loopback.received[0].headers["accept-encoding"] == "gzip"
    assert (await outbound.send("HEAD", loopback.url)).text == ""


async def test_a_gzip_bomb_is_not_unpacked(loopback: Loopback) -> None:
    bomb = gzip.compress(bytes(100_000_000), 9)
    loopback.answers("/", bomb, headers={"Content-Type": "text/plain", **GZIPPED})
    outbound = Outbound(hosts=[loopback.host], most_bytes=100_000)
    tracemalloc.start()

    answer = await outbound.send("GET", loopback.url)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (answer.size, answer.is_cut) == (100_000, True)
    assert peak < 5_000_000


@pytest.mark.parametrize(
    "body", [b"no gzip", gzip.compress(b"x" * 1000)[:-12]], ids=["other", "cut"]
)
async def test_a_body_that_is_badly_packed_is_no_answer(
    body: bytes, loopback: Loopback, outbound: Outbound
) -> None:
    loopback.answers("/", body, headers=GZIPPED)

    with pytest.raises(Unreachable, match=r"The connection to 127\.0\.0\.1 failed"):
        await outbound.send("GET", loopback.url)


async def test_a_packing_that_was_not_asked_for_is_refused(
    loopback: Loopback, outbound: Outbound
) -> None:
    loopback.answers("/", b"?", headers={"Content-Encoding": "zstd"})

    with pytest.raises(Exception, match="packed as 'zstd'") as caught:
        await outbound.send("GET", loopback.url)
    assert said(caught)


async def test_a_slow_body_is_given_up(loopback: Loopback) -> None:
    def dripping(handler: Handler, _: Received) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not loopback.has_ended.wait(0.05):
            handler.wfile.write(b"x")

    loopback.scripts["/"] = dripping

    # Each byte is in time, so that only a limit for the whole call ends it.
    with pytest.raises(TimedOut, match=r"did not answer within 0\.5 seconds"):
        await Outbound(hosts=[loopback.host], timeout=0.5).send("GET", loopback.url)


async def test_a_cut_connection_is_no_answer(loopback: Loopback, outbound: Outbound) -> None:
    def cut(handler: Handler, _: Received) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"only this")
        handler.close_connection = True

    loopback.scripts["/"] = cut

    with pytest.raises(Unreachable, match=r"The connection to 127\.0\.0\.1 failed: peer closed"):
        await outbound.send("GET", loopback.url)


async def test_says_that_nobody_is_there(loopback: Loopback) -> None:
    with pytest.raises(Unreachable, match=r"There is no host nowhere\.test"):
        await Outbound(hosts=["*"], resolve=resolving({})).send("GET", "https://nowhere.test")
    with pytest.raises(Unreachable, match=r"The connection to 127\.0\.0\.1 failed"):
        await Outbound(hosts=["127.0.0.1"]).send("GET", "http://127.0.0.1:9")


async def test_cancelling_closes_the_connection(loopback: Loopback, outbound: Outbound) -> None:
    arrived, gone = threading.Event(), threading.Event()

    def waiting(handler: Handler, _: Received) -> None:
        arrived.set()
        handler.connection.settimeout(20)
        if handler.rfile.read(1) == b"":
            gone.set()
        handler.close_connection = True

    loopback.scripts["/"] = waiting
    call = asyncio.create_task(outbound.send("GET", loopback.url))
    assert await asyncio.to_thread(arrived.wait, 20)

    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call
    assert await asyncio.to_thread(gone.wait, 20)


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding "])
async def test_headers_of_the_protocol_are_reserved(name: str, outbound: Outbound) -> None:
    with pytest.raises(Refused, match="can't be set here"):
        await outbound.send("GET", "http://127.0.0.1", headers={name: "x"})


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://[::1", {}),
        ("http://127.0.0.1\n/", {}),
        ("{url}", {"X": "a\r\nHost: b"}),
        ("{url}", {"X": "\x00"}),
    ],
)
async def test_what_is_no_request_is_refused(
    url: str, headers: dict[str, str], loopback: Loopback, outbound: Outbound
) -> None:
    with pytest.raises(Refused, match=r"can't be sent|must begin with"):
        await outbound.send("GET", url.format(url=loopback.url), headers=headers)
    assert loopback.received == []


def placed(request: Received, credential: Credential) -> bool:
    """Whether the secret came with the request, in its place."""
    encoded = "czNjcmV0L3ZhbHVlKzE="
    match credential.place:
        case "query":
            return (credential.name, VALUE) in request.query
        case "cookie":
            return request.headers.get("cookie") == f"a=b; sid={VALUE}"
        case "json":
            return bool(request.json == {"q": 1, "api_key": VALUE})
        case "basic":
            return request.headers.get("authorization") == f"Basic {encoded}"
    return request.headers.get(credential.name.lower()) == credential.prefix + VALUE


KINDS = [
    bearer("own.test", "env:TEST_SECRET"),
    basic("own.test", "env:TEST_SECRET"),
    header("own.test", "X-API-Key", "env:TEST_SECRET", prefix="Key "),
    query("own.test", "key", "env:TEST_SECRET"),
    Credential("own.test", Secret("env:TEST_SECRET"), "cookie", "sid"),
    Credential("own.test", Secret("env:TEST_SECRET"), "json", "api_key"),
]


@pytest.fixture
def printed(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Whatever is logged, at the finest level, and printed."""
    caplog.set_level(logging.DEBUG)
    yield lambda: caplog.text + "".join(capfd.readouterr())


@pytest.mark.parametrize("credential", KINDS, ids=lambda kind: str(kind.place))
async def test_a_secret_goes_to_its_host_and_nowhere_else(
    credential: Credential, loopback: Loopback, printed: Any
) -> None:
    def echo(handler: Handler, received: Received) -> None:
        body = f"{received.target} {received.headers} {received.body!r}".encode()
        handler.reply(200, body, {"Content-Type": "text/plain"})

    elsewhere = f"http://other.test:{loopback.port}/echo"
    loopback.answers("/away", status=307, headers={"Location": elsewhere})
    loopback.scripts["/echo"] = echo
    names = {"own.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]}
    outbound = Outbound(
        hosts=[loopback.named("own.test"), loopback.named("other.test")],
        credentials=[credential],
        resolve=resolving(names),
    )
    own = f"http://own.test:{loopback.port}"
    asked: dict[str, Any] = {"json": {"q": 1}, "headers": {"Cookie": "a=b"}}

    answers = [await outbound.send("POST", f"{own}{path}", **asked) for path in ("/echo", "/away")]

    own_echo, away, other_echo = loopback.received
    assert placed(own_echo, credential)
    assert placed(away, credential)
    assert VALUE not in f"{other_echo.target} {other_echo.headers} {other_echo.body!r}"
    assert "czNjcmV0" not in str(other_echo.headers)
    assert "[env:TEST_SECRET]" in str(answers[0].text)
    assert answers[0].size > 0
    for shown in (printed(), repr(answers), repr(outbound), repr(credential)):
        assert VALUE not in shown
        assert "czNjcmV0" not in shown


async def test_a_query_secret_that_a_redirect_repeats_is_neither_doubled_nor_logged(
    loopback: Loopback, printed: Any
) -> None:
    def repeating(handler: Handler, received: Received) -> None:
        handler.reply(301, b"", {"Location": received.target.replace("/a", "/b")})

    loopback.scripts["/a"] = repeating
    loopback.answers("/b", "there")
    credentials = [query(loopback.host, "key", "env:TEST_SECRET")]
    outbound = Outbound(hosts=[loopback.host], credentials=credentials)

    assert (await outbound.send("GET", f"{loopback.url}/a?x=1")).text == "there"
    assert loopback.received[1].query == [("x", "1"), ("key", VALUE)]
    logged = [line for line in printed().splitlines() if "HTTP Request" in line]
    assert len(logged) == 2
    assert all("s3cret" not in line for line in logged)


async def test_a_redirect_does_not_carry_a_secret_away(loopback: Loopback) -> None:
    target = f"http://other.test:{loopback.port}/?stolen={VALUE}"
    loopback.answers("/", status=302, headers={"Location": target})
    outbound = Outbound(
        hosts=[loopback.host, "other.test"],
        credentials=[bearer(loopback.host, "env:TEST_SECRET")],
    )

    with pytest.raises(Refused, match=r"other\.test was to be told a secret") as caught:
        await outbound.send("GET", loopback.url)
    assert VALUE not in said(caught)


async def test_a_secret_does_not_travel_unencrypted_over_the_internet() -> None:
    outbound = Outbound(
        hosts=["api.test"],
        credentials=[bearer("api.test", "env:TEST_SECRET")],
        resolve=resolving({"api.test": ["1.1.1.1"]}),
    )

    with pytest.raises(Refused, match="must not travel unencrypted"):
        await outbound.send("GET", "http://api.test/")


@pytest.mark.parametrize("value", ["", "two\nlines", "schlüssel"])
async def test_a_secret_that_can_not_be_sent_is_told_without_it(
    value: str, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_SECRET", value)
    outbound = Outbound(
        hosts=[loopback.host], credentials=[bearer(loopback.host, "env:TEST_SECRET")]
    )

    with pytest.raises(NotConfigured, match="TEST_SECRET") as caught:
        await outbound.send("GET", loopback.url)
    assert not value or value not in said(caught)


async def test_a_proxy_is_used_when_it_is_asked_for(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_PROXY", f"http://ada:hidden@{loopback.host}")
    loopback.answers("/page", "by proxy")
    outbound = Outbound(hosts=["*.test"], proxy="env:TEST_PROXY")

    assert (await outbound.send("GET", "http://far.test/page")).text == "by proxy"
    assert loopback.received[0].target == "http://far.test/page"
    assert "hidden" not in repr(outbound)
    for refused in ("http://far.example/", "http://10.0.0.1/"):
        with pytest.raises(Refused):
            await Outbound(hosts=["*.test", "*.1"], proxy="env:TEST_PROXY").send("GET", refused)


async def test_the_client_for_other_protocols_has_the_same_guard(loopback: Loopback) -> None:
    loopback.answers("/", status=302, headers={"Location": "http://169.254.169.254/"})

    async with Outbound(hosts=["*", loopback.host]).client() as client:
        with pytest.raises(Refused, match="not at a public address"):
            await client.get(loopback.url, follow_redirects=True)


@pytest.mark.parametrize("host", ["*", "*:443", "https://api.test"])
def test_a_secret_is_for_a_host(host: str) -> None:
    with pytest.raises(ValueError, match=r"is for a host|is no host"):
        bearer(host, "env:TEST_SECRET")


def test_hosts_are_a_list() -> None:
    with pytest.raises(ValueError, match=r"write \['api.test'\]"):
        Outbound(hosts="api.test")


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """A server's certificate for own.test alone, which is trusted."""
    certificate, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=own.test", "-addext", "subjectAltName=DNS:own.test"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    transport._trusted.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    yield context
    transport._trusted.cache_clear()


async def test_a_pinned_host_must_still_prove_its_name(certified: ssl.SSLContext) -> None:
    with serving(certified) as loopback:
        loopback.answers("/", "proven")
        hosts = [loopback.named("own.test"), loopback.named("other.test")]
        names = {"own.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]}
        outbound = Outbound(hosts=hosts, resolve=resolving(names))

        answer = await outbound.send("GET", f"https://own.test:{loopback.port}/")
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            await outbound.send("GET", f"https://other.test:{loopback.port}/")

    assert answer.text == "proven"
