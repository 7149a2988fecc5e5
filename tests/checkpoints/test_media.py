"""Media in messages are stored as bytes, once, and every message comes back as it was."""

import base64
import copy
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.graph import START, MessagesState, StateGraph

from graphwright_checkpoints import media, open_checkpointer

IMAGE = random.Random(1).randbytes(100_000)
TEXT = base64.b64encode(IMAGE).decode()
URL = f"data:image/png;base64,{TEXT}"
CONFIG: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
BLOCKS = {
    "openai image": {"type": "image_url", "image_url": {"url": URL, "detail": "low"}},
    "openai short": {"type": "image_url", "image_url": URL},
    "openai audio": {"type": "input_audio", "input_audio": {"data": TEXT, "format": "wav"}},
    "openai file": {"type": "file", "file": {"filename": "a.pdf", "file_data": URL}},
    "standard": {"type": "image", "base64": TEXT, "mime_type": "image/png"},
    "standard v0": {"type": "audio", "source_type": "base64", "data": TEXT},
    "anthropic": {"type": "image", "source": {"type": "base64", "data": TEXT}},
    "google": {"type": "media", "mime_type": "video/mp4", "data": TEXT},
}


def messages(blocks: list[Any]) -> list[Any]:
    return [
        HumanMessage([{"type": "text", "text": "Look:"}, *blocks], id="1"),
        {"role": "user", "content": blocks},
        ToolMessage("done", tool_call_id="c", artifact={"blocks": blocks}, id="2"),
        AIMessage("spoken", additional_kwargs={"audio": {"data": TEXT}}, id="3"),
        ToolMessage(TEXT, tool_call_id="d", id="4"),
    ]


@pytest.mark.parametrize("name", BLOCKS)
def test_every_kind_of_block_is_taken_out_and_put_back(name: str) -> None:
    for value in messages([BLOCKS[name], BLOCKS[name]]):
        before = copy.deepcopy(value)
        rest, found = media.take_out(value)
        assert value == before
        assert len(str(rest)) < 1000
        assert {medium.data for medium in found} == {IMAGE}
        assert media.put_back(rest, found) == before


@pytest.mark.parametrize(
    "text",
    [
        "A short one: aGVsbG8=",
        "word " * 4000,
        "x" * 40_000,
        TEXT[:-1],  # its length is not a multiple of four
        TEXT[:-2] + "B=",  # bits that nobody would read are set
        TEXT.replace("+", "-").replace("/", "_"),
        "\n".join(TEXT[start : start + 76] for start in range(0, len(TEXT), 76)),
        TEXT[:4000] + "é" + TEXT[4001:],
        "data:text/plain," + TEXT,
        "data:image/png;base64,",
        URL + " ",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_what_would_not_come_back_the_same_stays(text: str) -> None:
    if not text.endswith("B="):
        assert media.take_out(HumanMessage(text))[1] == []
    with open_checkpointer("sqlite://") as saver:
        value = [HumanMessage([{"type": "image", "base64": text}], id="1")]
        saver.put_writes(at("1"), [("messages", value)], "task")
        assert read(saver) == value


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.one_of(
            st.sampled_from([TEXT, URL, TEXT[:-1], "", "data:;base64," + TEXT]),
            st.text(),
            st.integers(-(2**63), 2**63 - 1),
            st.none(),
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_any_plain_value_comes_back(value: Any) -> None:
    value = [value, HumanMessage(content=[{"type": "x", "y": value}], id="1")]
    with open_checkpointer("sqlite://") as saver:
        saver.put_writes(at("1"), [("ch", value), ("deep", {"value": value})], "task")
        assert read(saver) == value


def test_looking_for_media_is_quick_and_right_when_it_says_no() -> None:
    assert not media.is_likely(b"hello " * 100_000)
    noise = random.Random(2)
    for size in (media.SMALL, media.SMALL + 1, 5000, 10_000):
        encoded = base64.b64encode(noise.randbytes(size))
        for start in range(0, 3000, 37):
            assert media.is_likely(b" " * start + encoded + b" ")


def test_an_image_is_stored_once_however_often_it_is_said(tmp_path: Path) -> None:
    """In the input, as a message, in every checkpoint, and when a client sends it all again."""
    path = tmp_path / "c.db"
    builder = StateGraph(MessagesState).add_node("a", lambda state: {"messages": [AIMessage("hm")]})
    graph_of = builder.add_edge(START, "a").compile
    content: Any = [{"type": "text", "text": "What is it?"}, BLOCKS["openai image"]]
    for _ in range(3):
        with open_checkpointer(f"sqlite:///{path}") as saver:
            graph = graph_of(saver)
            for _ in range(5):
                graph.invoke({"messages": [{"role": "user", "content": content}]}, CONFIG)
            said = graph.get_state(CONFIG).values["messages"]
            assert all(message.content == content for message in said[::2])
    assert len(said) == 30
    link = sqlite3.connect(path)
    stored = link.execute(
        "SELECT count(*), sum(length(data)) FROM checkpoint_elements WHERE type LIKE 'media:%'"
    ).fetchone()
    link.close()
    assert stored == (1, len(IMAGE))
    assert path.stat().st_size < 3 * len(IMAGE)


def test_the_same_words_about_another_image(tmp_path: Path) -> None:
    other = base64.b64encode(IMAGE[::-1]).decode()
    values = [[{"content": "?", "image": text}] for text in (TEXT, other, TEXT)]
    with open_checkpointer(f"sqlite:///{tmp_path}/c.db") as saver:
        for number, value in enumerate(values):
            saver.put_writes(at("1"), [("ch", value)], f"task {number}")
        found: Any = saver.get_tuple(put(saver))
        assert [value for _, _, value in found.pending_writes] == values


def test_what_a_reader_changes_stays_with_the_reader() -> None:
    value = [HumanMessage([BLOCKS["standard"]], id="1")]
    with open_checkpointer("sqlite://") as saver:
        saver.put_writes(at("1"), [("ch", value)], "task")
        for _ in range(3):
            found = read(saver)
            assert found == value
            found[0].content[0]["base64"] = "changed"


def at(name: str) -> Any:
    return {"configurable": {**CONFIG["configurable"], "checkpoint_id": name}}


def put(saver: Any, name: str = "1") -> Any:
    """A checkpoint for writes to be read with."""
    body: Any = {"v": 1, "id": name, "ts": "", "channel_values": {}, "channel_versions": {}}
    return saver.put(CONFIG, {**body, "versions_seen": {}}, {}, {})


def read(saver: Any) -> Any:
    """The value of the first write."""
    return saver.get_tuple(put(saver)).pending_writes[0][2]
