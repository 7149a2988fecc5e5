"""Settings as flags of commands: each has the name, the help and the variable of its setting."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import typer
from pydantic import ValidationError

from graphwright.settings import Settings


def setting(flag: str, name: str) -> Any:
    """The option of a command that gives a setting."""
    field = Settings.model_fields[name]
    return typer.Option(flag, help=field.description, envvar=f"GRAPHWRIGHT_{name.upper()}")


def settings_of(
    given: Mapping[str, Any], flags: Mapping[str, str] = MappingProxyType({})
) -> Settings:
    """Settings from what a command was given; a wrong one is an error that names its flag.

    `flags` are those that a command calls otherwise than their setting.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        flag = flags.get(name, f"--{name.replace('_', '-')}")
        said = problem["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(
            f"{flag} (or GRAPHWRIGHT_{name.upper()}): {said}, found {problem['input']!r}"
        ) from None
