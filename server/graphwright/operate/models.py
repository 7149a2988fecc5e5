"""What `graphwright models` prints: the models that are configured, whether each can be made, and
how it answers.
"""

import asyncio
import os
import textwrap
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from graphwright.models import models_of
from graphwright.project import load_project
from graphwright.settings import Settings
from graphwright_graphs.models import CREDENTIALS, ModelError, Models

QUESTION: Final = "Answer with the word OK."
TIMEOUT = 120.0  # seconds that a test may take; a local model has to be loaded
SHOWN = 60  # signs of an answer in the table
LONGEST = 300  # signs of an error or an answer that are shown


@dataclass
class Row:
    """One model. `key` is a variable of the environment, `has_key` is None where none is known."""

    model: str
    options: dict[str, Any]
    named_by: list[str]
    key: str | None = None
    has_key: bool | None = None
    ready: bool = False
    error: str | None = None
    answer: str | None = None
    seconds: float | None = None
    usage: dict[str, Any] | None = field(default=None)


def show_models(settings: Settings, *, test: bool, as_json: bool) -> bool:
    """Print the models of a project; whether all can be used. Raises `StartError`.

    A graph that is broken is told of, and keeps nobody from seeing the models: it may be broken
    because of one of them.
    """
    problems: Mapping[str, str] = {}
    with closing(models_of(settings)) as models:
        if settings.config.exists() or "config" in settings.model_fields_set:
            problems = load_project(settings.config, models, settings.imports, instead={}).problems
        rows = _rows(models)
        for row in rows:
            _look(models, row)
        if test:
            asyncio.run(_ask(models, [row for row in rows if row.ready]))
    console = Console(highlight=False, soft_wrap=as_json)
    if as_json:
        told = [asdict(row) for row in rows]
        console.print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode(), markup=False)
    else:
        console.print(_table(rows, test=test))
    for problem in problems.values():
        Console(stderr=True, highlight=False, soft_wrap=True).print(problem, markup=False)
    return not problems and all(row.error is None for row in rows)


def _rows(models: Models) -> list[Row]:
    """Each name with its options once, and who names it."""
    rows: dict[str, Row] = {}
    named = [
        (models.default, {}, "default"),
        *((name, {}, "allowed") for name in models.allowed),
        *((name, options, "graphs") for name, options in models.named),
    ]
    for name, options, by in named:
        key = f"{name} {orjson.dumps(options, option=orjson.OPT_SORT_KEYS).decode()}"
        row = rows.setdefault(key, Row(name, dict(options), []))
        if by not in row.named_by:
            row.named_by.append(by)
    return list(rows.values())


def _look(models: Models, row: Row) -> None:
    """See whether a model can be made, without asking it anything."""
    variables = CREDENTIALS.get(row.model.partition(":")[0], ())
    if variables:
        found = [variable for variable in variables if os.environ.get(variable)]
        row.key, row.has_key = (found or variables)[0], bool(found)
    try:
        models.get(row.model, row.options)
        row.ready = True
    except ModelError as error:
        row.error = _without_keys(str(error))


async def _ask(models: Models, rows: Sequence[Row]) -> None:
    await asyncio.gather(*(_ask_one(models, row) for row in rows))


async def _ask_one(models: Models, row: Row) -> None:
    began = time.monotonic()
    try:
        model = models.get(row.model, row.options)
        answer = await asyncio.wait_for(model.ainvoke(QUESTION), TIMEOUT)
    except TimeoutError:
        row.error = f"no answer in {TIMEOUT:.0f} s"
    except Exception as error:  # each provider's client has errors of its own
        row.error = _without_keys(f"{type(error).__name__}: {error}")
    else:
        row.answer = " ".join(str(answer.text).split())[:LONGEST]
        row.usage = dict(answer.usage_metadata) if answer.usage_metadata else None
    row.seconds = round(time.monotonic() - began, 3)


def _without_keys(text: str) -> str:
    """An error's text on one line, with no key in it, whatever a provider echoes."""
    for variable in (each for variables in CREDENTIALS.values() for each in variables):
        if secret := os.environ.get(variable):
            text = text.replace(secret, "…")
    return " ".join(text.split())[:LONGEST]


def _table(rows: Sequence[Row], *, test: bool) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("Model", "Named by", "Key", "Answer" if test else "State"):
        table.add_column(name, overflow="fold")
    for row in rows:
        options = " ".join(f"{name}={value}" for name, value in row.options.items())
        name = f"{row.model} ({options})" if options else row.model
        table.add_row(escape(name), ", ".join(row.named_by), _key(row), _state(row))
    return table


def _key(row: Row) -> str:
    if row.key is None:
        return "-"
    return f"{row.key} {'set' if row.has_key else 'missing'}"


def _state(row: Row) -> str:
    if row.error is not None:
        return f"[red]{escape(row.error)}[/]"
    if row.answer is None:
        return "ready"
    tokens = f", {row.usage['total_tokens']} tokens" if row.usage else ""
    answer = textwrap.shorten(row.answer, SHOWN, placeholder=" …")
    return f"{escape(answer)} [dim]({row.seconds:.2f} s{tokens})[/]"
