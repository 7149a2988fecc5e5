"""What a caller may set for a run of a graph: the fields of its runtime context."""

from collections.abc import Sequence
from typing import Any, get_type_hints

from langchain_core.runnables import ConfigurableFieldSpec
from pydantic import PydanticUserError

from graphwright.project import AnyGraph

_TYPES: dict[str, Any] = {"boolean": bool, "integer": int, "number": float, "string": str}


def settings_of(graph: AnyGraph) -> Sequence[ConfigurableFieldSpec]:
    """The fields of a graph's context, as LangServe and its playground show them."""
    return [
        ConfigurableFieldSpec(
            id=name,
            # The playground cannot draw a field that may be null, nor one that may be many things.
            annotation=_TYPES.get(field.get("type", ""), Any),
            default=field.get("default"),
            name=field.get("title", name),
            description=field.get("description"),
        )
        for name, field in _fields(graph).items()
    ]


def _fields(graph: AnyGraph) -> dict[str, dict[str, Any]]:
    """The JSON Schema of each field of a graph's context."""
    if graph.context_schema is None:
        return {}
    try:
        schema = graph.get_context_jsonschema() or {}
    except PydanticUserError:  # before Python 3.12 for a `typing.TypedDict`: names are all there is
        return {name: {} for name in get_type_hints(graph.context_schema)}
    fields: dict[str, dict[str, Any]] = schema.get("properties", {})
    return fields
