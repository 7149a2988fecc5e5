"""The kind `http`: one request to a web service; its answer, or a part of it, goes to a channel.

What a node may reach stands in its document: the host that its URL begins with, and those under
`hosts`. A value of the state that goes into the URL is encoded, so that it can't change the path.
"""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import quote

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import ToolException
from pydantic import Field

from graphwright_graphs import clients
from graphwright_graphs.clients import HttpAnswer, HttpClient
from graphwright_graphs.conditions import Conditions, Expression
from graphwright_graphs.errors import RequestError
from graphwright_graphs.nodes.filling import filler
from graphwright_graphs.nodes.node import Act, Body, Do, Node, Scope, State, Update, Work
from graphwright_graphs.prompts import as_text
from graphwright_graphs.state import Channel

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
Plain = str | int | float | bool


class Http(Body):
    """The words of an `http` node."""

    url: str
    method: Method = "GET"
    query: dict[str, Plain] = Field(default_factory=dict)
    headers: dict[str, Plain] = Field(default_factory=dict)
    body: Any = None
    """What is sent as JSON; a text `{channel}` alone in it is the channel's value as data."""
    auth: dict[str, str] = Field(default_factory=dict)
    """`bearer: env:NAME`, `basic: env:NAME`, or `header: X-API-Key` and `secret: env:NAME`."""
    hosts: list[str] = Field(default_factory=list)
    """Further hosts that may be reached, by a redirect or where the state has the URL."""
    select: str | None = None
    """A CEL expression over `answer`, such as `answer.items[0].name`; without, the whole answer."""
    output: str | None = None
    status: str | None = None
    """A channel for the HTTP status; then a status of 400 and above is no error."""


class HttpKind:
    """Sends a request; its words are those of `Http`."""

    word = "http"
    body = Http
    short = "url"

    def build(self, body: Http, scope: Scope) -> Node | None:
        """The node that sends the request."""
        for key in ("output", "status"):
            if (name := getattr(body, key)) is not None:
                scope.channel(name, key)
        client = _client(body, scope)
        request = _Request(body, scope)
        take = _Taken(body, scope)
        return Node(_exchange(client, request, take, scope.name), scope.name) if client else None


def _client(body: Http, scope: Scope) -> HttpClient | None:
    make = clients.maker("http", scope.problems, scope.where)
    address = fixed_address(body.url)
    if address is None and not body.hosts:
        expected = "an address that begins with its host, or the hosts that it may be at in `hosts`"
        scope.problems.report(scope.place("url"), f'"{body.url}"', expected)
        return None
    # The client's own limit would end what the document gives more time.
    more = {"timeout": scope.timeout} if scope.timeout else {}
    try:
        client: HttpClient | None = make and make(address, hosts=body.hosts, auth=body.auth, **more)
    except ValueError as error:
        scope.problems.report(
            scope.where, f"a request that can't be sent ({error})", "one that can"
        )
        return None
    return client


def fixed_address(url: str) -> str | None:
    """The scheme and host of a URL's template, where no channel stands in them."""
    literal, brace, _ = url.partition("{")
    scheme, separator, rest = literal.partition("://")
    host, slash, _ = rest.partition("/")
    if not (separator and host) or (brace and not slash):
        return None
    return f"{scheme}://{host}"


class _Request:
    """The parts of a request, filled in from a state."""

    def __init__(self, body: Http, scope: Scope) -> None:
        self.method = body.method
        self._channels = scope.readable
        self._encoded = fixed_address(body.url) is not None
        self._url = scope.template(body.url, "url")
        self._query = {
            name: scope.template(as_text(value), "query", name)
            for name, value in body.query.items()
        }
        self._headers = {
            name: scope.template(as_text(value), "headers", name)
            for name, value in body.headers.items()
        }
        self._body = filler(body.body, scope, "body")

    def url(self, state: State) -> str:
        """The address without its query."""
        if not self._encoded:
            return self._url.render(state)
        return self._url.render({name: self._part(name, state) for name in self._channels})

    def arguments(self, state: State) -> dict[str, Any]:
        """The query, the headers and the body."""
        return {
            "params": [(name, each.render(state)) for name, each in self._query.items()],
            "headers": {name: each.render(state) for name, each in self._headers.items()},
            "json": self._body(state),
        }

    def _part(self, name: str, state: State) -> str | None:
        value = state.get(name)
        value = self._channels[name].empty() if value is None else value
        return None if value is None else part_of_address(name, value)


def part_of_address(name: str, value: Any) -> str:
    """A value as a part of a path. Raises RequestError for one that would change it."""
    said = as_text(value)
    if said in (".", ".."):  # they change the path, however they are encoded
        raise RequestError(f'`{name}` is "{said}", which can\'t be a part of an address')
    return quote(said, safe="")


class _Taken:
    """What of an answer goes into which channel."""

    def __init__(self, body: Http, scope: Scope) -> None:
        self._output, self._status = body.output, body.status
        self._select: Expression | None = None
        if body.select is not None:
            conditions = Conditions({"answer": Channel()}, scope.problems)
            self._select = conditions.expression(body.select, scope.place("select"))
            if body.output is None:
                found, expected = "`select` without `output`", "the channel that it goes to"
                scope.problems.report(scope.where, found, expected, at_key=True)

    def update(self, answer: HttpAnswer) -> Update:
        """The update that an answer makes. Raises ToolException, ConditionError."""
        update: Update = {self._status: answer.status} if self._status else {}
        if not self._status:
            answer.ok()
        if self._output is None or answer.status >= 400:
            return update
        return {**update, self._output: self._selected(answer)}

    def _selected(self, answer: HttpAnswer) -> Any:
        if self._select is not None:
            return self._select.value({"answer": answer.json()})
        return content_of(answer)


def content_of(answer: HttpAnswer) -> Any:
    """What a service answered: its JSON, or else its text. Raises ToolException."""
    try:
        return answer.json()
    except ToolException:
        if answer.is_cut or answer.text is None:
            raise
        return answer.text


def _exchange(client: HttpClient, request: _Request, taken: _Taken, name: str) -> Act:
    def act(state: State, config: RunnableConfig) -> Work:
        url, arguments = request.url(state), request.arguments(state)
        try:
            answer = yield Do(lambda: client.send(request.method, url, **arguments))
            return taken.update(answer)
        except ToolException as error:
            raise RequestError(f"node `{name}`, {request.method} {url}: {error}") from error

    return act
