"""The saver as LangGraph uses it, and beside InMemorySaver."""

import operator
from collections.abc import Iterator
from functools import reduce
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, Send, interrupt
from tests.checkpoints.stored import Stored
from typing_extensions import TypedDict

from graphwright_checkpoints import ValueNotRead, ValueNotStored, open_checkpointer

VERSION = "00000000000000000000000000000001.0"


@pytest.fixture
def saver(url: str) -> Iterator[BaseCheckpointSaver[str]]:
    with open_checkpointer(url) as opened:
        yield opened


def config(thread: str = "t", **more: Any) -> Any:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", **more}}


def put(saver: Any, value: Any, thread: str = "t", **metadata: Any) -> Any:
    new = {**empty_checkpoint(), "channel_values": {"ch": value}}
    new["channel_versions"] = {"ch": VERSION}
    return saver.put(config(thread), new, metadata, {"ch": VERSION})


def get(saver: Any, thread: str = "t") -> Any:
    return saver.get_tuple(config(thread)).checkpoint["channel_values"]["ch"]


# Values


@pytest.mark.parametrize(
    "value",
    [
        None,
        float("inf"),
        b"\x00\xff",
        bytearray(b"\x00"),
        "NUL \x00 inside",
        "\N{ROCKET}",
        "",
        {},
        [],
        {"nested": {"bytes": b"\x00", 1: (2, 3)}},
        2**63 - 1,
        HumanMessage("hi", id="1"),
        "x" * 3_000_000,
    ],
    ids=lambda value: f"{type(value).__name__}-{str(value)[:12]!r}",
)
def test_values_come_back(saver: Any, value: Any) -> None:
    stored = put(saver, value)
    saver.put_writes(stored, [("ch", value)], "task")
    found = saver.get_tuple(config())
    expected = (
        {"nested": {"bytes": b"\x00", 1: [2, 3]}} if isinstance(value, dict) and value else value
    )
    assert found.checkpoint["channel_values"] == {"ch": expected}
    assert found.pending_writes == [("task", "ch", expected)]


def test_nan_comes_back(saver: Any) -> None:
    put(saver, float("nan"), score=float("nan"))
    assert str(get(saver)) == "nan"
    assert str(saver.get_tuple(config()).metadata["score"]) == "nan"


HALF = "half a rocket \ud83d"


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (HALF, "ch"),
        (["fine?", HALF], "ch[1]"),
        ({"deep": [{"text": HALF}]}, "ch['deep'][0]['text']"),
        ({"deep": {HALF: 1}}, f"ch['deep'][key {HALF!a}]"),
        ([HumanMessage("fine"), AIMessage(HALF)], "ch.content"),
        (HALF * 1000, "ch"),
        ({"arg": (Send("node", {"text": HALF}),)}, "ch[0].arg['text']"),
    ],
    ids=lambda value: str(value)[:24] if isinstance(value, str) else type(value).__name__,
)
def test_lone_surrogates_are_refused_by_path(saver: Any, value: Any, path: str) -> None:
    """LangGraph's serializer writes a question mark for them, and says nothing."""
    with pytest.raises(ValueNotStored, match="lone surrogate") as caught:
        put(saver, value)
    assert path in str(caught.value)
    with pytest.raises(ValueNotStored, match="'ch' cannot be stored"):
        saver.put_writes(config(checkpoint_id="1"), [("ch", value)], "task")


def test_question_marks_are_fine(saver: Any) -> None:
    put(saver, ["why?", {"?": "\N{ROCKET}?"}, HumanMessage("\N{ROCKET}?", id="1")])
    assert get(saver) == ["why?", {"?": "\N{ROCKET}?"}, HumanMessage("\N{ROCKET}?", id="1")]


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    "value",
    [2**70, object(), {"deep": [print]}, reduce(lambda inner, _: [inner], range(600), 1), CIRCLE],
    ids=["wide", "object", "function", "deep", "circle"],
)
def test_what_cannot_be_stored_is_refused_by_channel(saver: Any, value: Any) -> None:
    with pytest.raises(ValueNotStored, match="'ch' cannot be stored") as caught:
        put(saver, value)
    assert caught.value.channel == "ch"
    assert saver.get_tuple(config()) is None
    with pytest.raises(ValueNotStored, match="'ch' cannot be stored"):
        saver.put_writes(config(checkpoint_id="1"), [("fine", 1), ("ch", value)], "task")


@pytest.mark.parametrize("value", [object(), CIRCLE], ids=["object", "circle"])
def test_metadata_that_is_not_json_is_refused(saver: Any, value: Any) -> None:
    with pytest.raises(ValueNotStored, match=r"'metadata' cannot be stored.*JSON"):
        put(saver, 1, when=value)


@pytest.mark.parametrize(
    "thread",
    ["x" * 1_000_000, "NUL \x00", "\N{ROCKET}", "'; DROP--", ""],
    ids=["long", "nul", "rocket", "sql", "empty"],
)
def test_odd_thread_ids_are_threads_of_their_own(saver: Any, thread: str) -> None:
    put(saver, 1, thread=thread)
    put(saver, 2, thread=thread + "2")
    assert get(saver, thread) == 1
    saver.delete_thread(thread)
    assert saver.get_tuple(config(thread)) is None
    assert get(saver, thread + "2") == 2


def test_a_thread_id_that_is_not_unicode_is_refused(saver: Any) -> None:
    with pytest.raises(ValueNotStored, match="not valid Unicode"):
        put(saver, 1, thread="\ud800")


class Xor:
    """A stand-in for a cipher: LangGraph's own needs a package that we do not depend on."""

    def __init__(self, key: int) -> None:
        self.key = key

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return f"xor-{self.key}", bytes(byte ^ self.key for byte in plaintext)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        if ciphername != f"xor-{self.key}":
            raise ValueError(f"written with {ciphername}")
        return self.encrypt(ciphertext)[1]


def test_values_can_be_encrypted_and_another_key_says_so(url: str, stored: Stored) -> None:
    with open_checkpointer(url, serde=EncryptedSerializer(Xor(7))) as s:
        put(s, "secret words")
        assert get(s) == "secret words"
    assert b"secret words" not in stored.content()
    with (
        pytest.raises(ValueNotRead, match=r"written with xor-7.*the key"),
        open_checkpointer(url, serde=EncryptedSerializer(Xor(8))),
    ):
        pass


def test_another_serializer_cannot_read_and_says_so(url: str) -> None:
    class Rotated(JsonPlusSerializer):
        def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
            return "rotated", super().dumps_typed(obj)[1]

    with open_checkpointer(url, serde=Rotated()) as s:
        put(s, "x")
    with pytest.raises(ValueNotRead, match="with the serializer"), open_checkpointer(url):
        pass


# Storage


def test_a_channel_that_did_not_change_is_not_written_again(url: str, stored: Stored) -> None:
    class State(TypedDict):
        document: str
        count: Annotated[int, operator.add]

    def count(state: State) -> Any:
        return {"count": 1}

    builder = StateGraph(State).add_node("count", count)
    builder.add_edge(START, "count").add_edge("count", END)
    with open_checkpointer(url) as saver:
        graph = builder.compile(checkpointer=saver)
        graph.invoke({"document": "x" * 10_000, "count": 0}, config())
        for _ in range(5):
            graph.invoke({"count": 0}, config())
        assert graph.get_state(config()).values == {"document": "x" * 10_000, "count": 6}
    assert len(stored.elements()) == 1


def test_deleting_leaves_no_row(url: str, stored: Stored) -> None:
    with open_checkpointer(url) as saver:
        for thread in "abc":
            at = put(saver, ["value"], thread, run_id=f"run {thread}")
            saver.put_writes(at, [("ch", 1)], "task")
        saver.delete_thread("a")
        saver.delete_for_runs(["run b"])
        saver.prune(["c"], strategy="delete")
    assert stored.counts() == [0, 0, 0, 0]


def test_values_of_other_checkpoints_survive_a_runs_deletion(saver: Any) -> None:
    new = {**empty_checkpoint(), "channel_values": {"ch": [1]}, "channel_versions": {"ch": VERSION}}
    first = saver.put(config(), new, {"run_id": "1"}, {"ch": VERSION})
    second = {**new, "id": empty_checkpoint()["id"]}
    saver.put(first, second, {"run_id": "2"}, {})
    saver.delete_for_runs(["1"])
    assert [item.checkpoint["id"] for item in saver.list(config())] == [second["id"]]
    assert get(saver) == [1]


def test_an_unknown_strategy_is_refused(saver: Any) -> None:
    with pytest.raises(ValueError, match=r'"keep_latest" or "delete", not \'newest\''):
        saver.prune(["t"], strategy="newest")


# Finding


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"name": "a"}, [0]),
        ({"name": None}, [2, 3]),
        ({"step": 1}, [1]),
        ({"flag": True}, [1]),
        ({"name": "a\x00"}, []),
        ({"tags": ["x"]}, [2]),
        ({"ratio": 0.5}, [3]),
        ({'odd " key': 1}, [3]),
        ({"name": "\N{ROCKET}"}, [1]),
        ({"step": 2**70}, []),
        ({"name": "a", "step": 1}, []),
    ],
)
def test_filters_compare_metadata_as_python_does(saver: Any, wanted: Any, found: Any) -> None:
    for position, metadata in enumerate(
        [
            {"name": "a", "step": 0, "score": float("nan")},
            {"name": "\N{ROCKET}", "step": 1, "flag": True},
            {"tags": ["x"], "step": 2},
            {"ratio": 0.5, "step": 3, 'odd " key': 1},
        ]
    ):
        put(saver, position, f"t{position}", **metadata)
    listed = list(saver.list(None, filter=wanted))
    assert sorted(item.checkpoint["channel_values"]["ch"] for item in listed) == found
    assert len(list(saver.list(None, filter=wanted, limit=1))) == min(len(found), 1)
    assert list(saver.list(None, filter=wanted, limit=0)) == []


# Graphs


class Chat(MessagesState):
    steps: Annotated[list[str], operator.add]


def chat_graph(saver: Any) -> Any:
    def answer(state: Chat) -> Any:
        return {"messages": AIMessage(f"{len(state['messages'])} so far"), "steps": ["answer"]}

    def ask(state: Chat) -> Any:
        reply = interrupt({"question": "go on?"})
        return {"steps": [f"asked: {reply}"]}

    inner = StateGraph(Chat).add_node("ask", ask).add_edge(START, "ask").add_edge("ask", END)
    builder = StateGraph(Chat).add_node("answer", answer).add_node("sub", inner.compile())
    builder.add_edge(START, "answer").add_edge("answer", "sub").add_edge("sub", END)
    return builder.compile(checkpointer=saver)


async def test_a_chat_with_an_interrupt_in_a_subgraph_and_a_fork(url: str) -> None:
    async with open_checkpointer(url) as saver:
        graph = chat_graph(saver)
        await graph.ainvoke({"messages": [HumanMessage("hello")]}, config())
        waiting = await graph.aget_state(config(), subgraphs=True)
        assert waiting.interrupts[0].value == {"question": "go on?"}
    async with open_checkpointer(url) as saver:  # as after a restart
        graph = chat_graph(saver)
        done = await graph.ainvoke(Command(resume="yes"), config())
        assert [message.text for message in done["messages"]] == ["hello", "1 so far"]
        assert done["steps"][-1] == "asked: yes"
        history = [state async for state in graph.aget_state_history(config())]
        before = next(state for state in history if state.next == ("sub",))
        await graph.ainvoke(None, before.config)
        forked = await graph.ainvoke(Command(resume="no"), config())
        assert forked["steps"][-1] == "asked: no"
        assert (await graph.aget_state(history[0].config)).values["steps"][-1] == "asked: yes"


def test_sync_graphs_work_the_same(saver: Any) -> None:
    graph = chat_graph(saver)
    graph.invoke({"messages": [HumanMessage("hello")]}, config())
    assert graph.invoke(Command(resume="yes"), config())["steps"][-1] == "asked: yes"
    graph.update_state(config(), {"steps": ["by hand"]})
    assert graph.get_state(config()).values["steps"][-1] == "by hand"


def test_keep_latest_keeps_what_delta_channels_are_rebuilt_from(saver: Any) -> None:
    def extend(state: list[str], updates: Any) -> list[str]:
        return state + [word for update in updates for word in update]

    class State(TypedDict):
        words: Annotated[list[str], DeltaChannel(extend, snapshot_frequency=4)]

    builder = StateGraph(State).add_node("add", lambda state: {"words": ["node"]})
    graph = builder.add_edge(START, "add").add_edge("add", END).compile(checkpointer=saver)
    for turn in range(7):
        graph.invoke({"words": [f"turn {turn}"]}, config())
    before = graph.get_state(config()).values["words"]
    total = len(list(saver.list(config())))
    saver.prune(["t"])
    assert graph.get_state(config()).values["words"] == before
    assert len(before) == 14
    assert 1 < len(list(saver.list(config()))) < total
    graph.invoke({"words": ["more"]}, config())
    assert graph.get_state(config()).values["words"] == [*before, "more", "node"]


# Beside InMemorySaver

names = st.sampled_from(["a", "b", "messages"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)
puts = st.tuples(st.just("put"), st.dictionaries(names, values, max_size=3), st.booleans())
writes = st.tuples(
    st.just("writes"),
    st.lists(st.tuples(names | st.just("__error__"), values), max_size=3),
    st.sampled_from(["task 1", "task 2"]),
)
deletes = st.tuples(st.just("delete"), st.none(), st.none())


def play(saver: Any, actions: list[Any]) -> list[Any]:
    """Do the actions and return all that the saver then says of the thread."""
    at = config()
    versions: dict[str, Any] = {}
    kept: dict[str, Any] = {}
    for number, (action, what, how) in enumerate(actions):
        if action == "put":
            version = f"{number:032}.0"
            kept |= what
            versions |= dict.fromkeys(what, version)
            new = {**empty_checkpoint(), "id": f"{number:04}", "ts": ""}
            new |= {"channel_values": dict(kept), "channel_versions": dict(versions)}
            stored = saver.put(at, new, {"step": number}, dict.fromkeys(what, version))
            at = stored if how else at  # else the next one forks from the same parent
        elif action == "writes" and "checkpoint_id" in at["configurable"]:
            saver.put_writes(at, what, how, f"path of {how}")
        elif action == "delete":
            saver.delete_thread("t")
            at, versions, kept = config(), {}, {}
    latest = saver.get_tuple(config())
    named = saver.get_tuple(latest.config) if latest else None
    return [latest, named, *saver.list(config()), *saver.list(config(), before=at, limit=2)]


def test_it_does_what_langgraphs_memory_does(saver: Any) -> None:
    @given(st.lists(puts | writes | deletes, max_size=12))
    @settings(max_examples=60, deadline=None)
    def compare(actions: list[Any]) -> None:
        saver.delete_thread("t")
        assert play(saver, actions) == play(InMemorySaver(), actions)

    compare()
