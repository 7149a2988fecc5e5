"""The four strategies of double texting, with random timing: what a thread is left with."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import ROOT
from tests.server.bench import Bench

from graphwright.database import DEFAULT_TENANT, threads
from graphwright.database.runs import Run
from graphwright.errors import Conflict, NotFound
from graphwright.schemas import RunCreate

THREAD = "thread"
PATIENCE = 30  # seconds; two cores may be busy with other tests
WHOLE = 3  # marks that a run leaves when nobody stops it

EXAMPLES = int(os.environ.get("GRAPHWRIGHT_EXAMPLES", "25"))


@dataclass
class Text:
    """A message, sent some time after the one before."""

    strategy: str
    wait: float
    pause: float
    """How long each of the run's three steps takes, in seconds."""


@dataclass
class Sent:
    """What became of a message at once: a run, or a refusal."""

    text: Text
    run: Run | None
    was_busy: bool


pauses = st.sampled_from([0.0, 0.005, 0.02])
texts = st.builds(
    Text,
    strategy=st.sampled_from(["reject", "enqueue", "interrupt", "rollback"]),
    wait=st.sampled_from([0.0, 0.0, 0.004, 0.03]),
    pause=pauses,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(conversation=st.lists(texts, min_size=2, max_size=6))
def test_any_conversation(conversation: list[Text]) -> None:
    plain = str(ROOT / "tests/projects/plain")
    sys.path.insert(0, plain)
    try:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(scenario(Path(folder), conversation))
    finally:
        sys.path.remove(plain)


async def scenario(folder: Path, conversation: Sequence[Text]) -> None:
    bench = Bench(folder, f"sqlite:///{folder}/record.db")
    async with bench.database.opened():
        await bench.assistants.register(DEFAULT_TENANT)
        async with bench.graphs.checkpointing(), bench.working(grace=10):
            sent = [await send(bench, text, number) for number, text in enumerate(conversation)]
            async with asyncio.timeout(PATIENCE):
                while await unfinished(bench):
                    await asyncio.sleep(0.005)
            await check(bench, sent)


async def send(bench: Bench, text: Text, number: int) -> Sent:
    await asyncio.sleep(text.wait)
    was_busy = await unfinished(bench)
    body = RunCreate(
        assistant_id="marks",
        input={"mark": str(number), "pause": text.pause},
        multitask_strategy=text.strategy,  # type: ignore[arg-type]
        if_not_exists="create",
    )
    try:
        return Sent(text, await bench.runs.start(DEFAULT_TENANT, THREAD, body), was_busy)
    except Conflict:
        return Sent(text, None, was_busy)


async def unfinished(bench: Bench) -> bool:
    found = await bench.runs.list(DEFAULT_TENANT, THREAD, status=None, limit=100, offset=0)
    return any(run.status in ("pending", "running") for run in found)


async def check(bench: Bench, sent: Sequence[Sent]) -> None:
    log = await left(bench)
    done = [entry.split(".") for entry in log]
    order = [int(mark) for mark, _ in done]
    assert order == sorted(order), "one run at a time, in the order of their messages"
    for number, message in enumerate(sent):
        marks = [int(step) for mark, step in done if int(mark) == number]
        assert marks == list(range(len(marks))), "nothing twice, nothing left out"
        assert is_right(await status(bench, message), len(marks), sent, number), (number, log)


def is_right(found: str, marks: int, sent: Sequence[Sent], number: int) -> bool:
    message, later = sent[number], [one for one in sent[number + 1 :] if one.run is not None]
    if found == "refused":
        return message.text.strategy == "reject" and message.was_busy and marks == 0
    if found == "success":
        return marks == WHOLE
    if found == "gone":
        return marks == 0 and any(one.text.strategy == "rollback" for one in later)
    displacing = ("interrupt", "rollback")  # who waited for a rollback is interrupted first
    return found == "interrupted" and any(one.text.strategy in displacing for one in later)


async def status(bench: Bench, message: Sent) -> str:
    if message.run is None:
        return "refused"
    try:
        return await bench.status(message.run)
    except NotFound:
        return "gone"


async def left(bench: Bench) -> Any:
    """The thread's marks; it is not busy, and its state is told as it is."""
    config: Any = {"configurable": {"thread_id": THREAD}}
    async with bench.graphs.open(DEFAULT_TENANT, "marks", config) as graph:
        state = await graph.aget_state(config)
    async with bench.database.connect() as connection:
        thread = await threads.get(connection, DEFAULT_TENANT, THREAD)
    assert thread is not None
    assert thread.status in ("idle", "interrupted")
    assert state.next == ()
    log = state.values.get("log", [])
    assert (thread.values or {}).get("log", []) == log
    return log
