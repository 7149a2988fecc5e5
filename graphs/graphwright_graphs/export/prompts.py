"""Prompts as Python text: what they say, and the values that they are filled in with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from string import Formatter
from typing import Any

from graphwright_graphs import prompts
from graphwright_graphs.context import Readable
from graphwright_graphs.export import state
from graphwright_graphs.export.literals import block, literal
from graphwright_graphs.export.module import Module
from graphwright_graphs.prompts import Format, as_text


@dataclass(frozen=True, slots=True)
class Template:
    """A template of a document, with the values that are known already."""

    text: str
    form: Format = "f-string"
    given: Mapping[str, Any] = field(default_factory=dict)
    """Partial variables, or the names of an example."""


def written(template: Template, readable: Mapping[str, Readable], module: Module, name: str) -> str:
    """A template with its values; a constant that it needs gets about that name."""
    if template.form == "f-string":
        text = _with(template.given, template.text) if template.given else template.text
        return filled(text, readable, module, name)
    return _mustache(template, readable, module, name)


def filled(
    text: str, channels: Mapping[str, Readable], module: Module, name: str = "prompt"
) -> str:
    """An f-string template with its values: the text itself where it has no variables."""
    names = dict.fromkeys(variables(text))
    return formatted(text, {each: value(each, channels, module) for each in names}, module, name)


def formatted(text: str, values: Mapping[str, str], module: Module, name: str) -> str:
    """An f-string template with its values, each an expression that gives a text."""
    if not values:
        return _said(plain(text), module, name)
    first = next(iter(values))
    if text == f"{{{first}}}":
        return values[first]
    return f"{module.constant(name, block(text))}.format({_arguments(values)})"


def _arguments(values: Mapping[str, str]) -> str:
    """Keyword arguments; a word of Python itself (`from`) can be one in a dict alone."""
    words = [f"{name}={text}" for name, text in values.items() if not iskeyword(name)]
    others = [f"{literal(name)}: {text}" for name, text in values.items() if iskeyword(name)]
    return ", ".join([*words, *([f"**{{{', '.join(others)}}}"] if others else [])])


def _said(text: str, module: Module, name: str) -> str:
    """A text, as a constant if it is long."""
    is_long = "\n" in text or len(text) > 60
    return module.constant(name, block(text)) if is_long else block(text)


def value(name: str, channels: Mapping[str, Readable], module: Module) -> str:
    """A variable's value as text."""
    if name == prompts.TODAY:
        return _today(module)
    read = state.required(name, channels[name])
    return read.text if read.shape.name == "string" else f"{module.inlined(as_text)}({read.text})"


def _today(module: Module) -> str:
    return f"{module.inlined(prompts.today)}()"


def variables(text: str) -> list[str]:
    """The variables of an f-string template, in order."""
    return [name for _, name, _, _ in Formatter().parse(text) if name is not None]


def plain(text: str) -> str:
    """What a template without variables says."""
    return text.replace("{{", "{").replace("}}", "}")


def _with(given: Mapping[str, Any], text: str) -> str:
    """An f-string template in which some variables are text: braces in it are text, too."""
    pieces = []
    for said, name, _, _ in Formatter().parse(text):
        pieces.append(_escaped(said))
        if name is not None:
            pieces.append(_escaped(as_text(given[name])) if name in given else f"{{{name}}}")
    return "".join(pieces)


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _mustache(
    template: Template, readable: Mapping[str, Readable], module: Module, name: str
) -> str:
    given = template.given
    shown, asked = prompts.used(template.text, [*readable, *given, prompts.TODAY])
    names = dict.fromkeys([*asked, *shown])
    if given.keys() >= names.keys():
        return _said(prompts.rendered(template.text, given), module, name)
    pairs = []
    for each in names:
        if each in given:
            text = literal(given[each])
        elif each == prompts.TODAY:
            text = _today(module)
        else:
            read = state.required if each in shown else state.read
            text = read(each, readable[each]).text
        pairs.append(f"{literal(each)}: {text}")
    constant = module.constant(name, block(template.text))
    return f"{module.inlined(prompts.rendered)}({constant}, {{{', '.join(pairs)}}})"
