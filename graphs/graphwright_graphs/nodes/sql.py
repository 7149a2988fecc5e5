"""The kind `sql`: one SELECT, with values of the state bound to it; its rows go to a channel."""

from __future__ import annotations

import re
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import ToolException
from pydantic import Field

from graphwright_graphs import clients
from graphwright_graphs.clients import SqlClient
from graphwright_graphs.errors import RequestError
from graphwright_graphs.nodes.node import Act, Body, Do, Node, Scope, State, Work
from graphwright_graphs.problems import meant, quoted, shown
from graphwright_graphs.source import Part

# A parameter, or what may hold a colon that begins none: a string, a name, a comment, a cast.
PARAMETER = re.compile(
    r"'[^']*'|\"[^\"]*\"|`[^`]*`|--[^\n]*|::|\w:|:(?P<name>[A-Za-z_]\w*)|\{(?P<braced>\w+)\}"
)
_SECRET = re.compile(r"env:[A-Za-z_]\w*")


class Sql(Body):
    """The words of an `sql` node."""

    query: str
    """One SELECT; `:channel` is a channel's value, bound and never put into the text."""
    output: str
    """Where the rows go: a list of objects by the columns' names."""
    database: str = "env:SQL_DATABASE"
    """The name of the variable that holds the URL."""
    tables: list[str] | None = None
    """The tables that may be read; all of them without."""
    rows: int = Field(default=100, ge=1, le=10_000)
    """The most that an answer may have."""


class SqlKind:
    """Reads a database; its words are those of `Sql`."""

    word = "sql"
    body = Sql
    short = None

    def build(self, body: Sql, scope: Scope) -> Node | None:
        """The node that asks the database."""
        scope.channel(body.output, "output")
        names = _names(body.query, scope)
        make = clients.maker("sql", scope.problems, scope.where)
        if not _SECRET.fullmatch(body.database):
            # Not repeated: it may hold a password.
            place, expected = scope.place("database"), "env:NAME of the variable that holds the URL"
            scope.problems.report(place, "what is no name", expected)
            return None
        if make is None:
            return None
        client: SqlClient = make(body.database, tables=body.tables, rows=body.rows)
        if wanted := client.misfit(body.query):
            scope.problems.report(scope.place("query"), shown(body.query), wanted)
        return Node(_read(client, body, names, scope), scope.name)


def _names(query: str, scope: Scope) -> dict[str, None]:
    """The channels that a query names, each once; what is none is reported."""
    names: dict[str, None] = {}
    for each in PARAMETER.finditer(query):
        place, part = scope.place("query"), Part(each[0], each.start())
        if each["braced"] in scope.readable:
            expected, hint = "a parameter, which is bound", meant(f":{each['braced']}")
            scope.problems.report(place, quoted(each[0]), expected, hint, part=part)
        elif each["name"] and each["name"] not in scope.readable:
            expected = f"a channel ({', '.join(scope.readable)})"
            scope.problems.unknown(place, each["name"], expected, scope.readable, part=part)
        elif each["name"]:
            names[each["name"]] = None
    return names


def _read(client: SqlClient, body: Sql, names: dict[str, None], scope: Scope) -> Act:
    def act(state: State, config: RunnableConfig) -> Work:
        values = {name: _bound(name, state, scope) for name in names}
        try:
            rows = yield Do(
                lambda: client.arecords(body.query, values),
                lambda: client.records(body.query, values),
            )
        except ToolException as error:
            raise RequestError(f"node `{scope.name}`, `query`: {error}") from error
        return {body.output: rows}

    return act


def _bound(name: str, state: State, scope: Scope) -> Any:
    value = state.get(name)
    value = scope.readable[name].empty() if value is None else value
    if isinstance(value, dict):
        found = f"node `{scope.name}` can't bind {quoted(name)}, which holds an object"
        raise RequestError(f"{found}: put the value that is meant into a channel of its own")
    return value
