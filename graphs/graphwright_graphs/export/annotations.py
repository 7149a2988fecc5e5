"""Types of a state as Python text."""

from __future__ import annotations

import operator
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from pydantic import WithJsonSchema
from pydantic.fields import FieldInfo

from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.module import Module
from graphwright_graphs.imports import file_of


def type_text(annotation: Any, module: Module) -> str:
    """An annotation as it is written; what it names is imported or brought along."""
    if annotation is Any:
        return module.imported("typing", "Any")
    if annotation == AnyMessage:
        return module.imported("langchain_core.messages", "AnyMessage")
    if annotation is NoneType:
        return "None"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner = [type_text(arguments[0], module), *(_extra(each, module) for each in arguments[1:])]
        return f"{module.imported('typing', 'Annotated')}[{', '.join(inner)}]"
    if origin is Literal:
        inner = [literal(each) for each in arguments]
        return f"{module.imported('typing', 'Literal')}[{', '.join(inner)}]"
    if origin is not None:
        inner = [type_text(each, module) for each in arguments]
        return f"{origin.__name__}[{', '.join(inner)}]"
    return str(annotation.__name__)


def _extra(extra: Any, module: Module) -> str:
    """A reducer, or what a schema says of a field."""
    if extra is add_messages:
        return module.imported("langgraph.graph.message", "add_messages")
    if extra is operator.add:
        return f"{module.imported('operator')}.add"
    if isinstance(extra, WithJsonSchema):
        return f"{module.imported('pydantic', 'WithJsonSchema')}({literal(extra.json_schema)})"
    if isinstance(extra, FieldInfo):
        return _field(extra, module)
    return reducer_text(extra, module)


def reducer_text(reducer: Any, module: Module) -> str:
    """A reducer of this package is brought along, any other imported."""
    home = reducer.__module__
    if home.startswith("graphwright_graphs."):
        return module.inlined(reducer)
    file = file_of(home)
    return module.imported(module.home(file) or home if file else home, reducer.__qualname__)


def _field(field: FieldInfo, module: Module) -> str:
    words = {"description": field.description, "json_schema_extra": field.json_schema_extra}
    given = [f"{word}={literal(value)}" for word, value in words.items() if value is not None]
    return f"{module.imported('pydantic', 'Field')}({', '.join(given)})"
