"""The variables that a project's `env` sets."""

import os
from collections.abc import Iterator
from pathlib import Path

from graphwright.errors import ProjectError


def apply_environment(file: Path, env: dict[str, str] | str) -> None:
    """Set what the project's `env` says; what the environment already has wins, as with the
    official server.
    """
    if isinstance(env, str):
        path = file.parent / env
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise ProjectError(file, "env", f"cannot read {env}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ProjectError(file, "env", f"{env} is not UTF-8: {error}") from error
        env = dict(_assignments(lines))
    for name, value in env.items():
        os.environ.setdefault(name, value)


def _assignments(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            yield name.strip(), value.strip().strip("'\"")
