"""Which failures of a model pass by themselves, or with another model.

Providers' clients have errors of their own. Newer ones are LangChain's too and say whether they
are worth another try; of the rest we look at the HTTP status, and at what a connection raises.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from langchain_core.exceptions import ContextOverflowError
from langchain_core.exceptions import ModelError as LangChainModelError

PASSING_STATUS = frozenset({408, 409, 425, 429})  # and all from 500 on
PASSING_WORDS = ("server_error", "rate_limit", "overloaded", "timeout", "unavailable")
"""What an error in the middle of a stream, where there is no status, is called by its provider."""

CONNECTION_ERRORS = frozenset({"APIConnectionError", "APITimeoutError"})
"""The classes of OpenAI's, Anthropic's and Groq's clients, each of which has its own."""


class Failure(NamedTuple):
    """A failure that another model need not have. `again` says that the same model may do, too;
    `after` is how many seconds its provider asked to wait.
    """

    again: bool
    after: float | None = None


def passing(error: BaseException) -> Failure | None:
    """What a failure means for who would try again; None when trying again helps nobody.

    A request that a provider finds wrong (400, 404, 422) is wrong for the next one as well, and a
    key that is missing or refused (401, 403) is for somebody to see. A conversation that is too
    long for one model may fit into the next.
    """
    chain = list(_causes(error))
    if any(isinstance(each, ContextOverflowError) for each in chain):
        return Failure(again=False)
    for each in chain:
        if (status := _status(each)) is not None:
            if status not in PASSING_STATUS and status < 500:
                return None
            return Failure(again=not _out_of_money(each), after=_retry_after(each))
    if any(_is_passing(each) for each in chain):
        return Failure(again=True)
    return None


def was_refused(error: BaseException) -> bool:
    """Whether the provider answered with an error in place of an answer, which costs nothing."""
    return any(_status(each) is not None for each in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__


def _status(error: BaseException) -> int | None:
    """The HTTP status of an answer that is an error, wherever a client keeps it."""
    response = getattr(error, "response", None)
    aws = response.get("ResponseMetadata", {}) if isinstance(response, Mapping) else {}
    found = (
        getattr(error, "status_code", None),
        getattr(response, "status_code", None),
        aws.get("HTTPStatusCode"),
        getattr(error, "code", None),  # Google's
    )
    return next((each for each in found if isinstance(each, int) and 400 <= each < 600), None)


def _out_of_money(error: BaseException) -> bool:
    """OpenAI answers 429 as well where an account has nothing left, which no waiting mends."""
    return getattr(error, "code", None) == "insufficient_quota"


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, LangChainModelError):
        return error.is_retryable
    if isinstance(error, (ConnectionError, TimeoutError, *_transport_errors())):
        return True
    if any(each.__name__ in CONNECTION_ERRORS for each in type(error).__mro__):
        return True
    # OpenAI's and Anthropic's error events in a stream.
    said = f"{getattr(error, 'code', '')} {getattr(error, 'type', '')}"
    return any(word in said for word in PASSING_WORDS)


def _transport_errors() -> tuple[type[BaseException], ...]:
    """What the HTTP clients raise that are in use: whoever failed with one has imported it."""
    loaded = (sys.modules.get(name) for name in ("httpx", "httpx2"))
    return tuple(module.TransportError for module in loaded if module is not None)


def _retry_after(error: BaseException) -> float | None:
    """The seconds that the provider's answer asks to wait."""
    headers: Any = getattr(getattr(error, "response", None), "headers", None) or {}
    exact, asked = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if exact is not None:
            return max(0.0, float(exact) / 1000)
        return None if asked is None else max(0.0, _seconds(asked))
    except ValueError:
        return None


def _seconds(asked: str) -> float:
    if asked.strip().replace(".", "", 1).isdigit():
        return float(asked)
    return parsedate_to_datetime(asked).timestamp() - time.time()
