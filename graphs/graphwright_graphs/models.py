"""Chat models by name: `demo`, or `provider:model` through LangChain.

`Models` is the catalogue a service or a graph works with: which model answers by default, and which
other names a remote caller may ask for. Nothing here imports a provider before a model of it is
used, because those imports cost seconds at start-up.
"""

from __future__ import annotations

import difflib
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

__all__ = ["DEMO", "ModelError", "ModelNotAllowed", "Models", "current", "get_model", "using"]

DEMO: Final = "demo"
EXAMPLE: Final = "openai:gpt-4o-mini"

# The extra of the graphwright distribution that installs a provider's LangChain package.
EXTRAS: Final[Mapping[str, str]] = {
    "anthropic": "anthropic",
    "anthropic_bedrock": "bedrock",
    "bedrock": "bedrock",
    "bedrock_converse": "bedrock",
    "bedrock_mantle_anthropic": "bedrock",
    "bedrock_mantle_openai": "bedrock",
    "google_genai": "google",
    "groq": "groq",
    "mistralai": "mistral",
    "ollama": "ollama",
}

# Environment variables that let a provider answer; one of them is enough, the first is the one to
# suggest. Providers with other ways to sign in (AWS, Azure, Vertex) are left out: their clients say
# what they miss.
CREDENTIALS: Final[Mapping[str, tuple[str, ...]]] = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "cohere": ("COHERE_API_KEY", "CO_API_KEY"),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "fireworks": ("FIREWORKS_API_KEY",),
    "google_genai": ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"),
    "groq": ("GROQ_API_KEY",),
    "mistralai": ("MISTRAL_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "together": ("TOGETHER_API_KEY",),
    "xai": ("XAI_API_KEY",),
}

# Local servers want no key, but the OpenAI client refuses to start without one.
PLACEHOLDER_KEY: Final = "not-needed"


class ModelError(Exception):
    """A chat model cannot be used; the message says which, why, and what to do about it."""


class ModelNotAllowed(ModelError):
    """A remote caller named a model that the service does not offer."""


class Models:
    """The models that may be used, and the one that answers when none is named.

    Build it once and share it: models are made at first use and kept. It holds no key; providers
    read theirs from the environment.

    Args:
        default: `demo` or `provider:model`.
        allowed: further models that remote callers may pick.
        base_url: where the `openai:` models answer, for any server that speaks OpenAI's protocol.
            It applies to no other provider, so that no other provider's key is ever sent there.

    Raises:
        ModelError: a name or the URL is malformed. Whether a model can be built shows at first use.
    """

    def __init__(
        self, default: str = DEMO, *, allowed: Sequence[str] = (), base_url: str | None = None
    ) -> None:
        self.default: Final = _checked_name(default)
        self.allowed: Final = tuple(dict.fromkeys(_checked_name(name) for name in allowed))
        self.base_url: Final = _checked_url(base_url) if base_url else None
        self._built: dict[str, BaseChatModel] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Models:
        """Read GRAPHWRIGHT_MODEL, GRAPHWRIGHT_MODELS (a comma list), GRAPHWRIGHT_MODEL_BASE_URL."""
        listed = environ.get("GRAPHWRIGHT_MODELS", "").split(",")
        return cls(
            environ.get("GRAPHWRIGHT_MODEL", "").strip() or DEMO,
            allowed=[name for name in listed if name.strip()],
            base_url=environ.get("GRAPHWRIGHT_MODEL_BASE_URL", "").strip() or None,
        )

    def get(self, spec: str | None = None) -> BaseChatModel:
        """Return the model of that name, or the default one; the same object each time.

        The first call for a provider imports its package, which can take a second.

        Raises:
            ModelError: unknown provider, package not installed, or key missing.
        """
        name = self.default if spec is None else _checked_name(spec)
        with self._lock:
            if name not in self._built:
                self._built[name] = self._build(name)
            return self._built[name]

    def allow(self, spec: str) -> None:
        """Let a name that came from a remote caller pass, or refuse it.

        Raises:
            ModelNotAllowed: it is neither the default nor listed.
        """
        offered = (self.default, *self.allowed)
        if spec.strip() not in offered:
            listed = ", ".join(dict.fromkeys(offered))
            raise ModelNotAllowed(
                f"Model {spec!r} is not offered here. Offered: {listed}. "
                "Whoever runs the service adds names with GRAPHWRIGHT_MODELS."
            )

    def describe(self) -> str:
        """Say in one line which model answers and which others may be picked; no secrets."""
        line = self.default
        if self.default == DEMO:
            line += f" (rules, not an LLM; GRAPHWRIGHT_MODEL={EXAMPLE} sets a real one)"
        elif self.default.startswith("openai:") and self.base_url:
            line += f" at {_without_credentials(self.base_url)}"
        others = [name for name in self.allowed if name != self.default]
        return f"{line}; also allowed: {', '.join(others)}" if others else line

    def _build(self, name: str) -> BaseChatModel:
        if name == DEMO:
            # Only a process that talks to the demo model pays for its import.
            from graphwright_graphs.demo import DemoChatModel  # noqa: PLC0415

            return DemoChatModel()
        provider, _, model = name.partition(":")
        options = self._options(provider)
        if "api_key" not in options:
            _require_credentials(name, provider)
        return _init(name, provider, model, options)

    def _options(self, provider: str) -> dict[str, Any]:
        if provider != "openai":
            return {}
        options: dict[str, Any] = {"base_url": self.base_url} if self.base_url else {}
        local = (
            self.base_url or os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE")
        )
        if local and not os.environ.get("OPENAI_API_KEY"):
            options["api_key"] = PLACEHOLDER_KEY
        return options


_current: ContextVar[Models | None] = ContextVar("graphwright_models", default=None)


@contextmanager
def using(models: Models) -> Iterator[None]:
    """Make `models` the catalogue that graphs loaded inside the block find with `current()`."""
    token = _current.set(models)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Models:
    """Return the catalogue set by `using`, else a new one read from the environment."""
    return _current.get() or Models.from_environment()


def get_model(spec: str | None = None) -> BaseChatModel:
    """Return the configured model, or the named one, for a graph written in Python.

    Raises:
        ModelError: the model cannot be built; see `Models.get`.
    """
    return current().get(spec)


def _checked_name(spec: str) -> str:
    name = spec.strip()
    provider, colon, model = name.partition(":")
    if name != DEMO and not (provider and colon and model):
        raise ModelError(
            f"Model {spec!r} is not a model name. Write {DEMO!r} or provider:model, "
            f"for example {EXAMPLE!r}."
        )
    return name


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ModelError(
            f"Base URL {_without_credentials(url)!r} is not an http(s) address. "
            "Write for example http://127.0.0.1:8080/v1."
        )
    return url


def _without_credentials(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)


def _require_credentials(name: str, provider: str) -> None:
    variables = CREDENTIALS.get(provider, ())
    if variables and not any(os.environ.get(variable) for variable in variables):
        hint = " or give a base URL that needs no key" if provider == "openai" else ""
        raise ModelError(
            f"Model {name!r} needs a key: set {variables[0]} in the environment{hint}."
        )


def _init(name: str, provider: str, model: str, options: Mapping[str, Any]) -> BaseChatModel:
    # LangChain's chat models take about a second to import; the demo model and `--help` need none.
    from langchain.chat_models import init_chat_model  # noqa: PLC0415

    try:
        built: BaseChatModel = init_chat_model(model, model_provider=provider, **options)
    except ImportError as error:
        raise ModelError(_missing_package(name, provider, error)) from error
    except Exception as error:  # each provider's client has errors of its own
        if str(error).startswith("Unsupported provider"):
            raise ModelError(_unknown_provider(name, provider, str(error))) from error
        raise ModelError(f"Model {name!r} cannot be set up: {_first_line(error)}") from error
    return built


def _missing_package(name: str, provider: str, error: ImportError) -> str:
    suggested = re.search(r"`(pip install [^`]+)`", str(error))
    if provider in EXTRAS:
        command = f'pip install "graphwright[{EXTRAS[provider]}]"'
    elif suggested:
        command = suggested[1]
    else:
        return f"Model {name!r} cannot be imported: {_first_line(error)}"
    return f"Model {name!r} needs a package that is not installed. Install it with: {command}"


def _unknown_provider(name: str, provider: str, message: str) -> str:
    known = sorted(re.findall(r"\w+", message.partition("are:")[2]))
    nearest = difflib.get_close_matches(provider, known, n=1, cutoff=0.5)
    guess = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return (
        f"Model {name!r}: there is no provider {provider!r}.{guess} Providers: {', '.join(known)}."
    )


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
