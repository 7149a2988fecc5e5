"""The kind `map`: each item of a list a task of its own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from graphwright_graphs.errors import DocumentError, GraphError

SUMS = """
    state:
      words: {type: list}
      sign: {type: string, default: "!"}
      loud: append
      total: add
      by_word: merge
    nodes:
      each:
        map:
          over: words
          as: word
          do: {python: "workers:shout"}
          concurrency: 2
      end: {prompt: {template: "{loud}", output: sign}}
    edges: {START: each, each: end, end: END}
"""
WORKERS = """
import asyncio

running = most = 0
failing = {"never"}


async def shout(state):
    global running, most
    running += 1
    most = max(most, running)
    # Later items end first: the order of the updates is the order of the items all the same.
    await asyncio.sleep(0.002 * (5 - len(state["word"])))
    running -= 1
    if state["word"] in failing:
        raise ValueError(state["word"])
    loud = state["word"].upper() + state.get("sign", "")
    return {"loud": loud, "total": 1, "by_word": {state["word"]: loud}}


def count(state):
    return {"loud": len(state["word"]), "total": len(state["loud"])}


tried = {}


def shaky(state):
    word = state["word"]
    tried[word] = tried.get(word, 0) + 1
    if tried[word] < 2:
        raise ConnectionError(word)
    return {"loud": f"{word}{tried[word]}"}


def routed(state):
    return ["no update"]
"""
WORDS = ["a", "bb", "ccc", "dddd"]
THREAD = {"configurable": {"thread_id": "1"}}


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "workers.py").write_text(WORKERS)
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda: sys.modules["workers"]
    sys.modules.pop("workers", None)


async def test_updates_join_in_the_order_of_the_items(compiled: Any, workers: Any) -> None:
    state = await compiled(SUMS).ainvoke({"words": WORDS, "sign": "?", "loud": ["first"]})

    assert state["loud"] == ["first", "A?", "BB?", "CCC?", "DDDD?"]
    assert (state["total"], list(state["by_word"])) == (4, WORDS)
    assert workers().most == 2


async def test_many_runs_keep_their_items_apart(compiled: Any, workers: Any) -> None:
    graph = compiled(SUMS)
    states = await asyncio.gather(
        *(graph.ainvoke({"words": [word] * 3, "sign": str(at)}) for at, word in enumerate("abc"))
    )

    assert [state["loud"] for state in states] == [["A0"] * 3, ["B1"] * 3, ["C2"] * 3]


def test_it_runs_synchronously_and_sees_the_state_around(compiled: Any, workers: Any) -> None:
    graph = compiled(SUMS.replace(":shout", ":count"))
    state = graph.invoke({"words": WORDS, "loud": ["x", "y"]})

    assert state["loud"] == ["x", "y", 1, 2, 3, 4]
    assert state["total"] == 8


async def test_an_empty_list_goes_on(compiled: Any, workers: Any) -> None:
    assert (await compiled(SUMS).ainvoke({"words": []}))["sign"] == "[]"


async def test_what_is_done_is_not_done_again(compiled: Any, workers: Any) -> None:
    graph = compiled(SUMS.replace("concurrency: 2", "concurrency: 4"))
    graph.checkpointer = InMemorySaver()
    await graph.ainvoke({"words": []}, THREAD)
    workers().failing = {"a"}  # the slowest: the others have ended by then
    with pytest.raises(ValueError, match="a"):
        await graph.ainvoke({"words": WORDS}, THREAD)
    workers().failing, workers().most = {"bb", "ccc", "dddd"}, 0
    state = await graph.ainvoke(None, THREAD)

    assert state["loud"][-4:] == ["A[]", "BB[]", "CCC[]", "DDDD[]"]
    assert workers().most == 1


async def test_each_item_streams_as_a_task(compiled: Any, workers: Any) -> None:
    graph = compiled(SUMS)
    spaces = [
        (space[0].split(":")[0] if space else "", *update)
        async for space, update in graph.astream(
            {"words": ["a", "b"]}, stream_mode="updates", subgraphs=True
        )
    ]

    assert spaces == [("each", "word"), ("each", "word"), ("", "each"), ("", "end")]


async def test_a_model_and_a_person_work_on_items(compiled: Any, scripted: Any) -> None:
    graph = compiled(
        """
        state: {parts: {type: list}, tone: {type: string}, notes: append, messages: messages}
        nodes:
          sum_up:
            map: {over: parts, do: {llm: {prompt: [{human: "{item}, {tone}"}], output: notes}}}
          ask:
            map: {over: notes, as: note, do: {human: {ask: "Right: {note}?"}}}
        edges: {START: sum_up, sum_up: ask, ask: END}
        """,
        scripted("One", "Two"),
    )
    graph.checkpointer = InMemorySaver()
    state = await graph.ainvoke({"parts": ["p", "q"], "tone": "brief"}, THREAD)
    waiting = {each.value["question"]: each.id for each in state["__interrupt__"]}
    assert set(waiting) == {"Right: One?", "Right: Two?"}

    await graph.ainvoke(Command(resume={waiting["Right: Two?"]: "no"}), THREAD)
    state = await graph.ainvoke(Command(resume={waiting["Right: One?"]: "yes"}), THREAD)
    notes = dict(zip(state["notes"], state["messages"], strict=True))
    assert {note: message.content for note, message in notes.items()} == {"One": "yes", "Two": "no"}


async def test_a_document_works_on_items(compiled: Any, document: Any, scripted: Any) -> None:
    document(
        """
        state: {text: {type: string}, brief: {type: string}}
        nodes: {write: {llm: {prompt: "Brief: {text}", output: brief}}}
        edges: {START: write, write: END}
        """,
        "brief.yaml",
    )
    graph = compiled(
        """
        state: {texts: {type: list}, briefs: append}
        nodes:
          each:
            map:
              over: texts
              as: text
              do: {subgraph: {graph: brief.yaml, in: [text], out: {briefs: brief}}}
        edges: {START: each, each: END}
        """,
        scripted("b", "b"),
    )
    events = [
        (space, update)
        async for space, update in graph.astream(
            {"texts": ["x", "y"]}, stream_mode="updates", subgraphs=True
        )
    ]

    assert events[-1] == ((), {"each": {"briefs": ["b", "b"]}})
    assert {len(space) for space, _ in events} == {0, 1, 2}


async def test_a_value_that_is_no_list_is_named(compiled: Any, workers: Any) -> None:
    with pytest.raises(GraphError, match='node `each` works on a list, but `words` is "abc"'):
        await compiled(SUMS).ainvoke({"words": "abc"})


async def test_an_update_that_is_none_is_named(compiled: Any, workers: Any) -> None:
    with pytest.raises(Exception, match=r"list|update"):
        await compiled(SUMS.replace(":shout", ":routed")).ainvoke({"words": WORDS})


async def test_an_item_has_its_own_options(compiled: Any, workers: Any) -> None:
    again = '{python: "workers:shaky", retry: {max_attempts: 3, initial_interval: 0}}'
    graph = compiled(SUMS.replace('{python: "workers:shout"}', again))

    assert (await graph.ainvoke({"words": ["a", "b"]}))["loud"] == ["a2", "b2"]


async def test_an_expression_gives_the_items(compiled: Any, workers: Any) -> None:
    text = SUMS.replace("over: words", "over: by_word.more")
    state = await compiled(text).ainvoke({"by_word": {"more": ["a", "b"]}})

    assert state["loud"] == ["A", "B"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("over: words", "over: wrds", 'map.over: found "wrds"'),
        ("over: words", "over: wrds.a", 'map.over: found "wrds.a"'),
        ('{python: "workers:shout"}', "{planner: {}}", "which is several nodes"),
        (
            '{python: "workers:shout"}',
            "{prompt: {template: a, output: loud}, defer: true}",
            "defer",
        ),
        ("over: words", "over: total", "which holds no list"),
        ("as: word", "as: a-b", 'map.as: found "a-b"'),
        (":shout", ":shot", "map.do.python"),
        ('{python: "workers:shout"}', "{llm: {prompt: '{wrd}', output: loud}}", 'found "wrd"'),
        ('{python: "workers:shout"}', "{llm: {prompt: x, output: sign}}", "only one item's value"),
        ('{python: "workers:shout"}', "{router: {choices: {end: x}}}", 'found "end"'),
        ('{python: "workers:shout"}', "{}", "map.do"),
    ],
)
def test_mistakes_are_located(compiled: Any, workers: Any, old: str, new: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compiled(SUMS.replace(old, new))
    assert said in str(caught.value)
