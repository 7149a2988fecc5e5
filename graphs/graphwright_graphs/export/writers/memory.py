"""The kind `memory`: LangGraph's store, which whoever serves the graph brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphwright_graphs.context import Readable
from graphwright_graphs.export import prompts, state
from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes import memory
from graphwright_graphs.nodes.memory import USER, Memory, Place, Read, Search, Write
from graphwright_graphs.state import Channel


def write(body: Memory, writing: Writing) -> str:
    """A function that reads, writes, searches or deletes."""
    use = body.read or body.write or body.search or body.delete
    assert use is not None
    lines = [
        'assert runtime.store, "the graph needs a store"',
        f"namespace = {_tuple([_label(label, writing) for label in use.namespace])}",
        *_lines(use, writing),
    ]
    return writing.function("Use what outlives a conversation.", lines)


def _lines(use: Place | Write | Search, writing: Writing) -> Sequence[str]:
    match use:
        case Search():
            words = [f"limit={use.limit}"]
            if use.filter:
                words.insert(0, f"filter={data(use.filter, writing)}")
            if use.query is not None:
                words.insert(0, f"query={_text(use.query, 'query', writing)}")
            found = '[{"key": item.key, "value": item.value} for item in found]'
            return [
                f"found = await runtime.store.asearch(namespace, {', '.join(words)})",
                f"return {{{literal(use.output)}: {found}}}",
            ]
        case Write():
            key = f"{writing.module.inlined(memory.key_of)}(value)"
            key = key if use.key is None else _text(use.key, "key", writing)
            return [
                f"value = {data(use.value, writing)}",
                f"await runtime.store.aput(namespace, {key}, value)",
                "return {}",
            ]
        case Read():
            return [
                f"item = await runtime.store.aget(namespace, {_text(use.key, 'key', writing)})",
                f"return {{{literal(use.output)}: item.value if item else None}}",
            ]
    key = _text(use.key, "key", writing)
    return [f"await runtime.store.adelete(namespace, {key})", "return {}"]


def _tuple(parts: Sequence[str]) -> str:
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"


def _label(label: str, writing: Writing) -> str:
    """A label of a namespace, which may name the user whom authentication knows."""
    names = dict.fromkeys(prompts.variables(label))
    if not names:
        return literal(memory.label(prompts.plain(label)))
    user = f'str(config["configurable"]["{USER}"])'
    values = {
        name: user if name == USER else prompts.value(name, writing.readable, writing.module)
        for name in names
    }
    text = prompts.formatted(label, values, writing.module, f"{writing.name}_label")
    return f"{writing.module.inlined(memory.label)}({text})"


def _text(template: str, part: str, writing: Writing) -> str:
    name = f"{writing.name}_{part}"
    return prompts.filled(template, writing.readable, writing.module, name)


def data(value: Any, writing: Writing) -> str:
    """Data with templates in its texts; one `{channel}` alone is the channel's value as data."""
    if isinstance(value, dict):
        fields = (f"{literal(name)}: {data(each, writing)}" for name, each in value.items())
        return f"{{{', '.join(fields)}}}"
    if isinstance(value, list):
        return f"[{', '.join(data(each, writing) for each in value)}]"
    if not isinstance(value, str):
        return literal(value)
    channel: Readable | None = writing.readable.get(value[1:-1])
    alone = value[:1] == "{" and value[-1:] == "}"
    if alone and channel is not None and not _is_conversation(channel):
        return state.read(value[1:-1], channel).text
    return _text(value, "text", writing)


def _is_conversation(channel: Readable) -> bool:
    return isinstance(channel, Channel) and channel.reducer == "messages"
