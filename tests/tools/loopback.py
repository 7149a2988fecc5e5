"""A real HTTP server on the loopback, which answers what a test tells it to."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from graphwright_tools.errors import ToolError


@dataclass
class Received:
    """A request as the server got it."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Script = Callable[["Handler", Received], None]


class Handler(BaseHTTPRequestHandler):
    """Gives a request to the script of its path; a script may write whatever bytes it likes."""

    protocol_version = "HTTP/1.1"
    loopback: "Loopback"

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # the client has gone
            self.close_connection = True

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.command, self.path, headers, self.rfile.read(length))
        self.loopback.received.append(received)
        script = self.loopback.scripts.get(received.path)
        if script is None:
            self.reply(404, b"nothing here", {"Content-Type": "text/plain"})
        else:
            script(self, received)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@dataclass
class Loopback:
    """The server: tell it what to answer at which path, and see what it received."""

    port: int
    scripts: dict[str, Script] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    has_ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def host(self) -> str:
        """Its entry on an allow-list."""
        return f"127.0.0.1:{self.port}"

    def named(self, name: str) -> str:
        """The entry of a host name that a resolver leads here."""
        return f"{name}:{self.port}=127.0.0.0/8"

    def answers(
        self,
        path: str,
        body: Any = b"",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer a path with bytes, with text, or with what is written as JSON."""
        kind = {bytes: "application/octet-stream", str: "text/plain; charset=utf-8"}
        content = (
            body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else b""
        )
        if not isinstance(body, bytes | str):
            content = json.dumps(body).encode()
        sent = {"Content-Type": kind.get(type(body), "application/json"), **(headers or {})}
        self.scripts[path] = lambda handler, _: handler.reply(status, content, sent)


class Server(ThreadingHTTPServer):
    """Each request in a thread of its own, whose failures are the test's to see."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that goes away, or refuses a certificate, is what tests are about


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Loopback]:
    """A running server, and what it is told; with TLS where a context is given."""
    handler: Any = type("BoundHandler", (Handler,), {})
    server = Server(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    loopback = handler.loopback = Loopback(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield loopback
    finally:
        loopback.has_ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


def resolving(names: Mapping[str, Sequence[str]]) -> Callable[..., Any]:
    """A resolver that knows these names alone."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        if host not in names:
            raise OSError(f"no {host}")
        return names[host]

    return resolve


def said(error: Any) -> str:
    """The text of an error that pytest caught, whose whole tree is for models."""
    assert isinstance(error.value, ToolError)
    return str(error.value)
