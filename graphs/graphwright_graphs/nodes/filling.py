"""Data of a document with templates in it, such as the body of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphwright_graphs.context import Readable
from graphwright_graphs.nodes.node import Scope, State
from graphwright_graphs.prompts import Template


def filler(data: Any, scope: Scope, *keys: str | int) -> Callable[[State], Any]:
    """How data that stands under `keys`, with templates in its texts, is filled in.

    A text that is one `{channel}` and nothing else is the channel's value as data.
    """
    if isinstance(data, dict):
        fields = {name: filler(each, scope, *keys, name) for name, each in data.items()}
        return lambda state: {name: fill(state) for name, fill in fields.items()}
    if isinstance(data, list):
        items = [filler(each, scope, *keys, at) for at, each in enumerate(data)]
        return lambda state: [fill(state) for fill in items]
    if not isinstance(data, str):
        return lambda state: data
    template: Template = scope.template(data, *keys)
    channel = scope.readable.get(data[1:-1]) if data[:1] == "{" and data[-1:] == "}" else None
    if channel is None or channel.reducer == "messages":
        return template.render
    return lambda state: _value(state, data[1:-1], channel)


def _value(state: State, name: str, channel: Readable) -> Any:
    value = state.get(name)
    return channel.empty() if value is None else value
