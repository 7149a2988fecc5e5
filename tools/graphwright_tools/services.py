"""Services of one kind, of which the environment configures one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from graphwright_tools.errors import NotConfigured

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Service(Generic[Kind]):
    """A service that the environment may configure.

    Args:
        variable: The environment variable without which it can't be used.
        make: Makes it of the environment as it is.
    """

    variable: str
    make: Callable[[], Kind]


def configured(services: Mapping[str, Service[Kind]], chooser: str) -> Kind:
    """The service that the environment names, or the first one that it configures.

    Args:
        services: By their names, the preferred first.
        chooser: The environment variable that names one.

    Raises:
        NotConfigured: there is none.
    """
    wanted = os.environ.get(chooser, "").strip().lower()
    if wanted and wanted not in services:
        raise NotConfigured(
            f"{chooser} is {wanted!r}, but there is {', '.join(services)}. "
            "An operator must correct it; don't try again."
        )
    usable = {wanted: services[wanted]} if wanted else services
    for service in usable.values():
        if os.environ.get(service.variable, "").strip():
            return _made(service)
    variables = ", ".join(service.variable for service in usable.values())
    raise NotConfigured(
        f"This tool is not configured: an operator must set one of {variables} in the server's "
        "environment. Don't try again."
    )


def _made(service: Service[Kind]) -> Kind:
    try:
        return service.make()
    except ValueError as error:
        raise NotConfigured(
            f"{service.variable} is wrong, or what belongs to it: {error} "
            "An operator must correct it; don't try again."
        ) from None
