"""Our saver and InMemorySaver go through the same random lives, side by side."""

import base64
import copy
import math
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from tests.checkpoints.stored import Stored

from graphwright_checkpoints import open_checkpointer

THREADS = ["a", "b"]
threads = st.sampled_from(THREADS)
channels = st.sampled_from(["messages", "notes", "doc"])
TEXTS = {
    "empty": "",
    "short": "short",
    "long": "long " * 100,
    "other": "other " * 200,
    "media": base64.b64encode(bytes(range(256)) * 20).decode(),
}
texts = st.sampled_from([*TEXTS]).map(lambda name: TEXTS[name])
messages = st.builds(
    lambda kind, text, name: kind(text, id=name),
    st.sampled_from([HumanMessage, AIMessage]),
    texts,
    st.sampled_from("123"),
)
values = st.one_of(
    texts,
    st.integers(),
    st.lists(texts, max_size=4),
    st.lists(messages, max_size=3),
    st.dictionaries(st.sampled_from("xyz"), st.one_of(texts, st.lists(messages, max_size=2))),
).filter(lambda value: not isinstance(value, int) or -(2**63) <= value < 2**64)


class Savers(RuleBasedStateMachine):
    """Does everything to both, by the same configs, and compares all that they say."""

    configs = Bundle("configs")

    def __init__(self, url: str, blobs: str | None = None) -> None:
        super().__init__()
        self.opening = open_checkpointer(url, blobs=blobs, blobs_above=1)

    @initialize()
    def open(self) -> None:
        self.ours: Any = self.opening.__enter__()
        self.theirs: Any = InMemorySaver()
        self.number = 0
        self.states: dict[Any, tuple[dict[str, Any], dict[str, Any]]] = {}

    def teardown(self) -> None:
        for thread in THREADS:
            self.ours.delete_thread(thread)
        self.opening.__exit__(None, None, None)

    @rule(target=configs, thread=threads)
    def root(self, thread: str) -> Any:
        return {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}

    @rule(target=configs, parent=configs, new=st.dictionaries(channels, values), grow=messages)
    def put(self, parent: Any, new: dict[str, Any], grow: Any) -> Any:
        """A checkpoint after `parent`; a second one after the same parent is a fork."""
        self.number += 1
        version = f"{self.number:032}.0"
        old_values, old_versions = self.states.get(self._key(parent), ({}, {}))
        found = self.ours.get_tuple(parent) if self._key(parent)[1] else None
        kept = found.checkpoint["channel_values"] if found else old_values
        if isinstance(kept.get("messages"), list):
            new = {"messages": [*kept["messages"], grow], **new}
        state = {**kept, **new}
        versions = {**old_versions, **dict.fromkeys(new, version)}
        body: Any = {**empty_checkpoint(), "id": f"{self.number:06}", "ts": ""}
        body |= {"channel_values": state, "channel_versions": versions}
        facts: Any = {"step": self.number, "source": "loop"}
        changed = dict.fromkeys(new, version)
        stored = self.ours.put(parent, {**body, "channel_values": dict(state)}, facts, changed)
        assert stored == self.theirs.put(parent, copy.deepcopy(body), facts, changed)
        self.states[self._key(stored)] = (copy.deepcopy(state), versions)
        return stored

    @rule(config=configs, writes=st.lists(st.tuples(channels, values), max_size=3))
    def put_writes(self, config: Any, writes: list[Any]) -> None:
        if self._key(config)[1]:
            for saver in (self.ours, self.theirs):
                saver.put_writes(config, writes, f"task {len(writes)}", "path")

    @rule(config=configs)
    def change_in_place(self, config: Any) -> None:
        """What a reader does to what it read is its own affair."""
        if (found := self.ours.get_tuple(config)) is not None:
            for value in found.checkpoint["channel_values"].values():
                if isinstance(value, list):
                    for message in value:
                        if isinstance(message, HumanMessage):
                            message.content = "changed"
                    value.append("changed")

    @rule(thread=threads)
    def delete(self, thread: str) -> None:
        for saver in (self.ours, self.theirs):
            saver.delete_thread(thread)
        # InMemorySaver would lose values that a child of a deleted checkpoint has unchanged.
        self.states = {key: state for key, state in self.states.items() if key[0] != thread}

    @rule(source=threads, to=threads)
    def copy_thread(self, source: str, to: str) -> None:
        if source != to and not list(self.ours.list(_config(to))):
            self.ours.copy_thread(source, to)
            _copy_in_memory(self.theirs, source, to)
            for (thread, name), state in list(self.states.items()):
                if thread == source:
                    self.states[(to, name)] = state

    @rule(thread=threads)
    def keep_latest(self, thread: str) -> None:
        self.ours.prune([thread])
        kept = self.theirs.storage[thread][""]
        for name in sorted(kept)[:-1]:
            del kept[name]
            self.theirs.writes.pop((thread, "", name), None)

    @rule(config=configs)
    def read_one(self, config: Any) -> None:
        assert self.ours.get_tuple(config) == self.theirs.get_tuple(config)

    @invariant()
    def they_agree(self) -> None:
        if self.number:
            for thread in THREADS:
                ours, theirs = (
                    list(saver.list(_config(thread))) for saver in (self.ours, self.theirs)
                )
                assert ours == theirs

    @staticmethod
    def _key(config: Any) -> tuple[str, str]:
        part = config["configurable"]
        return part["thread_id"], part.get("checkpoint_id", "")


def _config(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}


def _copy_in_memory(saver: Any, source: str, target: str) -> None:
    """What InMemorySaver does not offer."""
    for namespace, checkpoints in list(saver.storage[source].items()):
        saver.storage[target][namespace].update(checkpoints)
    for (thread, *rest), writes in list(saver.writes.items()):
        if thread == source:
            saver.writes[(target, *rest)].update(writes)
    for (thread, *rest), blob in list(saver.blobs.items()):
        if thread == source:
            saver.blobs[(target, *rest)] = blob


LIVES = int(os.environ.get("GRAPHWRIGHT_LIVES", "20"))  # a release is tested with 100


def compare(make: Callable[[], Savers], stored: Stored) -> None:
    lives = settings(
        max_examples=math.ceil(LIVES * stored.kills), stateful_step_count=25, deadline=None
    )
    run_state_machine_as_test(make, settings=lives)


def test_savers_agree(url: str, stored: Stored) -> None:
    compare(lambda: Savers(url), stored)


class SaversWithBlobs(Savers):
    """Every element outside, and at the end not one blob too many."""

    def __init__(self, url: str) -> None:
        self.folder = TemporaryDirectory()
        super().__init__(url, f"file://{self.folder.name}")

    def teardown(self) -> None:
        try:
            for thread in THREADS:
                self.ours.delete_thread(thread)
            assert not [path for path in Path(self.folder.name).rglob("*") if path.is_file()]
        finally:
            super().teardown()
            self.folder.cleanup()


def test_savers_agree_with_every_element_in_a_blob(url: str, stored: Stored) -> None:
    compare(lambda: SaversWithBlobs(url), stored)
