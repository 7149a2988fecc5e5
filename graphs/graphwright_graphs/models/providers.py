"""The providers of chat models: what each needs, and one of its models made by LangChain."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from graphwright_graphs.models.errors import ModelError, UnknownProvider

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

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
    "huggingface": "huggingface",
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

LOCAL: Final = "local"
"""Our own provider; all others are LangChain's."""
_SURE: Final = frozenset({*EXTRAS, *CREDENTIALS, "azure_openai", LOCAL})

# What a provider's class calls an option of ours.
RENAMED: Final[Mapping[str, Mapping[str, str]]] = {
    "mistralai": {"seed": "random_seed"},
    "ollama": {"max_tokens": "num_predict"},
}
CACHE_KEY: Final = "prompt_cache_key"
IF_KNOWN: Final = frozenset({"max_retries"})  # ours, so that a class without it is no mistake


def checked_name(spec: str) -> str:
    """The name of a model without the blanks around it. Raises ModelError for what is none."""
    name = spec.strip()
    provider, colon, model = name.partition(":")
    if name != DEMO and not (provider and colon and model):
        raise ModelError(
            f"Model {spec!r} is not a model name. Write {DEMO!r} or provider:model, "
            f"for example {EXAMPLE!r}."
        )
    return name


def check_provider(name: str) -> None:
    """Raise UnknownProvider for a model of a provider that there is not; no package is needed."""
    provider = name.partition(":")[0]
    if name == DEMO or provider in _SURE:
        return
    # LangChain reads it like this. Its list takes a second to import, and few documents need it.
    known = _known()
    if known and provider.replace("-", "_").lower() not in known:
        raise UnknownProvider(name, [*known, LOCAL])


@cache
def _known() -> Sequence[str]:
    """LangChain's providers, which it lists where it refuses one that is none."""
    from langchain.chat_models import init_chat_model  # noqa: PLC0415 - see `_init`

    try:
        init_chat_model("model", model_provider="none")
    except ValueError as error:
        return _listed(error)
    return ()


def _listed(error: Exception) -> list[str]:
    return re.findall(r"\w+", str(error).partition("are:")[2])


def require_credentials(name: str, provider: str) -> None:
    """Raise ModelError when no key for the provider is in the environment."""
    variables = CREDENTIALS.get(provider, ())
    if variables and not any(os.environ.get(variable) for variable in variables):
        hint = " or give a base URL that needs no key" if provider == "openai" else ""
        raise ModelError(
            f"Model {name!r} needs a key: set {variables[0]} in the environment{hint}."
        )


def init(name: str, options: Mapping[str, Any], fixed: Mapping[str, Any]) -> BaseChatModel:
    """The model as LangChain makes it: with the options that a document chose, and with what is
    not a document's to choose. Raises ModelError.
    """
    if not options:
        return _init(name, fixed)
    return _init(name, {**fixed, **accepting(name, options, type(_init(name, fixed)))})


def accepting(
    name: str, options: Mapping[str, Any], model_class: type[BaseChatModel]
) -> dict[str, Any]:
    """The options by the names that the class has for them. Raises ModelError for unknown ones."""
    known, renamed = fields(model_class), RENAMED.get(name.partition(":")[0], {})
    given = {renamed.get(option, option): value for option, value in options.items()}
    for option in IF_KNOWN - known:
        given.pop(option, None)
    key = given.pop(CACHE_KEY, None)
    if key is not None and "use_responses_api" in known:  # OpenAI's
        given["model_kwargs"] = {CACHE_KEY: key}
    # ChatOpenAI would send what it doesn't know to the provider, others would forget it.
    if unknown := sorted(set(given) - known):
        raise ModelError(
            f"Model {name!r} has no option {', '.join(unknown)}: LangChain's "
            f"{model_class.__name__} does not know it. Leave it out."
        )
    return given


def fields(model_class: type[BaseChatModel]) -> set[str]:
    """What a class of models may be told when it is made."""
    aliases = (field.alias for field in model_class.model_fields.values())
    return {*model_class.model_fields, *(alias for alias in aliases if alias)}


def _init(name: str, options: Mapping[str, Any]) -> BaseChatModel:
    # LangChain's chat models take about a second to import; the demo model and `--help` need none.
    from langchain.chat_models import init_chat_model  # noqa: PLC0415

    provider, _, model = name.partition(":")
    try:
        built: BaseChatModel = init_chat_model(model, model_provider=provider, **options)
    except ImportError as error:
        raise ModelError(_missing_package(name, provider, error)) from error
    except Exception as error:  # each provider's client has errors of its own
        if str(error).startswith("Unsupported provider"):
            raise UnknownProvider(name, [*_listed(error), LOCAL]) from error
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


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
