import json
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage

from graphwright.events import data_of, name_of
from graphwright.streams import Chunk, EventEncoder, graph_modes


def encoded(modes: list[str], *chunks: Chunk) -> list[tuple[str, Any]]:
    encoder = EventEncoder(modes)
    events = [event for chunk in chunks for event in encoder.encode(chunk)]
    return [(name_of(event), json.loads(data_of(event))) for event in events]


def test_values_are_always_asked_of_the_graph() -> None:
    assert graph_modes(["updates"]) == ["values", "updates"]
    assert graph_modes(["messages-tuple", "messages"]) == ["values", "messages"]
    assert graph_modes(["events"]) == ["values"]


def test_only_what_was_asked_for_is_encoded() -> None:
    chunks: list[Chunk] = [((), "values", 1), ((), "updates", 2)]
    assert encoded(["updates"], *chunks) == [("updates", 2)]


def test_a_namespace_is_part_of_the_name() -> None:
    assert encoded(["values"], (("a:1", "b:2"), "values", 1)) == [("values|a:1|b:2", 1)]


def test_messages_as_tuples() -> None:
    found = encoded(["messages-tuple"], ((), "messages", (AIMessageChunk("x"), {"m": 1})))
    ((name, (message, metadata)),) = found
    assert (name, message["content"], metadata) == ("messages", "x", {"m": 1})
    assert message["type"] == "AIMessageChunk"


def test_messages_that_grow() -> None:
    chunks: list[Chunk] = [
        (("sub:1",), "messages", (AIMessageChunk(text, id="1"), {"m": 1})) for text in "ab"
    ]
    chunks.append(((), "messages", (ToolMessage("5", tool_call_id="c", id="2"), {"m": 2})))
    found = encoded(["messages"], *chunks)
    assert [name for name, _ in found] == [
        "messages/metadata|sub:1",
        "messages/partial|sub:1",
        "messages/partial|sub:1",
        "messages/metadata",
        "messages/complete",
    ]
    assert found[0][1] == {"1": {"metadata": {"m": 1}}}
    assert [found[1][1][0]["content"], found[2][1][0]["content"]] == ["a", "ab"]
    assert found[2][1][0]["type"] == "ai"


def test_both_forms_of_messages_at_once() -> None:
    modes = ["messages", "messages-tuple"]
    found = encoded(modes, ((), "messages", (AIMessage("x", id="1"), {})))
    assert [name for name, _ in found] == ["messages", "messages/metadata", "messages/complete"]


def test_a_checkpoint_of_debug_names_its_place() -> None:
    place = {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "c"}
    config = {"configurable": {**place, "secret": 1}}
    payload = {"config": config, "parent_config": None, "values": {}}
    ((_, data),) = encoded(["debug"], ((), "debug", {"type": "checkpoint", "payload": payload}))
    assert data["payload"]["checkpoint"] == place
    assert data["payload"]["parent_checkpoint"] is None
