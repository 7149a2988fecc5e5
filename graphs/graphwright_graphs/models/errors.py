"""What can be wrong with a model before it is asked anything."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

_OTHER_NAMES = {
    "aws": "bedrock_converse",
    "azure": "azure_openai",
    "chatgpt": "openai",
    "claude": "anthropic",
    "gemini": "google_genai",
    "google": "google_genai",
    "gpt": "openai",
    "hf": "huggingface",
    "vertex": "google_vertexai",
}


class ModelError(Exception):
    """A chat model cannot be used; the message says which, why, and what to do about it."""


class UnknownProvider(ModelError):
    """A model's name begins with a provider that there is not."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        provider, _, model = name.partition(":")
        near = _near(provider.lower(), known)
        self.known = sorted(known)
        self.meant = f"{near}:{model}" if near else None
        """The name with the nearest provider."""
        guess = f" Did you mean {near!r}?" if near else ""
        super().__init__(
            f"Model {name!r}: there is no provider {provider!r}.{guess} "
            f"Providers: {', '.join(self.known)}."
        )


def _near(provider: str, known: Sequence[str]) -> str | None:
    """The provider that is called otherwise by its makers, or is nearest in its letters."""
    other = _OTHER_NAMES.get(provider)
    if other in known:
        return other
    return next(iter(get_close_matches(provider, known, n=1)), None)


class ModelNotAllowed(ModelError):
    """A remote caller named a model that the service does not offer."""
