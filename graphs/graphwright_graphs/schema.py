"""The JSON Schema of documents, for editors: made of the classes that `load` reads them with.

It knows every kind of node that is installed. What depends on other parts of a document (the names
of channels, nodes and tools) a schema can't say; `check` does.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from graphwright_graphs.conditions import MAX_LENGTH
from graphwright_graphs.context import Setting
from graphwright_graphs.edges import MAX_TIMES, START
from graphwright_graphs.nodes.kinds import Kinds
from graphwright_graphs.nodes.node import Kind
from graphwright_graphs.nodes.options import INNER_WORDS, Options
from graphwright_graphs.state import Channel

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Json = dict[str, Any]

_INNER = "InnerNode"
_NAME = {"type": "string", "minLength": 1}
_NAMES = {"type": "array", "items": _NAME, "minItems": 1}
_TARGET = {"anyOf": [_NAME, _NAMES]}
_CHANNEL_NAME = {"pattern": r"^(?!today$)[^\W\d]\w*$"}


def document_schema() -> Json:
    """The schema of one document, as data."""
    return _Schema(Kinds().all()).document()


class _Schema:
    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self._kinds = kinds

    def document(self) -> Json:
        return {
            "$schema": DIALECT,
            "title": "A graph of Graphwright",
            "description": "One LangGraph graph: its state, its nodes and its edges.",
            "type": "object",
            "required": ["state", "nodes", "edges"],
            "additionalProperties": False,
            "properties": {
                "$schema": {"type": "string", "description": "For editors: where this schema is."},
                "description": {"type": ["string", "null"], "description": "What the graph does."},
                "state": self._named(Channel, "reducer", "The channels, each with its reducer.", 1),
                "context": self._named(Setting, "type", "What a caller sets for a run."),
                "input": self._subset("The channels that a run takes; without it, all."),
                "output": self._subset("The channels that a run returns; without it, all."),
                "nodes": self._nodes(),
                "edges": _edges(),
            },
            "$defs": {**self._definitions, _INNER: self._inner()},
        }

    @cached_property
    def _models(self) -> list[type[BaseModel]]:
        return [Channel, Setting, Options, *(kind.body for kind in self._kinds.values())]

    @cached_property
    def _made(self) -> tuple[Mapping[Any, Json], Json]:
        return models_json_schema([(model, "validation") for model in self._models])

    @cached_property
    def _definitions(self) -> Json:
        definitions: Json = self._made[1]["$defs"]
        for name, model in _by_name(self._models):
            if name in definitions:
                _describe(definitions[name], model)
                _refer_to_nodes(definitions[name])
        return definitions

    def _ref(self, model: type[BaseModel]) -> Json:
        return self._made[0][model, "validation"]

    def _fields(self, model: type[BaseModel]) -> Json:
        name = self._ref(model)["$ref"].rpartition("/")[2]
        fields: Json = self._definitions[name].get("properties", {})
        return fields

    def _named(self, model: type[BaseModel], short: str, text: str, least: int = 0) -> Json:
        """A mapping of names to bodies of a model, or to what their short form is."""
        return {
            "description": text,
            "type": "object" if least else ["object", "null"],
            "minProperties": least,
            "propertyNames": _CHANNEL_NAME,
            "additionalProperties": self._body(model, short),
        }

    def _body(self, model: type[BaseModel], short: str | None) -> Json:
        """A mapping, or what its short form is; or nothing, where nothing is required."""
        forms = [self._ref(model)]
        if short is not None:
            forms.append(_without_default(self._fields(model)[_alias(model, short)]))
        if not any(field.is_required() for field in model.model_fields.values()):
            forms.append({"type": "null"})
        return {"anyOf": forms} if len(forms) > 1 else forms[0]

    def _subset(self, text: str) -> Json:
        return {"type": ["array", "null"], "items": _NAME, "description": text}

    def _nodes(self) -> Json:
        return {
            "description": "The nodes: each has one kind, and may have options beside it.",
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": r"^(?!(START|END|__start__|__end__)$)[^|:]+$"},
            "additionalProperties": self._node(self._fields(Options)),
        }

    def _inner(self) -> Json:
        fields = self._fields(Options)
        return self._node({word: fields[word] for word in INNER_WORDS})

    def _node(self, options: Json) -> Json:
        words = {word: self._word(kind) for word, kind in self._kinds.items()}
        return {
            "type": "object",
            "properties": {**words, **options},
            "additionalProperties": False,
            "oneOf": [{"required": [word]} for word in words],
        }

    def _word(self, kind: Kind) -> Json:
        about = inspect.getdoc(type(kind)) or ""
        return {**self._body(kind.body, kind.short), "description": about.partition(";")[0]}


def _edges() -> Json:
    branch: Json = {
        "type": "object",
        "additionalProperties": False,
        "required": ["to"],
        "properties": {
            "when": {
                "type": "string",
                "maxLength": MAX_LENGTH,
                "description": "A CEL expression over channels and settings.",
            },
            "to": {**_TARGET, "description": "The node that comes next, several, or END."},
            "at_most": {
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_TIMES,
                "description": "How often it may be taken after an input.",
            },
        },
    }
    last = {**branch, "properties": {"to": branch["properties"]["to"]}}
    return {
        "description": "Where each node leads: `a: b`, `a: [b, c]`, `a & b: c`, or branches.",
        "type": "object",
        "required": [START],
        "additionalProperties": {
            "anyOf": [*_TARGET["anyOf"], {"type": "array", "items": branch, "contains": last}]
        },
    }


def _without_default(schema: Json) -> Json:
    """A field's schema where it stands alone: what it is without does not belong there."""
    kept = {word: each for word, each in schema.items() if word not in ("default", "title")}
    if "anyOf" in kept:
        kept["anyOf"] = [each for each in kept["anyOf"] if each != {"type": "null"}]
    return kept


def _alias(model: type[BaseModel], field: str) -> str:
    return model.model_fields[field].alias or field


def _by_name(models: Sequence[type[BaseModel]]) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models and all that are in them, by the names of their classes."""
    seen: set[type[BaseModel]] = set()
    waiting = list(models)
    while waiting:
        model = waiting.pop()
        if model in seen:
            continue
        seen.add(model)
        yield model.__name__, model
        # Where two have the same name, pydantic puts the module before it.
        yield f"{model.__module__}.{model.__qualname__}".replace(".", "__"), model
        waiting += [each for each in _inside(model) if each not in seen]


def _inside(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    waiting = [field.annotation for field in model.model_fields.values()]
    while waiting:
        annotation = waiting.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        waiting += getattr(annotation, "__args__", ())


def _describe(schema: Json, model: type[BaseModel]) -> None:
    """Say of each field what its class says of it."""
    schema.pop("title", None)
    for field, text in _texts(model).items():
        name = _alias(model, field) if field in model.model_fields else field
        if name in schema.get("properties", {}):
            schema["properties"][name].setdefault("description", text)
    for each in schema.get("properties", {}).values():
        each.pop("title", None)


def _refer_to_nodes(schema: Json) -> None:
    """Let a node inside another be what a node may be, see `nodes.node.InnerNode`."""
    for each in schema.get("properties", {}).values():
        if each.get("format") == "node":
            del each["type"], each["format"]
            each["$ref"] = f"#/$defs/{_INNER}"


def _texts(model: type[BaseModel]) -> dict[str, str]:
    """The texts under the fields of a class; none where its source is not to be had."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if not issubclass(each, BaseModel) or each is BaseModel:
            continue
        try:
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        except (OSError, TypeError, SyntaxError):
            continue
        body = tree.body if isinstance(tree, ast.ClassDef) else []
        for field, text in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                said = text.value if isinstance(text, ast.Expr) else None
                if isinstance(said, ast.Constant) and isinstance(said.value, str):
                    found[field.target.id] = " ".join(said.value.split())
    return found
