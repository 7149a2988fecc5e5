"""What a service answered: its status, and its body within a limit, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from graphwright_tools.errors import Failed, TooLarge
from graphwright_tools.secrets import Redaction

QUOTED: Final = 500  # characters of a body that an error repeats
TEXTUAL: Final = re.compile(
    r"text/.*|application/(?:.*\+)?(?:json|xml|yaml|x-yaml|javascript|graphql|x-ndjson"
    r"|x-www-form-urlencoded|problem\+json|openapi)",
    re.IGNORECASE,
)
# Codecs of names, and of Python's source: on a long text they take minutes, or warn.
SLOW: Final = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape"})
QUOTA: Final = "The quota is used up: an operator must act; don't try again."
ADVICE: Final = {
    400: "Correct the request.",
    401: "The credentials are missing or wrong: an operator must act; don't try again.",
    403: "That is not allowed with these credentials; don't try again.",
    404: "There is no such thing there: check the address and the names in it.",
    422: "Correct the request.",
    429: "There were too many requests: wait before the next one.",
    432: QUOTA,  # Tavily's, for a plan
    433: QUOTA,  # and for paying as one goes
    456: QUOTA,  # DeepL's
    503: "The service is not available now: try again later.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's answer.

    Attributes:
        host: Who answered, after redirects.
        status: The HTTP status.
        reason: The status in words.
        media_type: Such as `application/json`, without its parameters; empty if none was given.
        text: The body, or None if it is no text.
        size: Bytes of the body that were read.
        is_cut: Whether there is more of the body than was read.
        retry_after: What the service said about when to come again, or empty.
    """

    host: str
    status: int
    reason: str
    media_type: str
    text: str | None
    size: int
    is_cut: bool
    retry_after: str = ""

    @classmethod
    def of(
        cls, response: httpx.Response, body: bytes, *, is_cut: bool, redact: Redaction
    ) -> Answer:
        """The answer that a response and what was read of its body make."""
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
        text = _text(body, media_type, response.charset_encoding)
        return cls(
            host=response.request.url.host,
            status=response.status_code,
            reason=redact.apply(response.reason_phrase),
            media_type=redact.apply(media_type),
            text=None if text is None else redact.apply(text, is_cut=is_cut),
            size=len(body),
            is_cut=is_cut,
            retry_after=redact.apply(response.headers.get("Retry-After", "")),
        )

    @property
    def has_failed(self) -> bool:
        """Whether the status says that the request was not fulfilled."""
        return self.status >= 400

    @property
    def title(self) -> str:
        """The status as a service writes it, such as `404 Not Found`."""
        return f"{self.status} {self.reason}".strip()

    @property
    def advice(self) -> str:
        """What to do about a failure, as far as its status tells; else empty."""
        known = ADVICE.get(self.status, "")
        if not self.retry_after:
            return known
        unit = " seconds" if self.retry_after.isdigit() else ""
        return f"{known} It says to try again after: {self.retry_after}{unit}.".strip()

    def ok(self) -> Answer:
        """The answer itself.

        Raises:
            Failed: its status is an error; with the beginning of what the service says about it.
        """
        if not self.has_failed:
            return self
        said = " ".join((self.text or "").split())[:QUOTED]
        raise Failed(
            f"{self.host} answered {self.title}: {said or 'nothing'}. {self.advice}".strip()
        )

    def json(self) -> Any:
        """The body, parsed.

        Raises:
            TooLarge: it is not whole.
            Failed: the status is an error, or the body is no JSON.
        """
        self.ok()
        if self.is_cut:
            raise TooLarge(
                f"The answer of {self.host} is larger than {self.size} bytes. Ask for less."
            )
        try:
            return json.loads(self.text or "")
        except (ValueError, RecursionError):
            said = " ".join((self.text or "").split())[:QUOTED]
            raise Failed(f"{self.host} answered no JSON, but: {said or 'nothing'}") from None

    def json_object(self) -> Mapping[str, Any]:
        """The body, parsed, which is an object.

        Raises:
            TooLarge: it is not whole.
            Failed: the status is an error, or the body is something else.
        """
        parsed = self.json()
        if not isinstance(parsed, Mapping):
            raise self.unknown()
        return parsed

    def unknown(self) -> Failed:
        """The error of an answer in a form that a tool does not know."""
        return Failed(
            f"{self.host} answered in a form that is not known here. An operator should look "
            "whether the address is right."
        )


def _text(body: bytes, media_type: str, charset: str | None) -> str | None:
    if media_type and not TEXTUAL.fullmatch(media_type):
        return None
    if not media_type and b"\0" in body:
        return None
    if charset is None or charset.lower().replace("_", "-") in SLOW:
        charset = "utf-8"
    try:
        return body.decode(charset, errors="replace")
    except (LookupError, UnicodeError):  # a charset that Python does not know
        return body.decode("utf-8", errors="replace")
