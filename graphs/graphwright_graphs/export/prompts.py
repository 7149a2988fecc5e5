"""Prompts as LangChain's templates, and the values that they are filled in with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from string import Formatter

from graphwright_graphs import prompts
from graphwright_graphs.context import Readable
from graphwright_graphs.export import runtime, state
from graphwright_graphs.export.literals import block
from graphwright_graphs.export.module import Module


def values(names: Iterable[str], channels: Mapping[str, Readable], module: Module) -> str:
    """The keyword arguments that fill in a template's variables."""
    return ", ".join(f"{name}={value(name, channels, module)}" for name in dict.fromkeys(names))


def value(name: str, channels: Mapping[str, Readable], module: Module) -> str:
    """A variable's value as text."""
    if name == prompts.TODAY:
        return f"{module.inlined(runtime.today)}()"
    read = state.required(name, channels[name])
    return (
        read.text
        if read.shape.name == "string"
        else f"{module.inlined(prompts.as_text)}({read.text})"
    )


def variables(text: str) -> list[str]:
    """The variables of an f-string template, in order."""
    return [name for _, name, _, _ in Formatter().parse(text) if name is not None]


def filled(
    text: str, channels: Mapping[str, Readable], module: Module, name: str = "prompt"
) -> str:
    """A template with its values: the text itself where it has no variables."""
    names = variables(text)
    if not names:
        said = plain(text)
        is_long = "\n" in said or len(said) > 60
        return module.constant(name, block(said)) if is_long else block(said)
    constant = module.constant(name, block(text))
    return f"{constant}.format({values(names, channels, module)})"


def plain(text: str) -> str:
    """What a template without variables says."""
    return text.replace("{{", "{").replace("}}", "}")
