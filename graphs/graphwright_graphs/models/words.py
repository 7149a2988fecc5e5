"""What a document says of a node's model: its name, its options, and who answers in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)

from graphwright_graphs.bodies import Unfit
from graphwright_graphs.models.catalogue import Models
from graphwright_graphs.models.errors import ModelError, UnknownProvider
from graphwright_graphs.models.providers import CREDENTIALS, EXAMPLE, checked_name

_FAMILIES = {"gpt-": "openai", "claude-": "anthropic", "gemini-": "google_genai"}


def _name(text: str, info: ValidationInfo) -> str:
    """A name that may be a model's; the context, where there is one, is a catalogue of models."""
    try:
        name = checked_name(text)
        if isinstance(info.context, Models):
            info.context.check(name)
    except UnknownProvider as error:
        expected = f"`provider:model` of a known provider ({', '.join(error.known)})"
        raise Unfit(expected, error.meant) from None
    except ModelError:
        expected = f"`demo` or `provider:model`, such as {EXAMPLE}"
        raise Unfit(expected, _meant(text)) from None
    return name


def _meant(text: str) -> str | None:
    """The name of a model, for one that has another's form."""
    provider, slash, model = text.partition("/")
    if slash and provider in CREDENTIALS and model:
        return f"{provider}:{model}"
    found = (provider for start, provider in _FAMILIES.items() if text.startswith(start))
    return next((f"{provider}:{text}" for provider in found), None)


Name = Annotated[str, AfterValidator(_name)]
Positive = Annotated[float, Field(gt=0)]


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Retry(_Words):
    """How often a model is asked before its failure counts; pauses double, with some chance."""

    attempts: int = Field(default=3, ge=1, le=10)
    wait: Annotated[float, Field(ge=0)] = 1
    """Seconds before the second attempt, unless the provider says how long to wait."""
    longest: Annotated[float, Field(ge=0)] = 60
    """Seconds: a provider that asks for a longer wait is not waited for."""


class ModelWords(_Words):
    """One model with its options, which are those of LangChain's classes."""

    name: Name | None = None
    """The model; without it, the one of the run or of the service."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    timeout: Positive | None = None
    """Seconds that a provider may be silent."""
    stop: Annotated[list[str], Field(min_length=1)] | None = None
    seed: int | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    reasoning_effort: str | None = None
    reasoning: dict[str, Any] | bool | None = None
    thinking: dict[str, Any] | None = None
    thinking_budget: int | None = None
    verbosity: str | None = None
    service_tier: str | None = None
    use_responses_api: bool | None = None
    stream_usage: bool | None = None
    retry: Annotated[int, Field(ge=1, le=10)] | Retry | None = None
    """Attempts; without it one where another model follows, else what the provider's client does,
    which is to try twice more before the first token.
    """
    cache: bool | Annotated[str, Field(min_length=1, max_length=64)] = False
    """Mark what Anthropic may keep of a prompt; a text is a key for OpenAI's cache as well."""

    @model_validator(mode="after")
    def _says_something(self) -> ModelWords:
        if not self.model_fields_set:
            raise ValueError("a model's `name`, or its options")
        return self


Model = Name | ModelWords | Annotated[list[Name | ModelWords], Field(min_length=1, max_length=8)]
"""A node's `model`: a name, a mapping, or a list, where each stands in for those before it."""

RETRIES = "max_retries"
"""LangChain's option for how often a provider's client tries again."""

_OURS = {"name", "retry", "cache"}


@dataclass(frozen=True)
class Candidate:
    """One model that a node may ask. `name` is None for the model of the run."""

    name: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    retry: Retry = field(default_factory=lambda: Retry(attempts=1))
    cache: bool = False


def candidates(model: Model | None) -> Sequence[Candidate]:
    """The models that a node may ask, in order."""
    listed = model if isinstance(model, list) else [model]
    last = len(listed) - 1
    return [_candidate(each, is_last=at == last) for at, each in enumerate(listed)]


def _candidate(words: str | ModelWords | None, *, is_last: bool) -> Candidate:
    # Where another model can answer, nobody waits for this one's client to try again.
    at_once = {} if is_last else {RETRIES: 0}
    if words is None or isinstance(words, str):
        return Candidate(words, at_once)
    options = words.model_dump(exclude=_OURS, exclude_none=True)
    if isinstance(words.cache, str):
        options["prompt_cache_key"] = words.cache
    retry = words.retry
    if retry is None:
        return Candidate(words.name, options | at_once, cache=bool(words.cache))
    # Else the attempts of the provider's client would multiply with ours.
    options[RETRIES] = 0
    times = Retry(attempts=retry) if isinstance(retry, int) else retry
    return Candidate(words.name, options, times, bool(words.cache))
