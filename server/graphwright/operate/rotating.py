"""`graphwright db rotate-keys`: write every value anew with the current key."""

import json

import typer
from rich.console import Console
from rich.progress import Progress as Display
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from graphwright.checkpointing import checkpoints_of, explained
from graphwright.errors import CommandError, DatabaseError
from graphwright.operate.locations import shown, sqlite_file
from graphwright.settings import Settings
from graphwright_checkpoints import CheckpointError, Progress, Saver


def rotate_keys(settings: Settings, *, as_json: bool) -> None:
    """Encrypt what older keys, or none, wrote. Raises `CommandError` without a current key.

    The service may run meanwhile. A rotation that was cut off can be begun again.
    """
    if settings.encryption_key is None:
        raise CommandError(
            "LANGGRAPH_AES_KEY is not set: set it to the key that everything is to be encrypted"
            " with, and LANGGRAPH_AES_KEY_PREVIOUS to the one that it was encrypted with so far."
        )
    # To open a file that is not there would make it.
    file = sqlite_file(settings.checkpoints_url)
    if file is not None and not file.is_file():
        raise CommandError(f"{file}: there is no such file. Name its folder with --data-dir.")
    try:
        with checkpoints_of(settings) as saver:
            if not isinstance(saver, Saver):
                raise CommandError("memory:// keeps nothing that could be encrypted.")
            done = _rotate(saver, quiet=as_json)
    except CheckpointError as error:
        raise DatabaseError(explained(error)) from error
    where = shown(settings.checkpoints_url)
    if as_json:
        told = {"checkpoints": where, "values": done.seen, "rewritten": done.rewritten}
        typer.echo(json.dumps(told, indent=2))
    else:
        typer.echo(f"{where}: {done.rewritten:,} of {done.seen:,} values written anew.")


def _rotate(saver: Saver, *, quiet: bool) -> Progress:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Display(*columns, console=console, transient=True, disable=quiet) as display:
        task = display.add_task("")

        def show(progress: Progress) -> None:
            text = f"{progress.seen:,} values looked at, {progress.rewritten:,} written anew"
            display.update(task, description=text)

        return saver.reencrypt(show)
