"""From what a graph streams to the events that the Agent Server API defines.

LangGraph yields `(namespace, mode, chunk)`; a reader of the API sees `values`, `updates|node:task`,
`messages/partial` and so on. The names and shapes were observed on the official server.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, BaseMessageChunk, message_chunk_to_message

from graphwright.events import encode

Chunk = tuple[tuple[str, ...], str, Any]

# Modes that LangGraph does not know by the API's name.
GRAPH_MODES = {"messages-tuple": "messages"}


def graph_modes(modes: Sequence[str]) -> list[str]:
    """LangGraph's stream modes for those that a client asked for.

    `values` is always among them: its last chunk is the run's result.
    """
    asked = [GRAPH_MODES.get(mode, mode) for mode in modes if mode != "events"]
    return list(dict.fromkeys(["values", *asked]))


class EventEncoder:
    """Turns the chunks of one run into events, in the modes that its client asked for."""

    def __init__(self, modes: Sequence[str]) -> None:
        self._modes = set(modes)
        self._partial: dict[str, BaseMessage] = {}

    def encode(self, chunk: Chunk) -> Iterator[bytes]:
        """The events of one chunk; none if its mode was not asked for."""
        namespace, mode, data = chunk
        if mode == "messages":
            yield from self._messages(namespace, *data)
        elif mode not in self._modes:
            return
        elif mode == "debug" and data["type"] == "checkpoint":
            payload = {**data["payload"], **_checkpoints(data["payload"])}
            yield encode(_name(mode, namespace), {**data, "payload": payload})
        else:
            yield encode(_name(mode, namespace), data)

    def _messages(
        self, namespace: Sequence[str], message: BaseMessage, metadata: dict[str, Any]
    ) -> Iterator[bytes]:
        if "messages-tuple" in self._modes:
            yield encode(_name("messages", namespace), (message, metadata))
        if "messages" in self._modes:
            yield from self._accumulated(namespace, message, metadata)

    def _accumulated(
        self, namespace: Sequence[str], message: BaseMessage, metadata: dict[str, Any]
    ) -> Iterator[bytes]:
        """The older form: each event has the whole message so far."""
        key = message.id or ""
        known = self._partial.get(key)
        if known is None:
            yield encode(_name("messages/metadata", namespace), {key: {"metadata": metadata}})
        if isinstance(message, BaseMessageChunk):
            whole = known + message if isinstance(known, BaseMessageChunk) else message
            self._partial[key] = whole
            shown = message_chunk_to_message(whole)
            yield encode(_name("messages/partial", namespace), [shown])
        else:
            self._partial[key] = message
            yield encode(_name("messages/complete", namespace), [message])


def _name(mode: str, namespace: Sequence[str]) -> str:
    return "|".join((mode, *namespace))


def _checkpoints(payload: dict[str, Any]) -> dict[str, Any]:
    """The checkpoint and its parent, as the API names them."""
    return {
        "checkpoint": _configurable(payload["config"]),
        "parent_checkpoint": _configurable(payload["parent_config"]),
    }


def _configurable(config: dict[str, Any] | None) -> dict[str, Any] | None:
    if config is None:
        return None
    wanted = ("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint_map")
    return {key: config["configurable"][key] for key in wanted if key in config["configurable"]}
