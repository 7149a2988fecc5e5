"""What can be wrong with a model before it is asked anything."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches


class ModelError(Exception):
    """A chat model cannot be used; the message says which, why, and what to do about it."""


class UnknownProvider(ModelError):
    """A model's name begins with a provider that there is not."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        provider, _, model = name.partition(":")
        near = get_close_matches(provider.lower(), known, n=1, cutoff=0.5)
        self.known = sorted(known)
        self.meant = f"{near[0]}:{model}" if near else None
        """The name with the nearest provider."""
        guess = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(
            f"Model {name!r}: there is no provider {provider!r}.{guess} "
            f"Providers: {', '.join(self.known)}."
        )


class ModelNotAllowed(ModelError):
    """A remote caller named a model that the service does not offer."""
