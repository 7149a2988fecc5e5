"""What a graph costs more as a document than as the Python that a person would write for it.

Runs each twin of `tests/graphs/twins` that needs no person beside its document, in blocks that take
turns, and compares the computing time of a superstep. Models answer at once, so that nothing hides
the rest; nothing waits, so that computing time is what a quiet machine's clock would show.

    python benchmarks/documents.py [--rounds 40]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolCall
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

from graphwright_graphs import load
from graphwright_graphs.models import Models

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

ROUNDS = 10  # supersteps of a model and its tools in a turn, times two
INPUTS: dict[str, dict[str, Any]] = {
    "by_cases": {"waiting": 20},
    "count_down": {"left": 60},
    "side_by_side": {"topic": "tea"},
    "tool_agent": {"messages": [("human", "What is 12 times 12?")]},
}


class Instant(BaseChatModel):
    """Calls the clock some times, then answers."""

    @property
    def _llm_type(self) -> str:
        return "instant"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Runnable[Any, Any]:
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        reply = AIMessage("Done.")
        if len(messages) < 2 * ROUNDS and any(each.type == "system" for each in messages):
            call = ToolCall(type="tool_call", name="calculator", args={"expression": "1"}, id="1")
            reply = AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=reply)])

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        return self._generate(*args)


class Instants(Models):
    """A catalogue of that model alone."""

    def get(self, *args: Any, **kwargs: Any) -> BaseChatModel:
        return Instant()


def pair(name: str, folder: Path) -> tuple[Any, Any]:
    """The document's graph, and its twin."""
    twin = importlib.import_module(f"tests.graphs.twins.{name}")
    path = folder / f"{name}.yaml"
    path.write_text(twin.DOCUMENT)
    return load(path, models=Instants(), imports=["tests"]), twin.build(Instant()).compile()


async def supersteps(graph: Any, given: Any) -> int:
    config = {"recursion_limit": 10_000}
    steps = [each async for each in graph.astream(given, config, stream_mode="values")]
    return len(steps) - 1


async def block(graph: Any, given: Any, runs: int) -> float:
    """Milliseconds of a run, the mean of a block of them."""
    config: Any = {"recursion_limit": 10_000}
    gc.collect()
    started = time.process_time()
    for _ in range(runs):
        await graph.ainvoke(given, config)
    return 1000 * (time.process_time() - started) / runs


async def compare(name: str, folder: Path, rounds: int) -> str:
    ours, theirs = pair(name, folder)
    given = INPUTS[name]
    steps = await supersteps(ours, given)
    assert steps == await supersteps(theirs, given)
    runs = max(1, 120 // steps)
    ratios, base = [], []
    for number in range(rounds + 2):
        order = (ours, theirs) if number % 2 else (theirs, ours)
        took = {id(graph): await block(graph, given, runs) for graph in order}
        if number >= 2:  # the first are warm-up
            ratios.append(took[id(ours)] / took[id(theirs)])
            base.append(took[id(theirs)])
    ratio, step = statistics.median(ratios), statistics.median(base) / steps
    more = 1000 * step * (ratio - 1)
    spread = statistics.quantiles(ratios, n=4)
    return (
        f"{name:13} {steps:4} supersteps, twin {step:.3f} ms each; document / twin {ratio:.3f} "
        f"(quartiles {spread[0]:.3f} to {spread[2]:.3f}), {more:+.0f} us a superstep"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        for name in INPUTS:
            print(await compare(name, Path(folder), rounds))


if __name__ == "__main__":
    asyncio.run(main())
