"""What is deleted leaves nothing behind, and what stays can be read."""

from typing import Annotated, Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import END, START, MessagesState, StateGraph
from tests.checkpoints.stored import Stored
from typing_extensions import TypedDict

from graphwright_checkpoints import open_checkpointer

TEXT = "word " * 100


def config(thread: str = "t", **more: Any) -> Any:
    return {"configurable": {"thread_id": thread, **more}}


def chat(saver: Any) -> Any:
    def answer(state: MessagesState) -> Any:
        return {"messages": [("ai", f"{len(state['messages'])} {TEXT}")]}

    return StateGraph(MessagesState).add_node("a", answer).add_edge(START, "a").compile(saver)


def talk(saver: Any, thread: str, turns: int = 3) -> Any:
    graph = chat(saver)
    for turn in range(turns):
        asked = {"messages": [HumanMessage(f"{turn} {TEXT}")]}
        graph.invoke(asked, {**config(thread), "metadata": {"run_id": f"{thread}-{turn}"}})
    return graph


@pytest.mark.parametrize("batch", [1, 500])
def test_no_row_and_no_element_is_left(
    url: str, stored: Stored, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in stored.batches:
        monkeypatch.setattr(name, batch)
    with open_checkpointer(url) as saver:
        for thread in "abc":
            talk(saver, thread)
        saver.copy_thread("c", "d")
        saver.delete_thread("a")
        saver.delete_for_runs([f"b-{turn}" for turn in range(3)])
        saver.prune(["c"], strategy="delete")
        kept = saver.get_tuple(config("d"))
        assert kept is not None
        assert len(kept.checkpoint["channel_values"]["messages"]) == 6
        saver.delete_thread("d")
    assert stored.counts() == [0, 0, 0, 0]


@pytest.mark.parametrize("batch", [1, 500])
def test_keep_latest_sweeps_what_nothing_refers_to(
    url: str, stored: Stored, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in stored.batches:
        monkeypatch.setattr(name, batch)
    with open_checkpointer(url) as saver:
        graph = talk(saver, "t")
        before = graph.get_state(config()).values
        saver.prune(["t"])
        assert stored.elements() == stored.referred()
        assert len(list(saver.list(config()))) == 1
        assert graph.get_state(config()).values == before
        talk(saver, "t", turns=1)  # the saver must not refer to what was swept
        assert len(graph.get_state(config()).values["messages"]) == 8
    with open_checkpointer(url) as saver:
        assert len(chat(saver).get_state(config()).values["messages"]) == 8
    assert stored.elements() >= stored.referred()


def test_a_runs_deletion_keeps_what_others_refer_to(url: str, stored: Stored) -> None:
    with open_checkpointer(url) as saver:
        graph = talk(saver, "t")
        saver.delete_for_runs(["t-0", "t-2"])
        assert stored.elements() == stored.referred()
        assert len(graph.get_state(config()).values["messages"]) == 4


def test_another_process_that_sweeps_does_not_mislead_a_saver(url: str) -> None:
    with open_checkpointer(url) as one, open_checkpointer(url) as two:
        graph = talk(one, "t")
        state = graph.get_state(config()).values["messages"]
        two.delete_thread("t")
        # The same objects, which `one` remembers as stored.
        graph.update_state(config(), {"messages": state}, as_node="a")
        graph.update_state(config(), {"messages": [*state[:2], ("user", "more")]}, as_node="a")
        two.prune(["t"])
        graph.update_state(config(), {"messages": state}, as_node="a")
    with open_checkpointer(url) as saver:
        found = chat(saver).get_state(config()).values["messages"]
        assert found[: len(state)] == state
        assert [message.content for message in found[len(state) :]] == ["more"]


def test_a_deletion_that_was_interrupted_is_finished_by_the_next(url: str, stored: Stored) -> None:
    with open_checkpointer(url) as saver:
        talk(saver, "t")
        stored.interrupt_deletion()
        assert saver.get_tuple(config()) is None
        assert list(saver.list(None)) == []
        saver.delete_thread("another")
    assert stored.counts() == [0, 0, 0, 0]


def test_a_copy_onto_a_thread_that_has_elements(url: str) -> None:
    with open_checkpointer(url) as saver:
        graph = talk(saver, "t", turns=2)
        talk(saver, "u", turns=1)
        expected = [state.values for state in graph.get_state_history(config("t"))]
        older = [state.values for state in graph.get_state_history(config("u"))]
        saver.copy_thread("t", "u")
        found = [state.values for state in graph.get_state_history(config("u"))]
        assert all(values in found for values in [*expected, *older])


# DeltaChannel


def extend(state: list[str], updates: Any) -> list[str]:
    return state + [word for update in updates for word in update]


class Words(TypedDict):
    words: Annotated[list[str], DeltaChannel(extend, snapshot_frequency=4)]


def say_node(saver: Any) -> Any:
    builder = StateGraph(Words).add_node("add", lambda state: {"words": [f"node {TEXT}"]})
    return builder.add_edge(START, "add").add_edge("add", END).compile(saver)


def test_keep_latest_keeps_what_delta_channels_are_rebuilt_from(url: str, stored: Stored) -> None:
    with open_checkpointer(url) as saver:
        graph = say_node(saver)
        for turn in range(7):
            graph.invoke({"words": [f"turn {turn} {TEXT}"]}, config())
        before = graph.get_state(config()).values["words"]
        assert len(before) == 14
        total = len(list(saver.list(config())))
        saver.prune(["t"])
        assert stored.elements() == stored.referred()
        assert graph.get_state(config()).values["words"] == before
        assert 1 < len(list(saver.list(config()))) < total
        graph.invoke({"words": ["more"]}, config())
        assert graph.get_state(config()).values["words"][14:15] == ["more"]


def test_forks_of_delta_channels_do_not_leak_into_each_other(url: str) -> None:
    with open_checkpointer(url) as saver:
        graph = say_node(saver)
        for turn in range(3):
            graph.invoke({"words": [f"turn {turn}"]}, config())
        history = list(graph.get_state_history(config()))
        shared = history[4]
        tips = []
        for branch in ("left", "right", "third"):
            for turn in range(6):
                start = shared.config if turn == 0 else tips[-1]
                graph.invoke({"words": [f"{branch} {turn}"]}, start)
                tip = graph.get_state(config()).config
                tips = [*tips, tip] if turn == 0 else [*tips[:-1], tip]
        for branch, tip in zip(("left", "right", "third"), tips, strict=True):
            words = graph.get_state(tip).values["words"]
            begin = shared.values["words"]
            assert words[: len(begin)] == begin
            said = [word for word in words[len(begin) :] if "node" not in word]
            assert [w for w in said if not w.startswith("turn")] == [
                f"{branch} {turn}" for turn in range(6)
            ]
        assert [state.values for state in graph.get_state_history(history[0].config)][:1] == [
            history[0].values
        ]


async def test_delta_history_is_that_of_langgraphs_own_walk(url: str) -> None:
    async with open_checkpointer(url) as saver:
        graph = say_node(saver)
        for turn in range(3):
            await graph.ainvoke({"words": [f"turn {turn} {TEXT}"]}, config())
        base = type(saver).__mro__[1]
        for state in [state async for state in graph.aget_state_history(config())]:
            wanted: Any = {"config": state.config, "channels": ["words", "absent"]}
            assert saver.get_delta_channel_history(**wanted) == base.get_delta_channel_history(
                saver, **wanted
            )
            assert await saver.aget_delta_channel_history(
                **wanted
            ) == await base.aget_delta_channel_history(saver, **wanted)
