"""Files that commands write."""

from pathlib import Path

from graphwright.errors import CommandError


def write(file: Path, content: bytes) -> None:
    """Write the file that `--output` names. Raises `CommandError`, as for a folder not there."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise CommandError(
            f"cannot write {file}: {error.strerror}. Name another file with --output."
        ) from error
