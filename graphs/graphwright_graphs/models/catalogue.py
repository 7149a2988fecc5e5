"""The catalogue of models that a service or a graph works with: which model answers by default,
and which other names a remote caller may ask for.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from graphwright_graphs.models.errors import ModelError, ModelNotAllowed
from graphwright_graphs.models.limits import Limits
from graphwright_graphs.models.providers import (
    DEMO,
    EXAMPLE,
    LOCAL,
    accepting,
    check_provider,
    checked_name,
    init,
    require_credentials,
)

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from graphwright_graphs.models.local.server import LlamaServer

# Local servers want no key, but the OpenAI client refuses to start without one.
PLACEHOLDER_KEY: Final = "not-needed"


class Models:
    """The models that may be used, and the one that answers when none is named.

    Build it once and share it: models are made at first use and kept. It holds no key; providers
    read theirs from the environment.

    Args:
        default: `demo` or `provider:model`.
        allowed: further models that remote callers may pick.
        base_url: where the `openai:` models answer, for any server that speaks OpenAI's protocol.
            It applies to no other provider, so that no other provider's key is ever sent there.
        limits: calls at once and requests per time, by provider; see `limits.Limits`.
        local: how `local:` models run, as keywords of `local.server.LocalSettings`.

    Raises:
        ModelError: a name, the URL or a limit is malformed. Whether a model can be built shows at
            first use.
    """

    def __init__(
        self,
        default: str = DEMO,
        *,
        allowed: Sequence[str] = (),
        base_url: str | None = None,
        limits: str = "",
        local: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.default: Final = checked_name(default)
        self.allowed: Final = tuple(dict.fromkeys(checked_name(name) for name in allowed))
        self.base_url: Final = _checked_url(base_url) if base_url else None
        self.limits: Final = Limits(limits)
        self._local = dict(local)
        self._servers: dict[Path, LlamaServer] = {}
        self.named: Final[list[tuple[str, dict[str, Any]]]] = []
        """The models that graphs which were loaded name, with their options."""
        self._built: dict[tuple[str, str], BaseChatModel] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Models:
        """Read GRAPHWRIGHT_MODEL, GRAPHWRIGHT_MODELS (a comma list), GRAPHWRIGHT_MODEL_BASE_URL,
        GRAPHWRIGHT_MODEL_LIMITS, GRAPHWRIGHT_LOCAL_THREADS and GRAPHWRIGHT_LOCAL_CONTEXT.
        """
        listed = environ.get("GRAPHWRIGHT_MODELS", "").split(",")
        return cls(
            environ.get("GRAPHWRIGHT_MODEL", "").strip() or DEMO,
            allowed=[name for name in listed if name.strip()],
            base_url=environ.get("GRAPHWRIGHT_MODEL_BASE_URL", "").strip() or None,
            limits=environ.get("GRAPHWRIGHT_MODEL_LIMITS", ""),
            local=_local(environ),
        )

    def get(
        self, spec: str | None = None, options: Mapping[str, Any] | None = None
    ) -> BaseChatModel:
        """Return the model of that name, or the default one; the same object each time.

        The first call for a provider imports its package, which can take a second. `options` are
        those of LangChain's classes, such as `temperature`.

        Raises:
            ModelError: unknown provider or option, package not installed, or key missing.
        """
        name = self.default if spec is None else checked_name(spec)
        key = name, json.dumps(options or {}, sort_keys=True)
        with self._lock:
            if key not in self._built:
                self._built[key] = self._build(name, options or {})
            return self._built[key]

    def check(self, name: str) -> None:
        """Refuse the name of a model that can't be one, as far as that is known without its
        provider's package.

        Raises:
            UnknownProvider: there is no such provider.
        """
        check_provider(name)

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

    def _build(self, name: str, options: Mapping[str, Any]) -> BaseChatModel:
        if name == DEMO:
            # Only a process that talks to the demo model pays for its import.
            from graphwright_graphs.demo import DemoChatModel  # noqa: PLC0415

            return DemoChatModel()  # its rules have no temperature
        provider, _, model = name.partition(":")
        fixed = self._fixed(provider)
        if provider == LOCAL:
            return self._build_local(model, {**options, **fixed})
        if provider == "huggingface":
            from graphwright_graphs.models.huggingface import huggingface  # noqa: PLC0415 - rare

            return huggingface(name, options, fixed)
        if "api_key" not in fixed:
            require_credentials(name, provider)
        return init(name, options, fixed)

    def _build_local(self, model: str, options: Mapping[str, Any]) -> BaseChatModel:
        # Only whoever has such a model pays for the imports.
        from graphwright_graphs.models.local.chat import LocalChatModel  # noqa: PLC0415
        from graphwright_graphs.models.local.server import (  # noqa: PLC0415
            LlamaServer,
            LocalSettings,
            weights,
        )

        file = weights(model)
        if file not in self._servers:
            self._servers[file] = LlamaServer(file, LocalSettings(**self._local))
        accepted = accepting(f"local:{model}", options, LocalChatModel)
        return LocalChatModel(self._servers[file], model, **accepted)

    def close(self) -> None:
        """End the servers of local models that were started for this catalogue."""
        for server in self._servers.values():
            server.close()

    def _fixed(self, provider: str) -> dict[str, Any]:
        """What is the service's to say, not a document's or a caller's."""
        fixed: dict[str, Any] = {}
        if bucket := self.limits.bucket(provider):
            # It imports LangChain.
            from graphwright_graphs.models.rates import RateLimiter  # noqa: PLC0415

            fixed["rate_limiter"] = RateLimiter(bucket)
        return fixed | (self._openai() if provider == "openai" else {})

    def _openai(self) -> dict[str, Any]:
        fixed: dict[str, Any] = {}
        if self.base_url:
            fixed["base_url"] = self.base_url
        local = (
            self.base_url or os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE")
        )
        if local and not os.environ.get("OPENAI_API_KEY"):
            fixed["api_key"] = PLACEHOLDER_KEY
        if local:
            fixed["stream_usage"] = True  # LangChain asks OpenAI itself only
        return fixed


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


def _local(environ: Mapping[str, str]) -> dict[str, int]:
    """The settings GRAPHWRIGHT_LOCAL_THREADS and GRAPHWRIGHT_LOCAL_CONTEXT, where they are set."""
    read = {}
    for name in ("threads", "context"):
        variable = f"GRAPHWRIGHT_LOCAL_{name.upper()}"
        if text := environ.get(variable, "").strip():
            if not text.isdigit() or not int(text):
                raise ModelError(f"{variable} must be a number above 0, not {text!r}.")
            read[name] = int(text)
    return read


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
