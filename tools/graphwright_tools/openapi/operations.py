"""The operations of a document: what each takes, and where it sends it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin

from graphwright_tools.openapi.document import Document, Place, is_web
from graphwright_tools.openapi.schemas import Schema, Schemas

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "query")
PLACES: Final = ("path", "query", "header", "cookie")
STYLES: Final = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = re.compile(r"application/(?:.*\+)?json|\*/\*|application/\*", re.IGNORECASE)
IGNORED_HEADERS: Final = frozenset({"accept", "content-type", "authorization"})  # by the standard
RESERVED: Final = frozenset({"self", "config", "run_manager", "callbacks"})  # LangChain's own
LONGEST_NAME: Final = 64  # characters that the providers of models take
LONGEST_DESCRIPTION: Final = 1_000  # characters


@dataclass(frozen=True, slots=True)
class Parameter:
    """What goes into the path, the query, a header or a cookie."""

    argument: str  # its name for the model
    name: str
    place: str
    is_required: bool
    schema: Schema
    style: str
    explode: bool
    is_json: bool


@dataclass(frozen=True, slots=True)
class Body:
    """What goes into the request's body."""

    media_type: str
    is_required: bool
    schema: Schema


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that an API can do."""

    name: str
    method: str
    path: str
    description: str
    parameters: tuple[Parameter, ...]
    body: Body | None
    place: Place = field(repr=False)

    @property
    def schema(self) -> Schema:
        """The JSON Schema of its arguments."""
        properties = {each.argument: each.schema for each in self.parameters}
        required = [each.argument for each in self.parameters if each.is_required]
        if self.body is not None:
            properties["body"] = self.body.schema
            required += ["body"] * self.body.is_required
        return {
            "type": "object",
            "title": self.name,
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }


@dataclass(frozen=True, slots=True)
class Entry:
    """An operation that was found, but not yet read: its document may be wrong elsewhere."""

    method: str
    path: str
    item: Place  # of the path
    place: Place

    @property
    def operation_id(self) -> str:
        """Its name in the document, or one made of its method and path."""
        return self.place.text("operationId") or f"{self.method}_{self.path.strip('/')}"

    @property
    def tags(self) -> frozenset[str]:
        """The groups that it is in."""
        tags = self.place.get("tags")
        return (
            frozenset(map(str, tags.value))
            if tags and isinstance(tags.value, list)
            else frozenset()
        )


def entries(document: Document) -> Iterator[Entry]:
    """All operations of a document.

    Raises:
        DocumentError: it has no paths.
    """
    for path, item in document.root.need("paths").items():
        if path.startswith("/"):  # the others are extensions
            for method in METHODS:
                place = item.get(method)
                if place is not None:
                    yield Entry(method, path, item, place)


def read(entry: Entry) -> Operation:
    """The operation with all its arguments.

    Raises:
        DocumentError: the document is wrong there.
        Unsupported: these tools can't call it.
    """
    schemas = Schemas()
    operation = Operation(
        name=safe_name(entry.operation_id),
        method=entry.method.upper(),
        path=entry.path,
        description=_description(entry),
        parameters=tuple(_parameters(entry, schemas)),
        body=_body(entry.place, schemas),
        place=entry.place,
    )
    known = {each.name for each in operation.parameters if each.place == "path"}
    for name in re.findall(r"\{([^{}]+)\}", entry.path):
        if name not in known:
            raise entry.place.wrong(f"has no path parameter {name!r}, which {entry.path} names")
    return operation


def safe_name(name: str) -> str:
    """A name that every provider of models takes."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:LONGEST_NAME] or "operation"


def base_url(entry: Entry) -> str:
    """Where the document says that the operation is.

    Raises:
        DocumentError: it does not say so.
    """
    document = entry.place.document
    for place in (entry.place, entry.item, document.root):
        servers = place.get("servers")
        if servers is not None and servers.value:
            _, server = next(servers.items())
            url = _filled(server)
            if not is_web(url):
                url = urljoin(document.name, url) if is_web(document.name) else url
            if is_web(url):
                return url
            raise server.wrong(f"has the url {url!r} without a host; give base_url=")
    raise document.root.wrong("has no servers; give base_url=")


def _filled(server: Place) -> str:
    variables = server.get("variables")

    def default(found: re.Match[str]) -> str:
        variable = variables.need(found[1]) if variables else None
        if variable is None:
            raise server.wrong(f"has no variable {found[1]!r}")
        return str(variable.need("default").value)

    return re.sub(r"\{([^{}]+)\}", default, str(server.need("url").value))


def _description(entry: Entry) -> str:
    said = (entry.place.text("summary"), entry.place.text("description"))
    text = "\n\n".join(dict.fromkeys(part.strip() for part in said if part.strip()))
    return (text or f"{entry.method.upper()} {entry.path}")[:LONGEST_DESCRIPTION]


def _parameters(entry: Entry, schemas: Schemas) -> Iterator[Parameter]:
    found: dict[tuple[str, str], Place] = {}
    for holder in (entry.item, entry.place):  # an operation's own replace those of its path
        listed = holder.get("parameters")
        for _, place in listed.items() if listed else ():
            found[str(place.need("name").value), str(place.need("in").value)] = place
    taken = {"body", *RESERVED}
    for (name, where), place in found.items():
        if where not in PLACES:
            raise place.wrong(f"is in {where!r}; known are {', '.join(PLACES)}")
        if where == "header" and name.lower() in IGNORED_HEADERS:
            continue
        argument = safe_name(name)
        if argument in taken:
            argument = f"{argument}_{where}"
        taken.add(argument)
        yield _parameter(place, argument, name, where, schemas)


def _parameter(place: Place, argument: str, name: str, where: str, schemas: Schemas) -> Parameter:
    content = place.get("content")
    holder = next((below for _, below in content.items()), place) if content else place
    given = holder.value.get("schema", True)
    schema = schemas.written(holder.below("schema", given))
    if said := place.text("description"):
        schema = {**schema, "description": said[:LONGEST_DESCRIPTION]}
    style = place.text("style") or STYLES[where]
    explode: Any = place.value.get("explode", style == "form")
    return Parameter(
        argument=argument,
        name=name,
        place=where,
        is_required=where == "path" or place.value.get("required") is True,
        schema=schema,
        style=style,
        explode=explode is True,
        is_json=content is not None,
    )


def _body(place: Place, schemas: Schemas) -> Body | None:
    given = place.get("requestBody")
    if given is None:
        return None
    content = dict(given.need("content").items())
    is_required = given.value.get("required") is True
    for media_type, holder in sorted(content.items(), key=lambda pair: not JSON.fullmatch(pair[0])):
        plain = media_type.partition(";")[0].strip().lower()
        if JSON.fullmatch(plain) or plain == FORM or plain.startswith("text/"):
            written = schemas.written(holder.below("schema", holder.value.get("schema", True)))
            sent = "application/json" if "*" in plain else media_type
            return Body(sent, is_required, written)
    if not is_required:
        return None
    raise given.unsupported(
        f"takes {', '.join(content)}, but only JSON, forms and text can be sent"
    )
