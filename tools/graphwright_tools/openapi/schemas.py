"""A document's schemas as JSON Schema 2020-12, whole in themselves: without references.

Models and their providers read a schema best when nothing in it refers elsewhere. So references
are replaced by what they mean. A schema that contains itself is unrolled twice; what would be
inside of that may be anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from graphwright_tools.openapi.document import Place

MOST_UNROLLED: Final = 2  # times that a schema may contain itself
MOST_SCHEMAS: Final = 2_000  # in one operation's arguments
DEEPEST: Final = 40  # levels of schemas in each other

ONE: Final = frozenset(
    {"items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else"}
)
LISTED: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
NAMED: Final = frozenset({"properties", "patternProperties", "dependentSchemas"})
NUMBERS: Final = frozenset(
    {
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "minItems", "maxItems", "minContains", "maxContains"),
        *("minProperties", "maxProperties"),
    }
)
FREE: Final = frozenset(
    {"const", "format", "title", "description", "default", "examples", "uniqueItems"}
)
TYPES: Final = ("string", "number", "integer", "boolean", "object", "array", "null")

Schema = dict[str, Any]


class Schemas:
    """Writes the schemas of one operation, and keeps count of their size."""

    def __init__(self) -> None:
        self._left = MOST_SCHEMAS

    def written(self, place: Place) -> Schema:
        """The schema that stands at a place.

        Raises:
            DocumentError: it is none, or refers to what is not there.
        """
        return self._written(place, ())

    def _written(self, place: Place, inside: tuple[tuple[str, ...], ...]) -> Schema:
        self._left -= 1
        if isinstance(place.value, bool):
            return {} if place.value else {"not": {}}
        if not isinstance(place.value, Mapping):
            raise place.wrong("must be a schema")
        beside = {key: value for key, value in place.value.items() if key != "$ref"}
        target = place.resolved()
        if target.pointer != place.pointer:
            if inside.count(target.pointer) >= MOST_UNROLLED:
                return {}
            inside = (*inside, target.pointer)
        if self._left < 0 or len(inside) > DEEPEST or len(target.pointer) > 200:
            return {}
        schema = self._keywords(target, inside)
        if beside and target is not place and not place.document.is_3_0:
            # Since 3.1 what stands beside a reference counts too.
            schema |= self._keywords(Place(place.document, place.pointer, beside), inside)
        return schema

    def _keywords(self, place: Place, inside: tuple[tuple[str, ...], ...]) -> Schema:
        if isinstance(place.value, bool):
            return {} if place.value else {"not": {}}
        schema: Schema = {}
        for key, value in place.value.items():
            below = place.below(key, value)
            if key in FREE or (key == "pattern" and _compiles(value)):
                schema[key] = value
            elif key in CHECKED:
                CHECKED[key](below)
                schema[key] = value
            elif key in ONE:
                schema[key] = self._written(below, inside)
            elif key in LISTED:
                schema[key] = [self._written(each, inside) for each in _children(below).values()]
            elif key in NAMED:
                schema[key] = {k: self._written(v, inside) for k, v in _children(below).items()}
        schema = _without_read_only(schema, place.value)
        return _modern(schema, place.value) if place.document.is_3_0 else schema


def _check_number(place: Place) -> None:
    if not isinstance(place.value, int | float):  # in 3.0 some limits are true or false
        raise place.wrong("must be a number")


def _check_list(place: Place) -> None:
    if not isinstance(place.value, list):
        raise place.wrong("must be a list")


def _check_type(place: Place) -> None:
    types = place.value if isinstance(place.value, list) else [place.value]
    for each in types:
        if each not in TYPES:
            raise place.wrong(f"is {each!r}; known are {', '.join(TYPES)}")


CHECKED: Final[Mapping[str, Callable[[Place], None]]] = {
    "type": _check_type,
    "enum": _check_list,
    "required": _check_list,
    **dict.fromkeys(NUMBERS, _check_number),
}


def _children(place: Place) -> dict[str, Place]:
    """The places below, by their keys; references in them are not followed."""
    value = place.value
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, Mapping):
        raise place.wrong("must be an object or a list of schemas")
    return {str(key): place.below(str(key), each) for key, each in value.items()}


def _without_read_only(schema: Schema, source: Mapping[str, Any]) -> Schema:
    """Without the properties that only answers have: a request must not send them."""
    given = source.get("properties")
    if not isinstance(given, Mapping):
        return schema
    hidden = {k for k, v in given.items() if isinstance(v, Mapping) and v.get("readOnly") is True}
    if not hidden:
        return schema
    kept = {key: value for key, value in schema["properties"].items() if key not in hidden}
    required = [key for key in schema.get("required", []) if key not in hidden]
    return {**schema, "properties": kept, "required": required}


def _modern(schema: Schema, source: Mapping[str, Any]) -> Schema:
    """What only 3.0 writes in its own way."""
    for limit, strict in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(schema.get(strict), bool):
            is_strict = schema.pop(strict)
            if is_strict and limit in schema:
                schema[strict] = schema.pop(limit)
    if source.get("nullable") is not True:
        return schema
    if isinstance(schema.get("enum"), list):
        schema["enum"] = [*schema["enum"], None]
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def _compiles(pattern: Any) -> bool:
    # Patterns are ECMAScript's; one that Python does not know is left to the service to check.
    try:
        re.compile(pattern)
    except (re.error, TypeError, RecursionError):
        return False
    return True
