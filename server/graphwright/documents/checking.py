"""`graphwright check`: all that is wrong with documents."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from graphwright.documents.finding import documents, project_of
from graphwright_graphs import check
from graphwright_graphs.errors import Problem


def check_documents(files: Sequence[Path], imports: Sequence[str], *, as_json: bool) -> bool:
    """Print the problems of all files, errors and warnings; whether there are no errors.

    A `langgraph.json` stands for the documents that it names. Raises ProjectError.
    """
    files = documents(files)
    found = [problem for file in files for problem in _problems(file, imports)]
    if as_json:
        typer.echo(json.dumps([asdict(problem) for problem in found], indent=2))
    else:
        _print(found, len(files))
    return all(problem.warning for problem in found)


def _problems(file: Path, imports: Sequence[str]) -> Sequence[Problem]:
    try:
        with project_of(file, imports):
            return check(file)
    except OSError as error:
        said = f"a file that can't be read ({error.strerror})"
        return [Problem(str(file), 1, 1, "", said, "a graph document")]


def _print(found: Sequence[Problem], files: int) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for problem in found:
        color = "yellow" if problem.warning else "red"
        place, _, text = str(problem).partition(": ")
        console.print(f"[{color}]{escape(place)}[/]: {escape(text)}")
    warnings = sum(problem.warning for problem in found)
    of = f"in {files} files" if files > 1 else "in 1 file"
    if not found:
        console.print(f"[green]No problems[/] {of}.")
        return
    parts = [
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((len(found) - warnings, "error"), (warnings, "warning"))
        if count
    ]
    console.print(f"{' and '.join(parts)} {of}.")
