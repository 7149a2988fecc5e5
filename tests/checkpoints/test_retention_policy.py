"""Whatever a policy lets go, what stays reads as before and can be gone on from."""

import math
import operator
import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, interrupt
from tests.checkpoints.stored import Stored, StoredInSqlite
from tests.checkpoints.test_retention import config, extend, talk
from typing_extensions import TypedDict

from graphwright_checkpoints import CheckpointNotFound, Retention, open_checkpointer
from graphwright_checkpoints.storage import moment

TEXT = "word " * 100
EXAMPLES = int(os.environ.get("GRAPHWRIGHT_EXAMPLES", "6"))
Fresh = Callable[[], Stored]


class Inner(TypedDict):
    notes: Annotated[list[str], operator.add]


class State(Inner):
    messages: Annotated[list[Any], add_messages]
    words: Annotated[list[str], DeltaChannel(extend, snapshot_frequency=3)]


def inner(name: str, *, asks: bool, **options: Any) -> Any:
    """A subgraph of two nodes; the second one may ask before it goes on."""

    def first(state: Inner) -> Any:
        return {"notes": [f"{name} {len(state['notes'])} {TEXT}"]}

    def second(state: Inner) -> Any:
        # Asked each other time, so that both ways are taken.
        answer = interrupt(f"{name}?") if asks and len(state["notes"]) % 2 else "unasked"
        return {"notes": [f"{name} {answer}"]}

    builder = StateGraph(Inner).add_node("first", first).add_node("second", second)
    return builder.add_edge(START, "first").add_edge("first", "second").compile(**options)


def build(saver: Any) -> Any:
    def answer(state: State) -> Any:
        return {"messages": [("ai", f"{len(state['messages'])} {TEXT}")], "words": ["node"]}

    builder = StateGraph(State).add_node("answer", answer)
    builder.add_node("once", inner("once", asks=True))
    builder.add_node("always", inner("always", asks=False, checkpointer=True))
    builder.add_edge(START, "answer").add_edge("answer", "once").add_edge("once", "always")
    return builder.compile(saver)


class Life:
    """A thread that is talked to, forked, answered and pinned at random."""

    def __init__(self, saver: Any, seed: int) -> None:
        self.saver = saver
        self.graph = build(saver)
        self.chance = random.Random(seed)

    def live(self, steps: int) -> None:
        for number in range(steps):
            history = list(self.graph.get_state_history(config()))
            action = self.chance.choice(["turn", "turn", "fork", "answer", "update", "pin"])
            at = self.chance.choice(history).config if history else config()
            if action == "pin" and history:
                self.saver.pin(at)
            elif action == "answer" and history and history[0].next:
                self.graph.invoke(Command(resume=f"answer {number}"), config())
            elif action == "update" and history:
                self.graph.update_state(at, {"words": [f"update {number}"]}, as_node="answer")
            else:
                start = at if action == "fork" else config()
                self.graph.invoke(asked(number), start)

    def policy(self) -> Retention:
        ids = [found.config["configurable"]["checkpoint_id"] for found in self.saver.list(config())]
        made = moment(self.chance.choice(ids))
        assert made is not None
        ages = [None, timedelta(0), datetime.now(UTC) - made]
        return Retention(self.chance.choice(ages), self.chance.choice([None, 1, 2, 5]))


def asked(number: object) -> Any:
    return {"messages": [("user", f"{number} {TEXT}")], "words": [f"turn {number}"]}


@contextmanager
def opened(fresh: Fresh) -> Iterator[tuple[Any, Stored]]:
    stored = fresh()
    with open_checkpointer(stored.url) as saver:
        yield saver, stored


def by_address(saver: Any, thread: str = "t") -> dict[tuple[str, str], Any]:
    found = {}
    for one in saver.list(config(thread)):
        part = one.config["configurable"]
        found[(part["checkpoint_ns"], part["checkpoint_id"])] = one
    return found


def shown(snapshot: Any) -> Any:
    """A state and those of its subgraphs, without the thread's name."""
    inside = [getattr(task.state, "values", None) for task in snapshot.tasks]
    waiting = [one.value for one in snapshot.interrupts]
    return snapshot.values, snapshot.next, inside, waiting


def states(graph: Any, thread: str = "t") -> dict[str, Any]:
    found = {}
    for state in graph.get_state_history(config(thread)):
        place = state.config["configurable"]["checkpoint_id"]
        found[place] = shown(graph.get_state(state.config, subgraphs=True))
    return found


def contents(values: Any) -> Any:
    """Values without the ids that messages get at random."""
    return {**values, "messages": [message.content for message in values["messages"]]}


def test_any_policy_on_any_history(fresh: Fresh) -> None:
    @given(seed=st.integers(0, 2**32), steps=st.integers(1, 8))
    # Each example has a fresh database.
    @settings(max_examples=math.ceil(EXAMPLES * fresh().kills), deadline=None)
    def holds(seed: int, steps: int) -> None:
        check_policy(fresh, seed, steps)

    holds()


def check_policy(fresh: Fresh, seed: int, steps: int) -> None:
    with opened(fresh) as (saver, stored):
        life = Life(saver, seed)
        life.live(min(steps, 2) if "firestore" in stored.url else steps)  # its emulator is slow
        if not by_address(saver):
            return
        policy = life.policy()
        tuples, read = by_address(saver), states(life.graph)
        saver.copy_thread("t", "control")
        foretold = saver.preview("t", policy)
        assert by_address(saver) == tuples
        swept = saver.retain("t", policy)
        if policy.age in (None, timedelta(0)):  # with others, time passes between the two
            assert swept == foretold
            assert saver.retain("t", policy) is None
        check_rows(stored)

        kept = by_address(saver)
        assert {place: tuples[place] for place in kept} == kept
        left = states(life.graph)
        assert {place: read[place] for place in left} == left
        assert max(read) in left  # the head
        waiting = {place for place in tips(tuples) if read[place][1]}
        assert waiting <= set(left)  # forks with something left to do, an answer for instance
        for tip in tips(kept):
            check_it_goes_on(life.graph, tip)


def tips(kept: dict[tuple[str, str], Any]) -> list[str]:
    parents = {
        one.parent_config["configurable"]["checkpoint_id"]
        for (namespace, _), one in kept.items()
        if not namespace and one.parent_config
    }
    return [place for namespace, place in kept if not namespace and place not in parents]


def check_it_goes_on(graph: Any, tip: str) -> None:
    """What follows a tip is what follows it where nothing was deleted."""
    ends = []
    for thread in ("t", "control"):
        at = config(thread, checkpoint_id=tip, checkpoint_ns="")
        graph.invoke(None if graph.get_state(at).next else asked("more"), at)
        ends.append(graph.get_state(config(thread)))
    assert contents(ends[0].values) == contents(ends[1].values)
    assert ends[0].next == ends[1].next


def check_rows(stored: Stored) -> None:
    assert stored.elements() == stored.referred()
    if isinstance(stored, StoredInSqlite):
        places = {_place(row) for row in stored.rows("checkpoints")}
        for table in ("writes", "pins"):
            assert {_place(row) for row in stored.rows(table)} <= places


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["thread"], row["checkpoint_ns"], row["checkpoint_id"]


def test_keep_counts_from_the_newest(fresh: Fresh) -> None:
    with opened(fresh) as (saver, _):
        talk(saver, "t", turns=4)
        before = list(by_address(saver))
        swept = saver.retain("t", Retention(age=None, keep=5))
        assert swept.checkpoints == len(before) - 5
        assert swept.bytes > 0
        assert list(by_address(saver)) == before[:5]


def test_age_counts_from_the_time_in_the_id(fresh: Fresh) -> None:
    with opened(fresh) as (saver, _):
        talk(saver, "t", turns=4)
        before = list(by_address(saver))
        made = moment(before[3][1])
        assert made is not None
        assert abs(datetime.now(UTC) - made) < timedelta(minutes=1)
        assert saver.retain("t", Retention(age=timedelta(days=1), keep=None)) is None
        # Time passes meanwhile: those that are as old, or little younger, may go too.
        saver.retain("t", Retention(age=datetime.now(UTC) - made, keep=None))
        assert 1 <= len(by_address(saver)) <= 4


def test_subgraphs_of_what_went_go_with_it(fresh: Fresh) -> None:
    with opened(fresh) as (saver, stored):
        life = Life(saver, 0)
        for number in range(4):
            life.graph.invoke(asked(number), config())
            while life.graph.get_state(config()).next:
                life.graph.invoke(Command(resume="yes"), config())
        before = {namespace for namespace, _ in by_address(saver)}
        saver.retain("t", Retention(age=None, keep=1))
        kept = by_address(saver)
        assert len(before) == 6
        assert {"", "always"} <= {namespace for namespace, _ in kept}
        assert len({namespace for namespace, _ in kept}) < 5
        for (namespace, _), one in kept.items():
            if ":" in namespace:  # of a checkpoint that delta channels are rebuilt from
                assert ("", one.metadata["parents"][""]) in kept
        check_rows(stored)


def test_a_pin_outlives_every_policy_until_it_is_taken_off(fresh: Fresh) -> None:
    with opened(fresh) as (saver, stored):
        graph = talk(saver, "t", turns=4)
        pinned = list(graph.get_state_history(config()))[5]
        saver.pin(pinned.config)
        saver.pin(pinned.config)
        strict = Retention(age=timedelta(0), keep=1)
        saver.retain("t", strict)
        assert len(by_address(saver)) == 2
        assert graph.get_state(pinned.config).values == pinned.values
        saver.prune(["t"])
        assert len(by_address(saver)) == 2
        saver.unpin(pinned.config)
        saver.retain("t", strict)
        assert len(by_address(saver)) == 1
        check_rows(stored)


def test_a_pin_goes_with_its_thread(fresh: Fresh) -> None:
    with opened(fresh) as (saver, stored):
        talk(saver, "t")
        saver.pin(config())
        saver.delete_thread("t")
        assert stored.counts() == [0, 0, 0, 0]
        check_rows(stored)


@pytest.mark.parametrize("place", [{}, {"checkpoint_id": "x"}])
def test_what_is_not_there_cannot_be_pinned(fresh: Fresh, place: Any) -> None:
    with opened(fresh) as (saver, _), pytest.raises(CheckpointNotFound, match="thread 't' has no"):
        saver.pin(config(**place))


def test_a_policy_can_be_stopped_and_taken_up_again(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphwright_checkpoints.retention.BATCH", 4)
    with opened(fresh) as (saver, stored):
        graph = talk(saver, "t", turns=6)
        before = graph.get_state(config()).values
        answers = iter([True, True, False])
        policy = Retention(age=None, keep=1)
        swept = saver.retain("t", policy, proceed=lambda: next(answers))
        assert (swept.checkpoints, swept.complete) == (8, False)
        assert saver.retain("t", policy).complete
        assert len(by_address(saver)) == 1
        assert graph.get_state(config()).values == before
        check_rows(stored)


async def test_usage(url: str) -> None:
    async with open_checkpointer(url) as opened_:
        saver: Any = opened_
        assert list(saver.threads()) == []
        assert (await saver.ausage("t")).bytes == 0
        talk(saver, "t", turns=3)
        talk(saver, "u", turns=1)
        assert sorted(saver.threads()) == ["t", "u"]
        usage = await saver.ausage("t")
        assert usage.checkpoints.rows == len(by_address(saver))
        assert usage.newest == max(place for _, place in by_address(saver))
        channels = await saver.ausage_by_channel("t")
        assert channels["messages"].rows >= 6
        assert sum(amount.bytes for amount in channels.values()) == usage.elements.bytes
        assert usage.bytes > 6 * len(TEXT)


async def test_all_of_it_in_coroutines(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphwright_checkpoints.retention.PAGE", 2)
    policy = Retention(age=None, keep=1)
    async with open_checkpointer(url) as saver:
        for name in "abcde":
            talk(saver, name, turns=2)
        assert sorted([name async for name in saver.athreads()]) == list("abcde")
        foretold = await saver.apreview("a", policy)
        assert foretold is not None
        assert await saver.aexpired("a", policy) == foretold.checkpoints > 0
        assert await saver.aretain("a", policy) == foretold
        assert await saver.apreview("a", policy) is None


@pytest.mark.parametrize("limits", [{"age": timedelta(-1)}, {"keep": 0}])
def test_a_policy_that_makes_no_sense(limits: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(limits))):
        Retention(**limits)


VERSION_2 = """
    DROP TABLE checkpoint_pins;
    DROP TRIGGER checkpoint_elements_blob;
    DROP TABLE checkpoint_doomed_blobs;
    ALTER TABLE checkpoint_elements DROP COLUMN blob;
    PRAGMA user_version = 2;
"""


def test_a_file_of_version_2_gets_the_table_of_pins(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    with open_checkpointer(f"sqlite:///{path}") as saver:
        talk(saver, "t")
    link = sqlite3.connect(path)
    link.executescript(VERSION_2)
    link.close()
    with open_checkpointer(f"sqlite:///{path}") as opened_:
        saver_: Any = opened_
        saver_.pin(config())
        saver_.retain("t", Retention(age=None, keep=1))
        assert len(by_address(saver_)) == 1
