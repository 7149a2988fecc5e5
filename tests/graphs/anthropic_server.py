"""A server that speaks Anthropic's Messages API, streamed and whole, and answers as told.

https://docs.anthropic.com/en/api/messages and …/messages-streaming tell the form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.graphs.openai_server import CLOSING, Cut, Refusal
from tests.tools.loopback import Handler, Received, serving

USAGE = {
    "input_tokens": 7,
    "cache_creation_input_tokens": 100,
    "cache_read_input_tokens": 50,
    "output_tokens": 3,
}

Answer = str | list[tuple[str, dict[str, Any]]] | Refusal | Cut
"""A text, tool calls as name and arguments, a refusal, or a beginning that an error follows."""


@dataclass
class AnthropicServer:
    """What the server was asked, and where it is."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def models(self) -> list[str]:
        """The models that were asked, in order."""
        return [request["model"] for request in self.requests]


@contextmanager
def answering(answer: Callable[[dict[str, Any]], Answer]) -> Iterator[AnthropicServer]:
    """A server on a free port of the loopback, which gives what `answer` says to a request."""
    with serving() as loopback:
        server = AnthropicServer(loopback.url)

        def reply(handler: Handler, received: Received) -> None:
            request = received.json
            server.requests.append(request)
            found = answer(request)
            if isinstance(found, Refusal):
                body = json.dumps(_error("overloaded_error" if found.status == 529 else "refused"))
                sent = {"Content-Type": "application/json", **CLOSING, **found.headers}
                handler.reply(found.status, body.encode(), sent)
            elif request.get("stream"):
                lines = "".join(
                    f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
                    for event in _events(found)
                )
                kind = {"Content-Type": "text/event-stream", **CLOSING}
                handler.reply(200, lines.encode(), kind)
            else:
                assert not isinstance(found, Cut), "only a stream can be cut"
                whole = {**_message(), "content": _blocks(found), "stop_reason": _reason(found)}
                kind = {"Content-Type": "application/json", **CLOSING}
                handler.reply(200, json.dumps(whole).encode(), kind)

        loopback.scripts["/v1/messages"] = reply
        yield server


def _message() -> dict[str, Any]:
    common = {"id": "msg_1", "type": "message", "role": "assistant", "model": "scripted"}
    return {**common, "content": [], "stop_reason": None, "stop_sequence": None, "usage": USAGE}


def _error(kind: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": "not now"}}


def _reason(answer: Answer) -> str:
    return "tool_use" if isinstance(answer, list) else "end_turn"


def _blocks(answer: str | list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    if isinstance(answer, str):
        return [{"type": "text", "text": answer}]
    return [
        {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": arguments}
        for number, (name, arguments) in enumerate(answer)
    ]


def _events(answer: str | list[tuple[str, dict[str, Any]]] | Cut) -> Iterator[dict[str, Any]]:
    """A message word by word, the arguments of its tool calls in two pieces."""
    yield {"type": "message_start", "message": _message()}
    for index, block in enumerate(_blocks(answer.text if isinstance(answer, Cut) else answer)):
        empty = {"text": ""} if block["type"] == "text" else {"input": {}}
        yield {"type": "content_block_start", "index": index, "content_block": {**block, **empty}}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        if isinstance(answer, Cut):
            yield _error("overloaded_error")
            return
        yield {"type": "content_block_stop", "index": index}
    end = {"stop_reason": _reason(answer), "stop_sequence": None}
    yield {"type": "message_delta", "delta": end, "usage": USAGE}  # of the whole message
    yield {"type": "message_stop"}


def _deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if block["type"] == "text":
        for word in re.findall(r"\S+\s*", block["text"]):
            yield {"type": "text_delta", "text": word}
    else:
        arguments = json.dumps(block["input"])
        for piece in (arguments[:5], arguments[5:]):
            yield {"type": "input_json_delta", "partial_json": piece}
