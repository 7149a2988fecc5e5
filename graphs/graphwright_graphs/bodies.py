"""Reading a part of a document as a pydantic model, whose mismatches become problems."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from graphwright_graphs.problems import Problems, did_you_mean, meant, quoted, shown
from graphwright_graphs.source import Where

Spec = TypeVar("Spec", bound=BaseModel)

_WORD = re.compile(r"\w+")
_NOTHING = object()
# Words of other languages, each with those that have its meaning somewhere in this one.
_OTHER_WORDS: Mapping[str, Sequence[str]] = {
    "assistant": ("ai",),
    "condition": ("when",),
    "if": ("when",),
    "instructions": ("prompt", "text"),
    "statement": ("query",),
    "system": ("prompt", "text"),
    "then": ("choose",),
    "to": ("choose",),
    "user": ("human",),
}
_MODEL_WORDS = ("max_tokens", "seed", "stop", "temperature", "top_p")
_FORMS = {r"^env:": "env:NAME", r"^[\w.]+:": "`module:function`"}
_SHAPES = {
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "a mapping",
    "string_too_short": "text that is not empty",
    "string_type": "text",
    "too_short": "at least one",
}


class Unfit(ValueError):
    """What a validator of a part of a document raises: what is expected, and what was meant."""

    def __init__(self, expected: str, meant: str | None = None) -> None:
        super().__init__(expected)
        self.meant = meant


def read(
    spec: type[Spec],
    data: Any,
    where: Where,
    problems: Problems,
    *,
    short: str | None = None,
    context: Any = None,
    beside: Collection[str] = (),
) -> Spec | None:
    """Read `data` as `spec`; each mismatch is reported, and None returned then.

    `short` is the field that a bare list or text stands for (`tools: [clock]`); `context` is what
    validators get, and `beside` has words that belong one level further out.
    """
    whole = data
    if data is None:
        whole = {}
    elif short and not isinstance(data, dict):
        whole = {short: data}
    try:
        return spec.model_validate(whole, context=context)
    except ValidationError as error:
        shortened = short if whole is not data else None
        _Mismatches(spec, whole, where, problems, shortened, beside).report(error)
        return None


@dataclass(frozen=True, slots=True)
class _Mismatches:
    """What pydantic found, said of a document."""

    spec: type[BaseModel]
    data: Any
    where: Where
    problems: Problems
    short: str | None
    """The field that has no key of its own."""
    beside: Collection[str]

    def report(self, error: ValidationError) -> None:
        expectations: dict[Where, list[ErrorDetails]] = {}
        deeper: set[Where] = set()
        for each in error.errors(include_url=False):
            place = _place(each, self.data)
            is_short = self.short is not None and place[:1] == (self.short,)
            full = (*self.where, *(place[1:] if is_short else place))
            deeper.update(full[:length] for length in range(len(full)))
            if each["type"] == "extra_forbidden":
                self.strange(full, place)
            elif each["type"] == "missing":
                self.problems.report(full[:-1], f"no `{each['loc'][-1]}`", "one", at_key=True)
            else:
                expectations.setdefault(full, []).append(each)
        for full, errors in expectations.items():
            if full not in deeper:  # else another member of a union fits better, further in
                self.unfitting(full, errors)

    def unfitting(self, where: Where, errors: Sequence[ErrorDetails]) -> None:
        """Report a value that is none of what there may be."""
        # The member of a union that has the right shape says what else is wrong.
        fitting = [each for each in errors if not each["type"].endswith("_type")] or errors
        expected = " or ".join(dict.fromkeys(map(_expectation, fitting)))
        found = _look_up(self.problems.source.data, where)
        self.problems.report(where, shown(found), expected, _hint(found, fitting, expected))

    def strange(self, where: Where, place: Where) -> None:
        """Report a key that is none of the fields."""
        fields = _fields(self.spec, place)
        expected = f"one of {', '.join(fields)}" if fields else "nothing here"
        hint = self.hint(where, fields, self.beside if len(place) == 1 else ())
        self.problems.report(where, quoted(str(place[-1])), expected, hint, at_key=True)

    def hint(self, where: Where, fields: list[str], beside: Collection[str]) -> str | None:
        """What to do about a key that is none of the fields."""
        name = str(where[-1])
        if self.problems.source.has_no_colon(where):
            alone = len(_look_up(self.problems.source.data, where[:-1])) == 1
            return f'write "{{{name}}}" for a text' if alone else "write a text in quotes"
        if name in beside:
            return f"it belongs beside `{where[-2]}`, not under it"
        if name in _MODEL_WORDS and "model" in fields:
            return f"write `model: {{{name}: …}}`"
        value = _look_up(self.problems.source.data, where)
        if name == "role" and isinstance(value, str) and (role := _other(value, fields)):
            return f"write `{role}: …`"
        other = _other(name, fields)
        return meant(other) if other else did_you_mean(name, fields)


def _other(name: str, fields: Collection[str]) -> str | None:
    """The field that a word of another language stands for, or is itself."""
    return next((each for each in (name, *_OTHER_WORDS.get(name, ())) if each in fields), None)


def _hint(found: Any, errors: Iterable[ErrorDetails], expected: str) -> str | None:
    raised = ((each.get("ctx") or {}).get("error") for each in errors)
    for error in raised:
        if isinstance(error, Unfit) and error.meant:
            return meant(error.meant)
    if isinstance(found, str) and re.match(r"-\S", found) and "a list" in expected:
        return "write a blank after each dash"
    if isinstance(found, str) and expected == "a list" and re.fullmatch(r"[\w:.]+", found):
        return f"write [{found}]"
    listed = isinstance(found, str) and expected.startswith("one of ")
    return did_you_mean(found, _WORD.findall(expected)) if listed else None


def _place(error: ErrorDetails, data: Any) -> Where:
    """Where in the data an error is. Pydantic also puts the names of union members into `loc`."""
    place: list[str | int] = []
    for part in error["loc"]:
        inner = _inside(data, part)
        if inner is not _NOTHING:
            data = inner
            place.append(part)
    return (*place, error["loc"][-1]) if error["type"] == "missing" else tuple(place)


def _look_up(data: Any, where: Where) -> Any:
    for part in where:
        inner = _inside(data, part)
        data = data if inner is _NOTHING else inner
    return data


def _inside(data: Any, part: str | int) -> Any:
    """What stands under a key or index, `_NOTHING` when there is none."""
    try:
        return _NOTHING if isinstance(data, str) else data[part]
    except (IndexError, KeyError, TypeError):
        return _NOTHING


def _fields(spec: type[BaseModel], place: Where) -> list[str]:
    """The keys that the mapping around `place` may have."""
    for part, after in pairwise(place):
        if isinstance(part, str) and part in spec.model_fields:
            is_list = isinstance(after, int)
            nested = _model_in(spec.model_fields[part].annotation, in_list=is_list)
            if nested is None:
                return []
            spec = nested
    return [info.alias or name for name, info in spec.model_fields.items()]


def _model_in(annotation: Any, *, in_list: bool) -> type[BaseModel] | None:
    """The model inside an annotation such as `str | list[Turn] | FullPrompt`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return None if in_list else annotation
    if get_origin(annotation) is list:
        return _model_in(get_args(annotation)[0], in_list=False) if in_list else None
    inner = (_model_in(each, in_list=in_list) for each in get_args(annotation))
    return next(filter(None, inner), None)


def _expectation(error: ErrorDetails) -> str:
    context: Mapping[str, Any] = error.get("ctx") or {}
    if error["type"] in ("literal_error", "enum"):
        return f"one of {context['expected']}".replace("'", "")
    if error["type"] == "value_error":
        return str(context["error"])
    if error["type"] == "string_pattern_mismatch":
        forms = (form for start, form in _FORMS.items() if context["pattern"].startswith(start))
        return next(forms, f"text like {context['pattern']}")
    return _SHAPES.get(error["type"]) or error["msg"].removeprefix("Input should be ")
