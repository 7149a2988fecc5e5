"""Prompts with their files read, partial variables at hand, and examples made.

An exported module has no files beside it, and LangChain's templates for few-shot examples would say
in forty lines what are messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from graphwright_graphs import source
from graphwright_graphs.export.prompts import Template
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes.conversation import File, Prompt, Turn, usual_example


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a prompt."""

    role: str
    template: Template


@dataclass(frozen=True, slots=True)
class Conversation:
    """The messages of a channel."""

    channel: str


Part = Said | Conversation


def lowered(prompt: Prompt, writing: Writing) -> Template | list[Part] | None:
    """The same prompt as one template, or as its messages."""
    if prompt is None:
        return None
    if isinstance(prompt, str):
        return Template(prompt)
    if isinstance(prompt, list):
        return _parts(prompt, Template(""), writing)
    values = {name: str(value) for name, value in prompt.partial_variables.items()}
    base = Template("", prompt.template_format, values)
    if prompt.messages is not None:
        return _parts(prompt.messages, base, writing)
    text = prompt.text if prompt.text is not None else _file(str(prompt.file), writing)
    return replace(base, text=text)


def _parts(turns: list[Turn], base: Template, writing: Writing) -> list[Part]:
    return [part for turn in turns for part in _turn(turn, base, writing)]


def _turn(turn: Turn, base: Template, writing: Writing) -> Iterator[Part]:
    """The messages of a turn, whose templates have all of `base` but the text."""
    if turn.placeholder is not None:
        yield Conversation(writing.conversation(turn.placeholder))
    elif turn.examples is not None:
        for example in _examples(turn.examples, writing):
            yield from _parts(
                turn.example_prompt or usual_example(base.form),
                replace(base, given=example),
                writing,
            )
    else:
        role = next(iter(turn.model_fields_set))
        said: Any = getattr(turn, role)
        text = _file(said.file, writing) if isinstance(said, File) else said
        yield Said(role, replace(base, text=text))


def _examples(listed: list[dict[str, Any]] | File, writing: Writing) -> list[dict[str, Any]]:
    if isinstance(listed, File):
        content = source.read_beside(writing.problems.source.file, listed.file)
        found: list[dict[str, Any]] = source.parse(content, listed.file).data
        return found
    return listed


def _file(name: str, writing: Writing) -> str:
    content = source.read_beside(writing.problems.source.file, name)
    return content.decode("utf-8-sig").rstrip("\r\n")
