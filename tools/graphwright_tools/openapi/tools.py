"""One tool for each operation of a document."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import httpx
from langchain_core.tools import BaseTool

from graphwright_tools.calls import tool_of
from graphwright_tools.errors import Refused
from graphwright_tools.hosts import entries_for, entry_for
from graphwright_tools.http import MOST_CHARACTERS, shown
from graphwright_tools.openapi import operations as reading
from graphwright_tools.openapi.document import Document, DocumentError, Unsupported, is_web
from graphwright_tools.openapi.operations import Entry, Operation
from graphwright_tools.openapi.requests import request_of
from graphwright_tools.openapi.security import credentials
from graphwright_tools.outbound import Outbound

LARGEST: Final = 20_000_000  # bytes of a document
MOST_ERRORS: Final = 3  # in a model's arguments that it is told of at once
LONGEST_ERROR: Final = 300  # characters

logger = logging.getLogger(__name__)


def openapi_tools(
    source: str | Path | Mapping[str, Any],
    *,
    base_url: str | None = None,
    operations: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    secrets: Mapping[str, str] | None = None,
    outbound: Outbound | None = None,
    most_characters: int = MOST_CHARACTERS,
) -> list[BaseTool]:
    """Tools for the operations of an API, made of its OpenAPI document.

    A tool has the name of its operationId. It takes the operation's parameters by their names,
    and its body as `body`; they are checked before anything is sent.

    Args:
        source: The document: a file, a URL, or its content. Files and URLs are read at once.
        base_url: Where the API is, if not where the document says.
        operations: The operationIds that become tools; all without.
        tags: The tags of which the operations become tools; all without.
        secrets: Names of secrets, such as `env:NAME`, by the names of security schemes.
        outbound: What may be reached, and limits. Without, the API's own host at public
            addresses, and the document's.
        most_characters: Of an answer that a model gets.

    Raises:
        DocumentError: the document can't be read, or is wrong at the place that the text names;
            or there is no such operation.
    """
    document = _document(source, outbound)
    chosen = _chosen(document, operations, tags)
    made: dict[str, BaseTool] = {}
    for entry in chosen:
        try:
            operation = reading.read(entry)
            where = base_url or _trusted_base_url(entry, bool(secrets))
            way = _way(entry, where, secrets or {}, outbound)
        except Unsupported as error:
            if operations is not None:
                raise
            logger.warning("An operation is left out. %s", error)
            continue
        if operation.name in made:
            raise entry.place.wrong(f"has the operationId of another, {operation.name!r}")
        made[operation.name] = _tool(operation, where, way, most_characters)
    return list(made.values())


def _document(source: str | Path | Mapping[str, Any], outbound: Outbound | None) -> Document:
    if isinstance(source, Mapping):
        # What YAML makes of dates and numbers as keys is not JSON's.
        return Document(json.loads(json.dumps(source, default=str)), "the document")
    hosts = entries_for(str(source)) if is_web(source) else []
    way = outbound or Outbound(hosts=hosts)
    return Document.read(source, replace(way, most_bytes=max(LARGEST, way.most_bytes)))


def _chosen(
    document: Document, names: Sequence[str] | None, tags: Sequence[str] | None
) -> list[Entry]:
    known = {entry.operation_id: entry for entry in reading.entries(document)}
    for name in names or ():
        if name not in known:
            near = get_close_matches(name, known, n=3) or list(known)[:10]
            raise DocumentError(
                f"{document.name} has no operation {name!r}. There is: {', '.join(near)}."
            )
    found = [known[name] for name in names] if names is not None else list(known.values())
    if tags is not None:
        found = [entry for entry in found if entry.tags & set(tags)]
    if not found:
        raise DocumentError(f"{document.name} has no operation that was asked for.")
    return found


def _trusted_base_url(entry: Entry, has_secrets: bool) -> str:
    """Where the document says that the API is, unless that must be confirmed first."""
    url = reading.base_url(entry)
    name = entry.place.document.name
    if has_secrets and is_web(name) and httpx.URL(name).host != httpx.URL(url).host:
        # Whoever can change the document could send the secrets to a host of his own.
        raise DocumentError(
            f"{name} says that the API is at {url}, on another host. If the secrets may go "
            f"there, say so with base_url={url!r}."
        )
    return url


def _way(
    entry: Entry, base_url: str, secrets: Mapping[str, str], outbound: Outbound | None
) -> Outbound:
    host = entry_for(base_url)
    needed = credentials(entry.place, host, secrets)
    way = outbound or Outbound(hosts=entries_for(base_url))
    return replace(way, credentials=[*way.credentials, *needed])


def _tool(operation: Operation, base_url: str, way: Outbound, most_characters: int) -> BaseTool:
    async def call(**arguments: Any) -> str:
        given = {key: value for key, value in arguments.items() if value is not None}
        _check(operation, given)
        request = request_of(operation, given)
        answer = await way.send(
            request.method,
            base_url.rstrip("/") + request.path,
            params=request.params,
            headers={"Accept": "application/json, */*;q=0.5", **request.headers},
            content=request.content,
        )
        return shown(answer, most_characters)

    return tool_of(
        call,
        name=operation.name,
        description=operation.description,
        args_schema=operation.schema,
    )


def _check(operation: Operation, arguments: dict[str, Any]) -> None:
    # Imported with the first call: a graph that only names the tools starts without it.
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    errors = sorted(
        Draft202012Validator(operation.schema).iter_errors(arguments),
        key=lambda error: list(map(str, error.absolute_path)),
    )
    if errors:
        told = "; ".join(_told(error) for error in errors[:MOST_ERRORS])
        raise Refused(f"The arguments of {operation.name} are wrong: {told}. Correct them.")


def _told(error: Any) -> str:
    where = ".".join(map(str, error.absolute_path))
    return f"{where}: {error.message[:LONGEST_ERROR]}".removeprefix(": ")
