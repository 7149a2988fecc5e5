"""Options beside a node's kind: retry, timeout, interrupt, defer, description."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import NodeTimeoutError
from langgraph.types import RetryPolicy

from graphwright_graphs import DocumentError, load
from graphwright_graphs.nodes.caching import Cached
from graphwright_graphs.nodes.timing import Timed

MODULE = """
import asyncio
import time

from langgraph.graph import END, START, StateGraph

tries = []


class Busy(Exception):
    pass


def flaky(state: dict) -> dict:
    tries.append(1)
    if len(tries) < 3:
        raise Busy
    return {"text": f"after {len(tries)}"}


def slow(state: dict) -> dict:
    time.sleep(0.4)
    return {"text": "late"}


async def slow_async(state: dict) -> dict:
    try:
        await asyncio.sleep(5)
    except asyncio.CancelledError:
        tries.append("cancelled")
        raise
    return {"text": "late"}


def fails(state: dict) -> dict:
    raise TimeoutError("its own")


def quick(state: dict) -> dict:
    return {"text": state.get("text", "") + "quick"}
"""

GRAPH = """
    state: {text: {type: string}, notes: append}
    nodes:
      work: {python: 'work_of_a_user:%s', %s}
    edges: {START: work, work: END}
"""


@pytest.fixture
def work(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, document: Any) -> Any:
    """A graph of one python node, with the options that are given as text."""
    (tmp_path / "work_of_a_user.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "work_of_a_user", raising=False)
    return lambda function, options: load(document(GRAPH % (function, options)))


def test_a_node_that_fails_is_tried_again(work: Any) -> None:
    graph = work("flaky", "retry: {max_attempts: 3, initial_interval: 0, jitter: false}")

    assert graph.invoke({"text": ""})["text"] == "after 3"


def test_the_short_form_is_a_number_of_attempts(work: Any) -> None:
    graph = work("flaky", "retry: 4")

    assert graph.builder.nodes["work"].retry_policy == RetryPolicy(max_attempts=4)


def test_only_the_exceptions_that_are_named_are_tried_again(work: Any) -> None:
    named = "retry: {initial_interval: 0, jitter: false, retry_on: [%s]}"
    other = work("flaky", named % "TimeoutError")
    with pytest.raises(__import__("work_of_a_user").Busy):
        other.invoke({"text": ""})

    assert work("flaky", named % "'work_of_a_user:Busy'").invoke({"text": ""})["text"] == "after 3"


def test_a_sync_node_that_takes_too_long_fails_in_a_sync_run(work: Any) -> None:
    started = time.monotonic()
    with pytest.raises(NodeTimeoutError, match=r"'work' exceeded its run timeout of 0\.050s"):
        work("slow", "timeout: 0.05").invoke({"text": ""})

    assert time.monotonic() - started < 0.35


async def test_a_sync_node_that_takes_too_long_fails_in_an_async_run(work: Any) -> None:
    started = time.monotonic()
    with pytest.raises(NodeTimeoutError):
        await work("slow", "timeout: 0.05").ainvoke({"text": ""})

    assert time.monotonic() - started < 0.35


async def test_an_async_node_that_takes_too_long_is_cancelled(work: Any) -> None:
    graph = work("slow_async", "timeout: 0.05")
    with pytest.raises(NodeTimeoutError):
        await graph.ainvoke({"text": ""})

    assert __import__("work_of_a_user").tries == ["cancelled"]


async def test_a_node_in_time_and_its_own_errors_pass(work: Any) -> None:
    graph = work("quick", "timeout: 5")
    assert graph.invoke({"text": ""})["text"] == "quick"
    assert (await graph.ainvoke({"text": ""}))["text"] == "quick"

    own = work("fails", "timeout: 5")
    with pytest.raises(TimeoutError, match="its own"):
        own.invoke({"text": ""})
    with pytest.raises(TimeoutError, match="its own"):
        await own.ainvoke({"text": ""})


def test_an_attempt_that_took_too_long_is_tried_again(work: Any) -> None:
    graph = work("slow", "timeout: 0.01, retry: {max_attempts: 2, initial_interval: 0}")
    started = time.monotonic()
    with pytest.raises(NodeTimeoutError) as raised:
        graph.invoke({"text": ""})

    assert "During task with name 'work'" in "".join(raised.value.__notes__)
    assert time.monotonic() - started >= 0.02


@pytest.mark.parametrize(
    ("where", "stops"), [("before", ["quick"]), ("after", ["quick"]), ("both", ["quick", "quick"])]
)
def test_a_run_stops_before_or_after_a_node(work: Any, where: str, stops: list[str]) -> None:
    graph = work("quick", f"interrupt: {where}")
    graph.checkpointer = InMemorySaver()
    thread = {"configurable": {"thread_id": "1"}}
    graph.invoke({"text": ""}, thread)
    waiting = []
    for _ in stops:
        waiting.append(graph.get_state(thread).next)
        graph.invoke(None, thread)

    assert graph.get_state(thread).values["text"] == "quick"
    assert waiting[0] == (() if where == "after" else ("work",))
    assert graph.get_state(thread).next == ()


def test_a_description_is_in_the_node_s_metadata(work: Any) -> None:
    graph = work("quick", "description: Adds a word.")

    assert graph.get_graph().nodes["work"].metadata == {"description": "Adds a word."}


def test_a_deferred_node_waits_for_all_branches(compiled: Any, scripted: Any) -> None:
    graph = compiled(
        """
        state: {notes: append}
        nodes:
          short: {llm: {prompt: a, output: notes}}
          first: {llm: {prompt: b, output: notes}}
          second: {llm: {prompt: c, output: notes}}
          end: {llm: {prompt: "{notes}", output: notes}, defer: true}
        edges: {START: [short, first], short: end, first: second, second: end, end: END}
        """,
        scripted(*"1234"),
    )

    assert len(graph.invoke({"notes": []})["notes"]) == 4


def test_subgraphs_are_found_under_a_timeout_and_a_cache(work: Any) -> None:
    inner = work("quick", "defer: false")
    graph = work("quick", "timeout: 5")
    spec = graph.builder.nodes["work"]
    spec.runnable = Cached(Timed(inner, "work", 5), "work", None, None)

    assert [name for name, _ in graph.builder.compile().get_subgraphs()] == ["work"]


MISTAKES = [
    ("tiemout: 3", 'found "tiemout", expected a kind of node (', 'did you mean "timeout"?'),
    ("timeout: 0", "found 0, expected greater than 0", ""),
    ("timeout: soon", 'work.timeout: found "soon", expected a number', ""),
    ("retry: 1000", "found 1000, expected less than or equal to 100", ""),
    ("retry: {attempts: 3}", 'found "attempts", expected one of max_attempts', "max_attempts"),
    ("retry: {retry_on: [ValueErorr]}", 'retry_on[0]: found "ValueErorr"', '"ValueError"?'),
    (
        "retry: {retry_on: ['work_of_a_user:slow']}",
        'found "work_of_a_user:slow", expected an exception',
        "",
    ),
    ("cache: {key: [txt]}", 'cache.key[0]: found "txt", expected a channel', '"text"?'),
    ("interrupt: later", "expected one of before, after or both", ""),
    ("defer: 1", "defer: found 1, expected true or false", ""),
]


@pytest.mark.parametrize(("option", "said", "hint"), MISTAKES, ids=[row[0] for row in MISTAKES])
def test_a_mistake_is_named_and_located(work: Any, option: str, said: str, hint: str) -> None:
    with pytest.raises(DocumentError) as caught:
        work("quick", option)

    assert len(caught.value.problems) == 1, str(caught.value)
    assert said in str(caught.value)
    assert hint in str(caught.value)


async def test_a_timed_node_is_cancelled_with_its_run(work: Any) -> None:
    running = asyncio.ensure_future(work("slow_async", "timeout: 5").ainvoke({"text": ""}))
    await asyncio.sleep(0.1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert __import__("work_of_a_user").tries == ["cancelled"]
