"""Requests to web services that a model words itself, within what an operator allows.

```python
http_request = http_tool(
    Outbound(
        hosts=["api.example.com"],
        credentials=[bearer("api.example.com", "env:EXAMPLE_TOKEN")],
    ),
    methods=["GET", "POST"],
)
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from langchain_core.tools import BaseTool

from graphwright_tools.answers import Answer
from graphwright_tools.calls import tool_of
from graphwright_tools.errors import Failed, Refused
from graphwright_tools.outbound import Outbound

MOST_CHARACTERS: Final = 20_000  # of an answer that a model gets
METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")


def http_tool(
    outbound: Outbound,
    *,
    methods: Sequence[str] = ("GET",),
    name: str = "http_request",
    description: str | None = None,
    most_characters: int = MOST_CHARACTERS,
) -> BaseTool:
    """A tool that sends a request of a model's wording and gives the answer as text.

    Args:
        outbound: Where it may go, as whom, and its limits.
        methods: The HTTP methods that it may use.
        name: Of the tool; two with other limits need two names.
        description: When a model should use it; without, what it may reach.
        most_characters: Of an answer that the model gets.

    Raises:
        ValueError: one of the methods is none.
    """
    allowed = [method.upper() for method in methods]
    if unknown := [method for method in allowed if method not in METHODS]:
        raise ValueError(f"{unknown[0]!r} is no HTTP method. Known are: {', '.join(METHODS)}.")

    async def request(
        url: str,
        method: str = allowed[0],
        headers: dict[str, str] | None = None,
        body: dict[str, Any] | list[Any] | None = None,
    ) -> str:
        """Send an HTTP request.

        Args:
            url: The whole address with its query, beginning with https:// or http://.
            method: The HTTP method.
            headers: Further headers; credentials are added where they are needed.
            body: What to send as JSON.
        """
        if method.upper() not in allowed:
            known = ", ".join(allowed)
            raise Refused(f"The method {method} is not allowed here. Allowed are: {known}.")
        answer = await outbound.send(method.upper(), url, headers=headers, json=body)
        return shown(answer, most_characters)

    reach = f"Hosts: {outbound.reach}. Methods: {', '.join(allowed)}."
    return tool_of(request, name=name, description=description or f"Send an HTTP request. {reach}")


def shown(answer: Answer, most_characters: int) -> str:
    """An answer as a model gets it: its status and type, and its body as far as there is room.

    Raises:
        Failed: the status is an error; with the same text, and what to do.
    """
    parts = [answer.title + (f", {answer.media_type}" if answer.media_type else "")]
    parts += [
        part
        for part in (_body(answer, most_characters), _left_out(answer, most_characters))
        if part
    ]
    if not answer.has_failed:
        return "\n\n".join(parts)
    raise Failed("\n\n".join(part for part in (*parts, answer.advice) if part))


def _body(answer: Answer, most: int) -> str:
    return "" if answer.text is None else answer.text[:most]


def _left_out(answer: Answer, most: int) -> str:
    if answer.text is None:
        least = "at least " if answer.is_cut else ""
        return f"[Not shown: {least}{answer.size} bytes that are no text.]"
    first, all_read = min(most, len(answer.text)), len(answer.text)
    if answer.is_cut:
        return f"[Cut: these are the first {first} characters of more than {all_read}.]"
    return f"[Cut: these are the first {first} of {all_read} characters.]" * (first < all_read)
