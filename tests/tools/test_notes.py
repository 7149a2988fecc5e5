import asyncio
from typing import Any, NotRequired, TypedDict

import pytest
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool
from langgraph.graph import StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from graphwright_tools.notes import NAMESPACE, delete_note, list_notes, save_note

NO_STORE = "Notes can't be kept here: this run has no store."


class State(TypedDict):
    calls: list[tuple[BaseTool, dict[str, Any]]]
    said: NotRequired[list[str]]


class Runs:
    """Makes tool calls in runs of a graph: one by one when sync, side by side when async."""

    def __init__(self, store: BaseStore | None, *, use_async: bool) -> None:
        graph = StateGraph(State)
        graph.add_node("calls", RunnableLambda(self._one_by_one, self._at_once))
        graph.set_entry_point("calls")
        self._graph = graph.compile(store=store)
        self._async = use_async

    async def call(self, tool: BaseTool, **args: Any) -> str:
        return (await self.calls((tool, args)))[0]

    async def calls(self, *calls: tuple[BaseTool, dict[str, Any]]) -> list[str]:
        given: Any = {"calls": list(calls)}
        if self._async:
            said = (await self._graph.ainvoke(given))["said"]
        else:
            said = (await asyncio.to_thread(self._graph.invoke, given))["said"]
        return list(said)

    @staticmethod
    def _one_by_one(state: State) -> dict[str, Any]:
        return {"said": [tool.invoke(args) for tool, args in state["calls"]]}

    @staticmethod
    async def _at_once(state: State) -> dict[str, Any]:
        calls = (tool.ainvoke(args) for tool, args in state["calls"])
        return {"said": list(await asyncio.gather(*calls))}


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def use_async(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def runs(use_async: bool) -> Runs:
    return Runs(InMemoryStore(), use_async=use_async)


async def test_notes_are_kept_from_run_to_run(runs: Runs) -> None:
    assert await runs.call(list_notes) == "There are no notes."
    assert await runs.call(save_note, text=" Milk ") == "Saved as note 1."
    assert await runs.call(save_note, text="Bread") == "Saved as note 2."

    assert await runs.call(list_notes) == "1. Milk\n2. Bread"


async def test_a_note_keeps_its_number_when_another_is_deleted(runs: Runs) -> None:
    for text in ("Milk", "Bread", "Salt"):
        await runs.call(save_note, text=text)

    assert await runs.call(delete_note, number=2) == "Deleted note 2: Bread"
    assert await runs.call(list_notes) == "1. Milk\n3. Salt"
    assert await runs.call(save_note, text="Tea") == "Saved as note 4."


async def test_calls_of_one_turn_do_not_lose_or_mix_up_notes(runs: Runs) -> None:
    texts = {f"note {number}" for number in range(20)}
    await runs.calls(*((save_note, {"text": text}) for text in texts))
    listed = dict(line.split(". ", 1) for line in (await runs.call(list_notes)).splitlines())
    assert set(listed.values()) == texts

    said = await runs.calls((delete_note, {"number": 1}), (delete_note, {"number": 2}))

    assert said == [f"Deleted note 1: {listed['1']}", f"Deleted note 2: {listed['2']}"]


async def test_a_deleted_note_leaves_none_of_its_text(use_async: bool) -> None:
    store = InMemoryStore()
    runs = Runs(store, use_async=use_async)
    await runs.call(save_note, text="A secret")

    await runs.call(delete_note, number=1)

    assert "secret" not in str(store.search(NAMESPACE))


async def test_more_notes_than_one_page(runs: Runs) -> None:
    await runs.calls(*((save_note, {"text": "x"}) for _ in range(230)))

    assert (await runs.call(list_notes)).endswith("\n230. x")


async def test_says_which_notes_there_are(runs: Runs) -> None:
    assert await runs.call(delete_note, number=1) == "There is no note 1. There are no notes."
    await runs.calls((save_note, {"text": "Milk"}), (save_note, {"text": "Bread"}))

    for number in (0, -1, 3):
        expected = f"There is no note {number}. The notes are: 1, 2."
        assert await runs.call(delete_note, number=number) == expected


async def test_refuses_a_note_that_is_empty_or_too_long(runs: Runs) -> None:
    assert "empty" in await runs.call(save_note, text="  ")
    assert "longer than 10000 characters" in await runs.call(save_note, text="x" * 10_001)
    assert await runs.call(list_notes) == "There are no notes."


@pytest.mark.parametrize(
    ("tool", "args"), [(save_note, {"text": "x"}), (list_notes, {}), (delete_note, {"number": 1})]
)
async def test_says_that_a_run_has_no_store(
    tool: BaseTool, args: dict[str, Any], use_async: bool
) -> None:
    assert (await Runs(None, use_async=use_async).call(tool, **args)).startswith(NO_STORE)


async def test_says_so_outside_of_a_graph() -> None:
    assert list_notes.invoke({}).startswith(NO_STORE)
    assert (await list_notes.ainvoke({})).startswith(NO_STORE)


async def test_leaves_alone_what_lies_below_its_namespace() -> None:
    store = InMemoryStore()
    store.put((*NAMESPACE, "mine"), "key", {"text": "not a note of ours"})

    assert await Runs(store, use_async=True).call(list_notes) == "There are no notes."
