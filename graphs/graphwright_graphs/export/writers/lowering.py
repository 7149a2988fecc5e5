"""Prompts in their short form: with their files read, partial variables filled in, examples made.

An exported module has no files beside it, and LangChain's templates for few-shot examples would say
in forty lines what are messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

from graphwright_graphs import source
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes.conversation import EXAMPLE, File, FullPrompt, Prompt, Turn
from graphwright_graphs.prompts import as_text


def lowered(prompt: Prompt, writing: Writing) -> str | list[Turn] | None:
    """The same prompt as a text or as turns of texts."""
    if isinstance(prompt, list):
        return [each for turn in prompt for each in _turns(turn, {}, writing)]
    if not isinstance(prompt, FullPrompt):
        return prompt
    if prompt.template_format != "f-string":
        found, expected = f"a template in {prompt.template_format}", "an f-string"
        writing.problems.report(writing.where, found, expected, at_key=True)
        return []
    values = {name: str(value) for name, value in prompt.partial_variables.items()}
    if prompt.messages is not None:
        return [each for turn in prompt.messages for each in _turns(turn, values, writing)]
    text = prompt.text if prompt.text is not None else _file(str(prompt.file), writing)
    return _filled(text, values)


def _turns(turn: Turn, values: Mapping[str, str], writing: Writing) -> Iterator[Turn]:
    if turn.placeholder is not None:
        yield turn
        return
    if turn.examples is not None:
        listed = turn.examples
        if isinstance(listed, File):
            content = source.read_beside(writing.problems.source.file, listed.file)
            listed = source.parse(content, listed.file).data
        for example in listed:
            texts = {name: as_text(value) for name, value in example.items()}
            for each in turn.example_prompt or EXAMPLE:
                yield from _turns(each, texts, writing)
        return
    role = next(iter(turn.model_fields_set))
    said: Any = getattr(turn, role)
    text = _file(said.file, writing) if isinstance(said, File) else said
    yield Turn.model_validate({role: _filled(text, values)})


def _file(name: str, writing: Writing) -> str:
    content = source.read_beside(writing.problems.source.file, name)
    return content.decode("utf-8-sig").rstrip("\r\n")


def _filled(text: str, values: Mapping[str, str]) -> str:
    """A template in which some variables are text: braces in it are text, too."""
    pieces = []
    for literal, name, _, _ in Formatter().parse(text):
        pieces.append(_escaped(literal))
        if name is not None:
            pieces.append(_escaped(values[name]) if name in values else f"{{{name}}}")
    return "".join(pieces)


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
