"""A run in words: what a person at a playground reads while it goes on.

    assistant
    → calculator(expression='6 * 7')

    tools
    ← calculator: 42

    assistant
    6 * 7 = 42.

It is made of the run's `messages` and `updates` events. A model's text comes as the model writes
it; its tool calls come whole, when its node is done.
"""

from collections.abc import Iterable, Iterator, Mapping
from textwrap import indent
from typing import Any, TypeGuard

import yaml

from graphwright.events import to_json

Json = dict[str, Any]

SHORT = 80  # characters of JSON that fit into a line
MAX_RESULT = 400  # characters of a tool's result; the whole is among the intermediate steps

HOW_TO_ANSWER = (
    'To answer, write {"resume": "…"} with your answer into COMMAND, keep the THREAD ID, '
    "and start again."
)
NO_THREAD = (
    "This run has no THREAD ID, so its question cannot be answered. "
    "Write any name into THREAD ID and start again."
)


class Paragraphs:
    """Text in pieces, with an empty line where a new paragraph begins."""

    def __init__(self) -> None:
        self._current: object = None

    def write(self, paragraph: object, text: str, mark: str = "\n\n") -> Iterator[str]:
        """A piece of the paragraph with this name, after `mark` if it follows another."""
        if text:
            yield text if self._current in (None, paragraph) else mark + text
            self._current = paragraph


class Transcript:
    """One run's transcript. Hand it every event, in order; it gives the pieces of text."""

    def __init__(self, *, kept: bool) -> None:
        self._kept = kept
        self._paragraphs = Paragraphs()
        self._node = ""
        self._streamed: set[str] = set()
        self._text: dict[str, str] = {}
        self._values: Json = {}

    def pieces(self, name: str, data: Any) -> Iterator[str]:
        """What the event adds, in the shape that stream modes `messages-tuple` and `updates` give
        it; nothing for events of other modes.
        """
        if name == "messages":
            message, metadata = data
            yield from self._message(str(metadata.get("langgraph_node", "")), message)
        elif name == "updates":
            for node, update in data.items():
                yield from self._update(node, update)

    def failure(self, error: Exception) -> Iterator[str]:
        """Why the run ended."""
        yield from self._paragraphs.write(object(), f"The run failed. {error}")

    def _message(self, node: str, message: Json) -> Iterator[str]:
        if message["type"] != "AIMessageChunk":
            yield from self._lines(node, message_lines(message))
            return
        text = text_of(message)
        self._streamed.add(message["id"])
        self._text[node] = self._text.get(node, "") + text
        yield from self._under(node, message["id"], text)

    def _update(self, node: str, update: Any) -> Iterator[str]:
        if node == "__interrupt__":
            how = HOW_TO_ANSWER if self._kept else NO_THREAD
            yield from self._paragraphs.write(object(), f"{question(update)}\n\n{how}")
            return
        for values in update if isinstance(update, list) else [update]:
            for channel, value in values.items() if isinstance(values, dict) else ():
                yield from self._lines(node, self._channel_lines(node, channel, value))
        self._text.pop(node, None)

    def _channel_lines(self, node: str, channel: str, value: Any) -> Iterator[str]:
        messages = value if isinstance(value, list) else [value]
        if messages and all(is_message(message) for message in messages):
            for message in messages:
                # What was not streamed has come whole already, as an event of its own.
                if message["id"] in self._streamed:
                    self._streamed.remove(message["id"])
                    yield from _calls(message)
        elif value not in (self._text.get(node), self._values.get(channel)):
            self._values[channel] = value
            yield f"{channel}: {_shown(value)}"

    def _lines(self, node: str, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            yield from self._under(node, object(), line)

    def _under(self, node: str, paragraph: object, text: str) -> Iterator[str]:
        """Text below the heading of its node."""
        if text and node != self._node:
            self._node = node
            yield from self._paragraphs.write(object(), node)
        yield from self._paragraphs.write(paragraph, text, mark="\n")


def is_message(value: Any) -> TypeGuard[Json]:
    """Whether a value is a message, as JSON."""
    return isinstance(value, dict) and {"type", "content", "id", "response_metadata"} <= set(value)


def message_lines(message: Json) -> Iterator[str]:
    """A whole message in words."""
    text = text_of(message)
    if message["type"] == "tool":
        yield f"← {message.get('name') or 'tool'}: {_shortened(text)}"
    elif message["type"] == "ai":
        yield text
        yield from _calls(message)
    else:
        yield f"{message['type']}: {text}"


def text_of(message: Mapping[str, Any]) -> str:
    """A message's text; of content in parts, those that are text."""
    content = message["content"]
    if isinstance(content, str):
        return content
    parts = (part if isinstance(part, str) else part.get("text", "") for part in content)
    return "".join(parts)


def question(interrupts: Iterable[Json]) -> str:
    """What a graph's interrupts ask, in words."""
    return "\n".join(_asked(interrupt["value"]) for interrupt in interrupts)


def _asked(value: Any) -> str:
    """LangChain's human-in-the-loop request by its actions, a `question` by itself, anything else
    as it is.
    """
    given = value if isinstance(value, dict) else {}
    if actions := given.get("action_requests"):
        lines = [f"- {_call(action)}" for action in actions]
        return "\n".join(["Waiting for your approval:", *lines, "Answer yes or no."])
    rest = {key: item for key, item in given.items() if key != "question"}
    if isinstance(given.get("question"), str):
        return "\n".join([given["question"], *([_shown(rest)] if rest else [])])
    return value if isinstance(value, str) else _shown(value)


def _calls(message: Json) -> Iterator[str]:
    for call in message.get("tool_calls") or ():
        yield f"→ {_call(call)}"


def _call(call: Json) -> str:
    return f"{call['name']}({', '.join(f'{key}={item!r}' for key, item in call['args'].items())})"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    short = to_json(value).decode()
    return short if len(short) <= SHORT else "\n" + _outline(value)


def _outline(value: Any) -> str:
    text = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=SHORT)
    return indent(text.rstrip(), "  ")


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_RESULT else f"{text[:MAX_RESULT]} …"
