"""Storage grows with what was said, and what is stored is left alone."""

import asyncio
import operator
from collections.abc import Callable
from typing import Annotated, Any
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, MessagesState, StateGraph
from tests.checkpoints.stored import Stored
from typing_extensions import TypedDict

from graphwright_checkpoints import open_checkpointer
from graphwright_checkpoints.saver import Saver

CONFIG: Any = {"configurable": {"thread_id": "t"}}
TEXT = "What a day. " * 85  # 1 kB


class Counting(JsonPlusSerializer):
    """Counts the messages that are encoded and decoded."""

    def __init__(self) -> None:
        super().__init__()
        self.encoded = 0
        self.decoded = 0

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        self.encoded += isinstance(obj, HumanMessage | AIMessage)
        return super().dumps_typed(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        value = super().loads_typed(data)
        self.decoded += isinstance(value, HumanMessage | AIMessage)
        return value


def chat(saver: BaseCheckpointSaver[Any], answer: Any = None) -> Any:
    node = answer or (lambda state: {"messages": AIMessage(TEXT)})
    return StateGraph(MessagesState).add_node("a", node).add_edge(START, "a").compile(saver)


def say(graph: Any, text: str) -> Any:
    return invoke(graph, {"messages": [HumanMessage(f"{text} {TEXT}")]})


def invoke(graph: Any, state: Any) -> Any:
    # What a node changes in place, while the step before it is being written, is nothing to count
    # on; nor is it in sync graphs, which encode in one thread what a node changes in another.
    return asyncio.run(graph.ainvoke(state, CONFIG, durability="sync"))


def test_a_message_is_encoded_once_and_decoded_once(url: str, stored: Stored) -> None:
    serde = Counting()
    with open_checkpointer(url, serde=serde) as saver:
        graph = chat(saver)
        for turn in range(20):
            say(graph, str(turn))
        assert (
            len(stored.rows("elements")) <= 40 + 20
        )  # the input is an element of __start__ as well
        assert serde.encoded <= 60
        assert serde.decoded <= 60
        assert len(graph.get_state(CONFIG).values["messages"]) == 40
    with open_checkpointer(url, serde=serde) as saver:  # after a restart
        serde.encoded = 0
        assert len(say(chat(saver), "again")["messages"]) == 42
        assert serde.encoded <= 3


def test_a_checkpoint_does_not_grow_with_its_conversation(url: str, stored: Stored) -> None:
    turns = int(100 * stored.kills)
    with open_checkpointer(url) as saver:
        graph = chat(saver)
        for turn in range(turns):
            say(graph, str(turn))
    rows = sorted(stored.rows("checkpoints"), key=lambda row: row["checkpoint_id"])
    sizes = [len(row["body"]) + len(row["metadata"]) + len(row["refs"] or b"") for row in rows]
    assert max(sizes[-9:]) <= max(sizes[:9]) + 16
    said = 2 * turns * len(TEXT)
    assert len(stored.content()) < 4 * said


def of_role(role: str) -> Callable[[str], Any]:
    return lambda text: {"role": role, "content": text}


class Log(TypedDict):
    entries: Annotated[list[dict[str, str]], operator.add]


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        (of_role("user"), AIMessage),
        (lambda text: ("human", text), AIMessage),
        (of_role("user"), of_role("assistant")),
    ],
    ids=["dicts", "pairs", "dicts both ways"],
)
def test_nor_where_messages_come_in_another_form(
    url: str, said: Callable[[str], Any], answered: Callable[[str], Any]
) -> None:
    with open_checkpointer(url) as saver:
        graph = chat(saver, lambda state: {"messages": [answered(TEXT)]})
        for turn in range(12):
            invoke(graph, {"messages": [said(f"{turn} {TEXT}")]})
        assert _spans(saver, "messages") == 1


def test_nor_where_a_list_is_of_plain_values(url: str) -> None:
    with open_checkpointer(url) as saver:
        builder = StateGraph(Log).add_node("n", lambda state: {"entries": [{"answer": _fresh()}]})
        graph = builder.add_edge(START, "n").compile(saver)
        for _ in range(12):
            invoke(graph, {"entries": [{"question": _fresh()}]})
        assert _spans(saver, "entries") == 1


def _fresh() -> str:
    return f"{uuid4()} {TEXT}"


def _spans(saver: Saver, channel: str) -> int:
    """How many runs of numbers the latest checkpoint's list is."""
    (address,) = saver.addresses("t")[:1]
    head = saver._database.head(address)
    assert head is not None
    (reference,) = (each for each in head.references if each.channel == channel)
    return len(reference.spans) // 2


def test_clients_that_send_the_whole_history_each_time(url: str, stored: Stored) -> None:
    with open_checkpointer(url) as saver:
        graph = chat(saver)
        history: list[Any] = []
        for turn in range(20):
            history.append({"role": "user", "content": f"{turn} {TEXT}", "id": f"{turn}"})
            said = invoke(graph, {"messages": list(history)})["messages"][-1]
            history.append({"role": "assistant", "content": TEXT, "id": said.id})
    assert len(stored.rows("elements")) <= 4 * 40


def test_a_value_that_a_node_returns_unchanged_is_stored_once(url: str, stored: Stored) -> None:
    class State(MessagesState):
        document: str

    def same(state: State) -> Any:
        return {"document": "".join(list(state["document"]))}  # equal, not the same object

    builder = StateGraph(State).add_node("same", same).add_edge(START, "same")
    with open_checkpointer(url) as saver:
        graph = builder.compile(saver)
        invoke(graph, {"document": TEXT, "messages": []})
        for _ in range(5):
            invoke(graph, {"messages": []})
    assert len(stored.rows("elements")) == 1


@pytest.mark.parametrize("restart", [False, True])
def test_a_message_changed_in_place_is_stored_as_it_is_now(url: str, restart: bool) -> None:
    def edit(state: MessagesState) -> Any:
        first = state["messages"][0]
        first.content += "!"
        first.additional_kwargs.setdefault("seen", []).append(len(state["messages"]))
        return {"messages": AIMessage("edited", id=f"a{len(state['messages'])}")}

    with open_checkpointer(url) as saver:
        graph = chat(saver, edit)
        invoke(graph, {"messages": HumanMessage("hi", id="1")})
        first = graph.get_state(CONFIG).values["messages"][0]
        assert (first.content, first.additional_kwargs) == ("hi!", {"seen": [1]})
        if not restart:
            invoke(graph, {"messages": HumanMessage("ho", id="2")})
    with open_checkpointer(url) as saver:
        graph = chat(saver, edit)
        if restart:
            invoke(graph, {"messages": HumanMessage("ho", id="2")})
        history = [s.values["messages"] for s in graph.get_state_history(CONFIG)]
        assert [m[0].content for m in history if m] == ["hi!!", "hi!", "hi!", "hi!", "hi"]
        assert history[0][0].additional_kwargs == {"seen": [1, 3]}


def test_what_a_reader_changes_stays_with_the_reader(url: str) -> None:
    with open_checkpointer(url) as saver:
        graph = chat(saver)
        say(graph, "hi")
        for _ in range(3):
            state = graph.get_state(CONFIG).values["messages"]
            assert state[1].content == TEXT
            state[1].content = "changed"
            state[1].response_metadata["changed"] = True


def test_removed_and_edited_messages(url: str) -> None:
    with open_checkpointer(url) as saver:
        graph = chat(saver)
        for turn in range(5):
            say(graph, str(turn))
        messages = graph.get_state(CONFIG).values["messages"]
        graph.update_state(CONFIG, {"messages": [RemoveMessage(id=messages[2].id)]})
        graph.update_state(CONFIG, {"messages": [HumanMessage("new", id=messages[4].id)]})
        expected = [m.id for m in messages if m is not messages[2]]
        found = graph.get_state(CONFIG).values["messages"]
        assert [message.id for message in found] == expected
        assert found[3].content == "new"


class Noisy:
    """A cipher that, like a real one, never writes the same text twice."""

    def __init__(self) -> None:
        self.count = 0

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        self.count += 1
        return "noisy", self.count.to_bytes(8, "big") + bytes(byte ^ 7 for byte in plaintext)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        return bytes(byte ^ 7 for byte in ciphertext[8:])


def test_encrypted_elements_are_stored_once_too(url: str, stored: Stored) -> None:
    serde = EncryptedSerializer(Noisy())
    with open_checkpointer(url, serde=serde) as saver:
        for _ in range(3):  # other objects, the same messages
            saver.put_writes(
                {"configurable": {"thread_id": "t", "checkpoint_id": "1"}},
                [("messages", [HumanMessage(f"{n} {TEXT}", id=f"{n}") for n in range(10)])],
                f"task {_}",
            )
        assert len(stored.rows("elements")) == 10
    assert TEXT.encode() not in stored.content()
    assert [row["type"] for row in stored.rows("keys")] == ["bytes+noisy"]


def test_digests_say_nothing_without_the_databases_key(fresh: Callable[[], Stored]) -> None:
    digests = set()
    for _ in range(2):
        stored = fresh()
        with open_checkpointer(stored.url) as saver:
            say(chat(saver, lambda state: {}), "hi")
        digests |= {row["digest"] for row in stored.rows("elements")}
        count = len(stored.elements())
    assert len(digests) == 2 * count


def test_a_large_value_comes_back(url: str) -> None:
    state = {"messages": [HumanMessage("x" * 50_000_000, id="1")]}
    with open_checkpointer(url) as saver:
        invoke(chat(saver, lambda state: {}), state)
        found = saver.get_tuple(CONFIG)
        assert found is not None
        assert found.checkpoint["channel_values"]["messages"] == state["messages"]
