"""A document's state and context: as classes, and as nodes and edges read them."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping, Sequence
from keyword import iskeyword
from typing import Any, get_args, get_origin

from graphwright_graphs.context import Readable, Setting
from graphwright_graphs.export.annotations import type_text
from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.module import INDENT, Module, docstring
from graphwright_graphs.export.shapes import ANY, ATOM, MESSAGE, Shape, Text
from graphwright_graphs.state import Channel

_SHAPES: Mapping[Any, Shape] = {
    bool: Shape("boolean"),
    int: Shape("integer"),
    str: Shape("string"),
    dict: Shape("object"),
}
_EMPTY = (list, dict, int, float, str, bool)
"""Types of which LangGraph makes the first value of a channel with a reducer."""


def read(name: str, channel: Readable) -> Text:
    """The value of a channel in `state`, or of a setting in `context`.

    LangGraph gives a channel with a reducer the empty value of its type from the start; any other
    is missing until it is written.
    """
    if isinstance(channel, Setting):
        return Text(f"context.{name}", ATOM, _shape(channel.held()))
    held = _held(channel)
    shape = Shape("list", MESSAGE) if channel.reducer == "messages" else _shape(held)
    if channel.reducer != "last" and (get_origin(held) or held) in _EMPTY:
        return Text(f'state["{name}"]', ATOM, shape)
    default = f", {literal(channel.empty())}" if channel.empty() is not None else ""
    return Text(f'state.get("{name}"{default})', ATOM, shape)


def required(name: str, channel: Readable) -> Text:
    """The value where there has to be one: a missing one is an error that names the channel."""
    text = read(name, channel)
    if text.text == f'state.get("{name}")':
        return Text(f'state["{name}"]', ATOM, text.shape)
    return text


def _held(channel: Channel) -> Any:
    """The type of the channel's value, without its reducer and what schemas say of it."""
    annotation = channel.annotation()
    while get_origin(annotation) is typing.Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _shape(held: Any) -> Shape:
    if get_origin(held) is typing.Annotated:
        return _shape(get_args(held)[0])
    if get_origin(held) is list:
        return Shape("list", _shape(get_args(held)[0]))
    if get_origin(held) is typing.Literal:
        shapes = {_shape(type(each)) for each in get_args(held)}
        return shapes.pop() if len(shapes) == 1 else ANY
    return _SHAPES.get(get_origin(held) or held, ANY)


def state_class(
    title: str, channels: Mapping[str, Channel], about: str | None, module: Module
) -> str:
    """Define the state's class; its name."""
    fields = {name: type_text(each.annotation(), module) for name, each in channels.items()}
    return _typed_dict(f"{title}State", fields, about, module, total=False)


def subset_class(
    title: str, names: Sequence[str], channels: Mapping[str, Channel], module: Module
) -> str:
    """Define the class of some of the channels, which must be there unless they have a default."""
    fields = {}
    for name in names:
        fields[name] = type_text(channels[name].annotation(), module)
        if channels[name].default is not None:
            fields[name] = f"{module.imported('typing', 'NotRequired')}[{fields[name]}]"
    return _typed_dict(title, fields, None, module, total=True)


def _typed_dict(
    title: str, fields: Mapping[str, str], about: str | None, module: Module, *, total: bool
) -> str:
    # LangGraph and pydantic want this one before Python 3.12.
    base = module.imported("typing_extensions", "TypedDict")
    name = module.named(title)
    if any(map(iskeyword, fields)):
        inside = ", ".join(f"{literal(field)}: {kind}" for field, kind in fields.items())
        more = "" if total else ", total=False"
        doc = [f"{name}.__doc__ = {literal(about)}"] if about else []
        module.add([f"{name} = {base}({literal(name)}, {{{inside}}}{more})", *doc])
        return name
    head = f"class {name}({base}):" if total else f"class {name}({base}, total=False):"
    lines = [f"{INDENT}{field}: {kind}" for field, kind in fields.items()]
    module.add([head, *([*docstring(about), ""] if about else []), *lines])
    return name


def context_class(title: str, settings: Mapping[str, Setting], module: Module) -> str:
    """Define the class of a run's settings; its name."""
    decorator = module.imported("pydantic.dataclasses", "dataclass")
    name = module.named(f"{title}Context")
    lines = [
        f"@{decorator}(kw_only=True)",
        f"class {name}:",
        *_settings(settings, module),
    ]
    module.add(lines)
    return name


def _settings(settings: Mapping[str, Setting], module: Module) -> Iterator[str]:
    for name, setting in settings.items():
        kind, default = type_text(setting.held(), module), setting.default
        if setting.description or isinstance(default, list | dict):
            field = module.imported("pydantic", "Field")
            given = "" if default is None else f"default={literal(default)}, "
            value = f" = {field}({given}description={literal(setting.description)})"
        else:
            value = "" if default is None else f" = {literal(default)}"
        yield f"{INDENT}{name}: {kind}{value}"
