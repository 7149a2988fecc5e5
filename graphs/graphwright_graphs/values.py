"""What a channel or a run's setting may hold: its type, its default, its description.

A type is a word of JSON Schema, `list[...]` of one, a list of the values themselves under `enum`,
or a whole JSON Schema under `schema`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from graphwright_graphs.bodies import Unfit
from graphwright_graphs.problems import Problems, meant, nearest, quoted, shown
from graphwright_graphs.source import Where

if TYPE_CHECKING:
    from jsonschema import SchemaError

TYPES: Mapping[str, Any] = {
    "any": Any,
    "boolean": bool,
    "integer": int,
    "list": list[Any],
    "number": float,
    "object": dict[str, Any],
    "string": str,
}
_LIST = re.compile(r"list\[(.+)\]")
_OF_JSON: Mapping[str, str] = {"array": "list"}
_TO_JSON: Mapping[str, str] = {"list": "array"}
JSON_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_SHAPES = {"array": "a list", "object": "a mapping", "string": "text"}
_NOTES = frozenset(
    ("$comment", "$defs", "$id", "$schema", "default", "definitions", "description", "title")
)
"""The words of a JSON Schema that say nothing about a value."""
_OTHER_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("str", "text"), "string"),
    "int": "integer",
    **dict.fromkeys(("float", "double", "decimal"), "number"),
    "bool": "boolean",
    **dict.fromkeys(("dict", "map", "mapping", "json"), "object"),
    **dict.fromkeys(("array", "set", "tuple", "sequence"), "list"),
}
_LISTS = (
    re.compile(r"(?:list|array|set|tuple|sequence)\s*(?:\[|\(|<|\bof\b)\s*(.+?)\s*[\])>]?"),
    re.compile(r"(.+)\[\]"),
)
_OR_NOTHING = re.compile(r"\?$|\s*\|\s*(?:null|none)$")

TYPE_PATTERN = rf"^(list\[)*({'|'.join(TYPES)})\]*$"


class Value(BaseModel):
    """The type, default and description of what is held."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "dependentSchemas": {
                "type": {"properties": {"enum": False, "schema": False}},
                "enum": {"properties": {"schema": False}},
            }
        },
    )

    type: Annotated[str, Field(pattern=TYPE_PATTERN)] | None = None
    """`string`, `integer`, `number`, `boolean`, `object`, `list`, `any`, or `list[…]` of one."""
    enum: list[str | int | float | bool] | None = Field(default=None, min_length=1)
    """The only values there are."""
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    """A JSON Schema of the value."""
    default: Any = None
    description: str | None = None

    @field_validator("type", mode="before")
    @classmethod
    def _known_type(cls, word: Any) -> Any:
        if isinstance(word, str):
            try:
                _type(word)
            except ValueError as error:
                raise Unfit(str(error), meant_type(word)) from None
        return word

    @model_validator(mode="after")
    def _one_type(self) -> Value:
        if sum(word is not None for word in (self.type, self.enum, self.json_schema)) > 1:
            raise ValueError("one of `type`, `enum` and `schema`")
        return self

    @property
    def is_typed(self) -> bool:
        """Whether anything is said about the type."""
        return any(word is not None for word in (self.type, self.enum, self.json_schema))

    def held(self) -> Any:
        """The Python type of the value."""
        if self.enum is not None:
            return Literal[tuple(self.enum)]
        if self.json_schema is not None:
            word = self.json_schema.get("type")
            python = TYPES.get(_OF_JSON.get(word, word)) if isinstance(word, str) else None
            return Annotated[python or Any, WithJsonSchema(self.json_schema)]
        return _type(self.type or "any")

    @property
    def expected(self) -> str:
        """What the value has to be, in words; for one without a schema."""
        return f"one of {', '.join(map(str, self.enum))}" if self.enum else str(self.type)

    def check(self, problems: Problems, where: Where) -> None:
        """Report a schema that is none, and a default that does not fit the type."""
        if self.json_schema is not None:
            check_schema(self.json_schema, problems, (*where, "schema"))
        if self.default is not None and (expected := self._misfit()):
            problems.report((*where, "default"), shown(self.default), expected)

    def _misfit(self) -> str | None:
        """What a default would have to be; None for one that fits."""
        if self.json_schema is not None:
            return misfit(self.default, self.json_schema)
        try:
            TypeAdapter(self.held()).validate_python(self.default, strict=True)
        except ValidationError:
            return self.expected
        return None


def check_schema(schema: dict[str, Any], problems: Problems, where: Where) -> None:
    """Report what is wrong with a JSON Schema that stands in a document."""
    from jsonschema import SchemaError  # noqa: PLC0415 - it takes long, and few documents have one
    from jsonschema.validators import validator_for  # noqa: PLC0415

    validator = validator_for(schema)
    try:
        validator.check_schema(schema)
    except SchemaError as error:
        expected, hint = _in_schema(error)
        problems.report((*where, *error.absolute_path), shown(error.instance), expected, hint)
    if schema and not schema.keys() & {*validator.VALIDATORS, *_NOTES}:
        name = next(iter(schema))
        hint = f"write {{type: object, properties: {{{name}: …}}}}"
        place, expected = (*where, name), "a word of JSON Schema"
        problems.report(place, quoted(name), expected, hint, at_key=True, warning=True)


def _in_schema(error: SchemaError) -> tuple[str, str | None]:
    """What is expected where a JSON Schema is wrong, and a hint."""
    *before, word = error.absolute_path or [""]
    if word == "type" and before[-1:] != ["properties"] and isinstance(error.instance, str):
        kind = meant_type(error.instance) or ""
        kind = _TO_JSON.get(kind, kind)
        return f"one of {', '.join(JSON_TYPES)}", meant(kind) if kind in JSON_TYPES else None
    shape = _SHAPES.get(str(error.validator_value)) if error.validator == "type" else None
    return shape or f"a JSON Schema ({error.message})", None


def misfit(value: Any, schema: Mapping[str, Any]) -> str | None:
    """Why a value does not fit a JSON Schema; None for one that fits, or a schema that is none."""
    from jsonschema import SchemaError, ValidationError  # noqa: PLC0415 - see check_schema
    from jsonschema.validators import validate  # noqa: PLC0415

    try:
        validate(value, schema)
    except ValidationError as error:
        return f"what its schema says ({error.message})"
    except SchemaError:  # reported where the schema stands
        pass
    return None


def meant_type(word: str, *, typed_well: bool = False) -> str | None:
    """The type that a word of another language stands for, or is nearest to; None for no type."""
    plain = _OR_NOTHING.sub("", word.strip().casefold())
    for pattern in _LISTS:
        if match := pattern.fullmatch(plain):
            inner = meant_type(match[1], typed_well=typed_well)
            return f"list[{inner}]" if inner else None
    if plain in TYPES:
        return plain
    return _OTHER_WORDS.get(plain) or (None if typed_well else nearest(plain, TYPES))


def _type(word: str) -> Any:
    """The Python type that a word names. Raises ValueError."""
    if match := _LIST.fullmatch(word):
        return list[_type(match[1])]  # type: ignore[misc]
    if word not in TYPES:
        *others, last = TYPES
        raise ValueError(f"one of {', '.join(others)} or {last}")
    return TYPES[word]
