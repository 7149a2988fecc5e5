"""The kinds `http` and `sql`: the clients that documents have them by, from where they are."""

from __future__ import annotations

import re
from collections.abc import Sequence

from graphwright_graphs import clients
from graphwright_graphs import prompts as templates
from graphwright_graphs.export import edges, prompts, state
from graphwright_graphs.export.literals import block, literal
from graphwright_graphs.export.writers.memory import data
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes.http import Http, content_of, fixed_address, part_of_address
from graphwright_graphs.nodes.sql import PARAMETER, Sql
from graphwright_graphs.offers import offered
from graphwright_graphs.state import Channel


def write_sql(body: Sql, writing: Writing) -> str:
    """A function that reads a database."""
    words = [literal(body.database), f"tables={literal(body.tables)}", f"rows={body.rows}"]
    client = _client("sql", words, writing)
    query = writing.module.constant(f"{writing.name}_query", block(body.query))
    names = dict.fromkeys(
        found["name"] for found in PARAMETER.finditer(body.query) if found["name"]
    )
    values = ", ".join(
        f"{literal(name)}: {state.read(name, writing.readable[name]).text}" for name in names
    )
    lines = [
        f"rows = await {client}.arecords({query}, {{{values}}})",
        f"return {{{literal(body.output)}: rows}}",
    ]
    return writing.function("Ask the database.", lines)


def write_http(body: Http, writing: Writing) -> str:
    """A function that sends a request."""
    address = fixed_address(body.url)
    words = [f"hosts={literal(body.hosts)}", f"auth={literal(body.auth)}"]
    if writing.timeout:
        words.append(f"timeout={literal(writing.timeout)}")
    client = _client("http", [literal(address), *words], writing)
    arguments = [literal(body.method), _url(body.url, address, writing)]
    if body.query:
        arguments.append(f"params={_pairs(body.query, writing)}")
    if body.headers:
        arguments.append(f"headers=dict({_pairs(body.headers, writing)})")
    if body.body is not None:
        arguments.append(f"json={data(body.body, writing)}")
    lines = [f"answer = await {client}.send({', '.join(arguments)})", *_taken(body, writing)]
    return writing.function("Send a request, and take what is asked for of its answer.", lines)


def _client(word: str, words: Sequence[str], writing: Writing) -> str:
    """The constant of a client, made by what an installed package offers."""
    point = offered(clients.ENTRY_POINTS)[word]
    module, _, attribute = point.value.partition(":")
    made = f"{writing.module.imported(module, attribute)}({', '.join(words)})"
    return writing.module.constant(f"{writing.name}_client", made)


def _url(url: str, address: str | None, writing: Writing) -> str:
    """The address, in which values of the state are encoded unless they are the whole of it."""
    name = f"{writing.name}_url"
    if address is None:
        return prompts.filled(url, writing.readable, writing.module, name)
    names = dict.fromkeys(prompts.variables(url))
    values = {each: _part(each, writing) for each in names}
    return prompts.formatted(url, values, writing.module, name)


def _part(name: str, writing: Writing) -> str:
    if name == templates.TODAY:
        return prompts.value(name, writing.readable, writing.module)
    value = state.required(name, writing.readable[name]).text
    return f"{writing.module.inlined(part_of_address)}({literal(name)}, {value})"


def _pairs(words: dict[str, str | int | float | bool], writing: Writing) -> str:
    pairs = [
        f"({literal(name)}, "
        f"{prompts.filled(templates.as_text(each), writing.readable, writing.module, name)})"
        for name, each in words.items()
    ]
    return f"[{', '.join(pairs)}]"


def _taken(body: Http, writing: Writing) -> Sequence[str]:
    status = f"{literal(body.status)}: answer.status" if body.status else ""
    lines = ["answer.ok()"]
    if body.status:
        lines = ["if answer.status >= 400:", f"    return {{{status}}}"]
    if body.output is None:
        return [*lines, f"return {{{status}}}"]
    content = f"{writing.module.inlined(content_of)}(answer)"
    if body.select is not None:
        lines.append("data = answer.json()")
        place = (*writing.where, "select")
        found = edges.value(body.select, writing, place, {"answer": Channel()})
        content = re.sub(r'\bstate\.get\("answer"\)', "data", found)
    parts = [*([status] if status else []), f"{literal(body.output)}: {content}"]
    return [*lines, f"return {{{', '.join(parts)}}}"]
