"""A server that speaks OpenAI's chat completions, streamed and whole, and answers as told.

Requests are answered by their content, not by their turn: a graph may send several at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.tools.loopback import Handler, Received, serving

from graphwright_graphs.models import Models


@dataclass(frozen=True)
class Refusal:
    """An answer that is an error."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None


@dataclass(frozen=True)
class Cut:
    """The beginning of an answer, after which the connection ends."""

    text: str


@dataclass(frozen=True)
class Stall:
    """The beginning of an answer, after which nothing comes for as long as the client waits."""

    text: str


Answer = str | dict[str, Any] | list[tuple[str, dict[str, Any]]] | Refusal | Cut | Stall
"""A text, data in the form of the request's schema, tool calls as name and arguments, a failure."""

CLOSING = {"Connection": "close"}
"""Clients are kept for longer than the event loop of a test, and so must not keep connections."""

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


@dataclass(frozen=True)
class Request:
    """One request to the model, with what tests and answers look at."""

    body: dict[str, Any]

    @property
    def system(self) -> str:
        """The system message's text; empty without one."""
        return self._text("system")

    @property
    def asked(self) -> str:
        """The last human message's text."""
        return self._text("user")

    @property
    def results(self) -> list[str]:
        """The texts of the tool results that follow the last human message."""
        last = max((at for at, m in enumerate(self._messages) if m["role"] == "user"), default=-1)
        return [str(m["content"]) for m in self._messages[last + 1 :] if m["role"] == "tool"]

    @property
    def tools(self) -> list[str]:
        """The names of the tools that are offered."""
        return [tool["function"]["name"] for tool in self.body.get("tools", ())]

    @property
    def schema(self) -> dict[str, Any] | None:
        """The JSON Schema of the answer that is asked for."""
        form = self.body.get("response_format") or {}
        found: dict[str, Any] | None = form.get("json_schema", {}).get("schema")
        return found

    @property
    def _messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages

    def _text(self, role: str) -> str:
        said = [m["content"] for m in self._messages if m["role"] == role]
        return str(said[-1]) if said else ""


@dataclass
class OpenAIServer:
    """What the server was asked, and where it is."""

    url: str
    requests: list[Request] = field(default_factory=list)

    @property
    def models(self) -> Models:
        """A catalogue whose default model is this server's."""
        return Models("openai:scripted", base_url=self.url)


@contextmanager
def answering(
    answer: Callable[[Request], Answer], *, path: str = "/v1/chat/completions"
) -> Iterator[OpenAIServer]:
    """A server on a free port of the loopback, which gives what `answer` says."""
    with serving() as loopback:
        server = OpenAIServer(f"{loopback.url}/v1")

        def reply(handler: Handler, received: Received) -> None:
            request = Request(received.json)
            server.requests.append(request)
            found = answer(request)
            if isinstance(found, Refusal | Cut | Stall):
                _fail(handler, found)
                return
            message, reason = _message(found)
            if request.body.get("stream"):
                events = [*_deltas(message), _chunk({}, reason), {**_chunk({}, None), **_END}]
                lines = [f"data: {json.dumps(event)}\n\n" for event in events]
                content, kind = "".join([*lines, "data: [DONE]\n\n"]), "text/event-stream"
            else:
                choice = {"index": 0, "message": message, "finish_reason": reason}
                whole = {**_chunk({}, None), "object": "chat.completion", "usage": USAGE}
                content, kind = json.dumps({**whole, "choices": [choice]}), "application/json"
            handler.reply(200, content.encode(), {"Content-Type": kind, **CLOSING})

        loopback.scripts[path] = reply
        yield server


_END = {"choices": [], "usage": USAGE}


def _fail(handler: Handler, failure: Refusal | Cut | Stall) -> None:
    if isinstance(failure, Refusal):
        problem = {"error": {"message": "refused", "type": "refused", "code": failure.code}}
        sent = {"Content-Type": "application/json", **CLOSING, **failure.headers}
        handler.reply(failure.status, json.dumps(problem).encode(), sent)
        return
    begun = list(_deltas({"content": failure.text}))
    lines = "".join(f"data: {json.dumps(event)}\n\n" for event in begun)
    # The length that is told is not the length that comes.
    length = {"Content-Length": str(len(lines) + 1000)}
    headers = {"Content-Type": "text/event-stream", **length, **CLOSING}
    handler.reply(200, lines.encode(), headers)
    handler.close_connection = True
    if isinstance(failure, Stall):
        handler.wfile.flush()
        handler.connection.settimeout(10)
        handler.rfile.read(1)  # until the client has gone


def _message(answer: Answer) -> tuple[dict[str, Any], str]:
    if not isinstance(answer, list):
        content = answer if isinstance(answer, str) else json.dumps(answer)
        return {"role": "assistant", "content": content}, "stop"
    calls = [
        {
            "index": index,
            "id": f"call_{index}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
        for index, (name, arguments) in enumerate(answer)
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls}, "tool_calls"


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A message word by word, its tool calls with their arguments in two pieces."""
    yield _chunk({"role": "assistant", "content": ""}, None)
    for word in re.findall(r"\S+\s*", message["content"] or ""):
        yield _chunk({"content": word}, None)
    for call in message.get("tool_calls", ()):
        arguments = call["function"]["arguments"]
        half = len(arguments) // 2
        begun = {**call, "function": {**call["function"], "arguments": arguments[:half]}}
        rest = {"index": call["index"], "function": {"arguments": arguments[half:]}}
        yield _chunk({"tool_calls": [begun]}, None)
        yield _chunk({"tool_calls": [rest]}, None)


def _chunk(delta: dict[str, Any], reason: str | None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "scripted",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
    }
