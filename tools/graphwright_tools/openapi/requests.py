"""A model's arguments as a request, in the styles of OpenAPI."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from graphwright_tools.errors import Refused
from graphwright_tools.openapi.operations import FORM, JSON, Body, Operation, Parameter

SEPARATORS: Final = {"form": ",", "simple": ",", "spaceDelimited": " ", "pipeDelimited": "|"}
CLIMBING: Final = re.compile(r"(?:^|[/\\])\.{1,2}(?:$|[/\\])")
COOKIE_SAFE: Final = "!#$&'()*+-./:<=>?@[]^_`{|}~"


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: below the base URL."""

    method: str
    path: str
    params: list[tuple[str, str]]
    headers: dict[str, str]
    content: bytes | None


def request_of(operation: Operation, arguments: Mapping[str, Any]) -> Request:
    """The request that an operation's arguments, which are valid, make.

    Raises:
        Refused: an argument of the path would lead out of its place.
    """
    given = [
        (each, arguments[each.argument])
        for each in operation.parameters
        if arguments.get(each.argument) is not None
    ]
    headers = {each.name: _joined(each, value) for each, value in given if each.place == "header"}
    cookies = [
        pair for each, value in given if each.place == "cookie" for pair in _pairs(each, value)
    ]
    if cookies:
        headers["Cookie"] = "; ".join(
            f"{name}={quote(text, COOKIE_SAFE)}" for name, text in cookies
        )
    content = None
    if operation.body is not None and "body" in arguments:
        content = _content(operation.body, arguments["body"])
        headers["Content-Type"] = operation.body.media_type
    return Request(
        method=operation.method,
        path=_path(operation.path, {e.name: _joined(e, v) for e, v in given if e.place == "path"}),
        params=[
            pair for each, value in given if each.place == "query" for pair in _pairs(each, value)
        ],
        headers=headers,
        content=content,
    )


def _path(template: str, values: Mapping[str, str]) -> str:
    for name, text in values.items():
        if not text or CLIMBING.search(text):
            raise Refused(f"The argument {name} can't be {text!r}: it is part of a path.")
    return re.sub(r"\{([^{}]+)\}", lambda found: quote(values[found[1]], safe=""), template)


def _pairs(parameter: Parameter, value: Any) -> Iterator[tuple[str, str]]:
    """A parameter of the query or a cookie: one pair, or several."""
    name = parameter.name
    if parameter.is_json or not isinstance(value, list | Mapping):
        yield name, _joined(parameter, value)
    elif parameter.style == "deepObject" and isinstance(value, Mapping):
        yield from ((f"{name}[{key}]", _text(each)) for key, each in value.items())
    elif not parameter.explode:
        yield name, _joined(parameter, value)
    elif isinstance(value, Mapping):
        yield from ((str(key), _text(each)) for key, each in value.items())
    else:
        yield from ((name, _text(each)) for each in value)


def _joined(parameter: Parameter, value: Any) -> str:
    """A parameter as one text."""
    if parameter.is_json:
        return json.dumps(value, ensure_ascii=False)
    separator = SEPARATORS.get(parameter.style, ",")
    if isinstance(value, Mapping):
        if parameter.explode:
            return separator.join(f"{key}={_text(each)}" for key, each in value.items())
        return separator.join(
            part for key, each in value.items() for part in (str(key), _text(each))
        )
    if isinstance(value, list):
        return separator.join(map(_text, value))
    return _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _content(body: Body, value: Any) -> bytes:
    plain = body.media_type.partition(";")[0].strip().lower()
    if plain == FORM and isinstance(value, Mapping):
        pairs = [
            (key, _text(each))
            for key, several in value.items()
            for each in (several if isinstance(several, list) else [several])
        ]
        return urlencode(pairs).encode()
    return (json.dumps(value) if JSON.fullmatch(plain) else _text(value)).encode()
