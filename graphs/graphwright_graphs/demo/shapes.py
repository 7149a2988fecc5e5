"""The few questions that are asked of a JSON Schema, whatever dialect wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

DEEPEST: Final = 12  # levels of a schema that are followed; recursive ones end there


def resolve(schema: Any, root: Schema) -> dict[str, Any]:
    """Return the schema with `$ref` followed and a lone `allOf` merged in, {} for no schema."""
    for _ in range(DEEPEST):
        if not isinstance(schema, Mapping):
            return {}
        if isinstance(reference := schema.get("$ref"), str):
            schema = {**_at(reference, root), **{k: v for k, v in schema.items() if k != "$ref"}}
        elif isinstance(parts := schema.get("allOf"), list) and len(parts) == 1:
            schema = {**parts[0], **{k: v for k, v in schema.items() if k != "allOf"}}
        else:
            return dict(schema)
    return {}


def branches(schema: Schema, root: Schema) -> list[dict[str, Any]]:
    """Return a union's alternatives other than null; of anything else, the schema itself."""
    options = schema.get("anyOf") or schema.get("oneOf")
    if not isinstance(options, list):
        return [dict(schema)]
    resolved = [resolve(option, root) for option in options]
    return [option for option in resolved if option.get("type") != "null"] or [{"type": "null"}]


def nullable(schema: Schema) -> bool:
    """Whether null is a value of the schema."""
    kinds = schema.get("type")
    options = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return (
        kinds == "null"
        or (isinstance(kinds, list) and "null" in kinds)
        or any(isinstance(option, Mapping) and option.get("type") == "null" for option in options)
    )


def kind(schema: Schema) -> str:
    """Return the JSON type, told from the keywords where it is left out, else "string"."""
    kinds = schema.get("type")
    if isinstance(kinds, list):
        kinds = next((name for name in kinds if name != "null"), "null")
    if isinstance(kinds, str):
        return kinds
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def options(schema: Schema) -> list[Any]:
    """Return the values that an `enum` or a `const` allows; empty where any will do."""
    if "const" in schema:
        return [schema["const"]]
    listed = schema.get("enum")
    return [value for value in listed if value is not None] if isinstance(listed, list) else []


def properties(schema: Schema, root: Schema) -> dict[str, dict[str, Any]]:
    """Return an object's fields with their schemas resolved."""
    fields = schema.get("properties")
    if not isinstance(fields, Mapping):
        return {}
    return {str(name): resolve(field, root) for name, field in fields.items()}


def required(schema: Schema) -> list[str]:
    """Return the fields that have to be filled."""
    listed = schema.get("required")
    return [str(name) for name in listed] if isinstance(listed, list) else []


def words(name: str) -> list[str]:
    """Return the words of an identifier: `orderId`, `order_id` and `order-id` are all order, id."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.findall(r"[^\W_]+", spaced.casefold())


def mentioned(option: Any, text: str) -> bool:
    """Whether the text names the option, in its own words."""
    phrase = r"[\s_-]+".join(map(re.escape, words(str(option))))
    return bool(phrase) and bool(re.search(rf"\b{phrase}\b", text.casefold()))


def _at(reference: str, root: Schema) -> dict[str, Any]:
    target: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        target = target.get(part) if isinstance(target, Mapping) else None
    return dict(target) if isinstance(target, Mapping) else {}
