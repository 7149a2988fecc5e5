"""Executing one run: from its row to its events and its outcome.

Nothing here knows of HTTP, queues or who called.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Literal
from uuid import UUID

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from langgraph.types import Command, Send

from graphwright.database.runs import Run
from graphwright.events import Outcome, encode, to_json
from graphwright.metering import Meter
from graphwright.project import AnyGraph
from graphwright.stopping import Partials
from graphwright.streams import Chunk, EventEncoder, graph_modes
from graphwright_checkpoints import LeaseLost

Publish = Callable[[list[bytes]], Awaitable[Any]]

RECURSION_LIMIT = 10_007  # supersteps; LangGraph's default, where LangChain's is 25
STRICT_RESUME = "__pregel_strict_resume"
"""LangGraph's key for it: an answer to an interrupt that does not wait is an error."""
LANGGRAPH_VERSION = version("langgraph")
GRAPHWRIGHT_VERSION = version("graphwright")


@dataclass
class Execution:
    """One attempt of a run. `values` and `interrupted` tell how far it came, also when it is
    cancelled.
    """

    run: Run
    graph: AnyGraph
    config: RunnableConfig
    publish: Publish
    resumed: bool = False
    control: RunControl | None = None
    """Where a drain can be asked for: `execute` then raises `GraphDrained` between two steps."""
    values: Any = None
    interrupted: bool = False
    partials: Partials = field(default_factory=Partials)
    meter: Meter = field(default_factory=Meter)
    dropped: Sequence[str] = ()
    """Interrupts of the thread that nobody will answer, as the run goes on without."""

    @property
    def state_is_known(self) -> bool:
        """Whether the last values are the thread's whole state, and nothing is left to do."""
        return self.graph.output_channels == self.graph.stream_channels_asis and not self._may_wait

    @property
    def _may_wait(self) -> bool:
        """Whether the graph may have stopped at an interrupt, or before or after a node."""
        asked = self.run.kwargs["interrupt_before"] or self.run.kwargs["interrupt_after"]
        compiled = self.graph.interrupt_before_nodes or self.graph.interrupt_after_nodes
        return bool(self.interrupted or asked or compiled)

    async def execute(self) -> Outcome:
        """Run the graph to its end. An exception of the graph becomes an `error` event and
        outcome.
        """
        kwargs = self.run.kwargs
        encoder = EventEncoder(kwargs["stream_mode"])
        await self.publish([encode("metadata", self._about())])
        await asyncio.sleep(0)  # readers have it before the first node, which may take its time
        try:
            async for chunk in self._stream():
                self._note(chunk)
                events = list(encoder.encode(chunk))
                if events:
                    await self.publish(events)
        except (GraphDrained, LeaseLost):  # another attempt goes on
            raise
        except Exception as error:  # whatever a node raises is the run's outcome, not the worker's
            problem = {"error": type(error).__name__, "message": str(error)}
            await self.publish([encode("error", problem)])
            return Outcome("error", to_json(self.values), problem)
        return Outcome("success", to_json(self.values))

    def _about(self) -> dict[str, Any]:
        about = {"run_id": self.run.run_id, "attempt": self.run.attempt}
        return about | ({"dropped_interrupts": self.dropped} if self.dropped else {})

    def _note(self, chunk: Chunk) -> None:
        namespace, mode, data = chunk
        if mode == "messages":
            self.partials.note(*data)
        elif mode == "events" and data["event"] == "on_chat_model_stream":
            self.partials.note(data["data"]["chunk"], data["metadata"])
        if namespace:
            return
        if mode == "values":
            self.values = _joined(self.values, data)
            self.partials.clear()
        if mode in ("values", "updates") and isinstance(data, dict) and "__interrupt__" in data:
            self.interrupted = True

    def _stream(self) -> AsyncIterator[Chunk]:
        kwargs = self.run.kwargs
        options: dict[str, Any] = {
            "stream_mode": graph_modes(kwargs["stream_mode"]),
            "subgraphs": kwargs["stream_subgraphs"],
            "interrupt_before": kwargs["interrupt_before"],
            "interrupt_after": kwargs["interrupt_after"],
            "context": run_context(self.run, self.graph),
            "durability": kwargs["durability"] or self._durability,
            "control": self.control,
            # A graph with an output schema shows that much of its state, in every mode.
            "output_keys": self.graph.output_channels,
        }
        given = None if self.resumed else graph_input(kwargs)
        config: RunnableConfig = {**self.config, "callbacks": [self.meter]}
        if "events" in kwargs["stream_mode"]:
            return self._astream_events(given, config, options)
        return self._astream(given, config, options)

    @property
    def _durability(self) -> Literal["exit"] | None:
        """Nobody looks at a temporary run's checkpoints, unless they are streamed."""
        watched = {"checkpoints", "debug"} & set(self.run.kwargs["stream_mode"])
        return "exit" if self.run.temporary and not watched else None

    async def _astream(
        self, given: Any, config: RunnableConfig, options: dict[str, Any]
    ) -> AsyncIterator[Chunk]:
        async for part in self.graph.astream(given, config, **options):
            yield _chunk(part)

    async def _astream_events(
        self, given: Any, config: RunnableConfig, options: dict[str, Any]
    ) -> AsyncIterator[Chunk]:
        """LangChain's events; among them, as chunks of the outermost run, is what `astream` would
        yield.
        """
        # Said outright, since astream_events puts LangChain's limit in the place of LangGraph's.
        limit = (self.graph.config or {}).get("recursion_limit", RECURSION_LIMIT)
        config = {"recursion_limit": limit, **config}
        events = self.graph.astream_events(given, config, version="v2", **options)
        async for event in events:
            if event["event"] == "on_chain_stream" and event["run_id"] == self.run.run_id:
                yield _chunk(event["data"].get("chunk"))
            else:
                yield (), "events", event


def _joined(before: Any, values: Any) -> Any:
    """The newest values; of tasks that wait in parallel, each is told in values of its own."""
    if not (isinstance(before, dict) and isinstance(values, dict)):
        return values
    told = (*before.get("__interrupt__", ()), *values.get("__interrupt__", ()))
    return {**values, "__interrupt__": told} if told else values


def _chunk(part: Any) -> Chunk:
    """A part of LangGraph's stream, which names its namespace only when subgraphs are streamed."""
    namespace, mode, data = part if len(part) == 3 else ((), *part)
    return namespace, mode, data


def graph_input(kwargs: Mapping[str, Any]) -> Any:
    """What the graph is given: the input, or the command in its place."""
    command = kwargs["command"]
    if command is None:
        return kwargs["input"]
    goto = command["goto"]
    nodes = goto if isinstance(goto, list) else [goto] if goto else []
    update = command["update"]
    return Command(
        resume=command["resume"],
        # JSON has no tuples; LangGraph takes a list of pairs for writes to channels.
        update=[tuple(pair) for pair in update] if isinstance(update, list) else update,
        goto=[Send(n["node"], n["input"]) if isinstance(n, dict) else n for n in nodes],
    )


def run_config(run: Run) -> RunnableConfig:
    """The config of a run: what was asked for, then what is not the caller's to choose."""
    asked = run.kwargs["config"]
    config: RunnableConfig = {
        "configurable": {
            **asked["configurable"],
            **run.kwargs["checkpoint"],
            "run_id": run.run_id,
            "thread_id": run.thread_id,
            "graph_id": graph_id(run),
            "assistant_id": run.assistant_id,
        },
        "metadata": {
            **asked["metadata"],
            **run.metadata,
            "run_attempt": run.attempt,
            "langgraph_version": LANGGRAPH_VERSION,
            "langgraph_host": "self-hosted",
            "graphwright_version": GRAPHWRIGHT_VERSION,
        },
        "tags": asked["tags"],
        "run_id": UUID(run.run_id),
        "run_name": graph_id(run),
    }
    if run.kwargs.get("strict_resume"):
        config["configurable"][STRICT_RESUME] = True
    if asked["recursion_limit"]:
        config["recursion_limit"] = asked["recursion_limit"]
    return config


def graph_id(run: Run) -> str:
    """The graph that a run executes."""
    return str(run.metadata["graph_id"])


def run_context(run: Run, graph: AnyGraph) -> Any:
    """The graph's runtime context; `configurable` serves where none was given."""
    if graph.context_schema is None:
        return None
    if run.kwargs["context"] is not None:
        return run.kwargs["context"]
    fields = (graph.get_context_jsonschema() or {}).get("properties", {})
    configurable = run.kwargs["config"]["configurable"]
    return {key: value for key, value in configurable.items() if key in fields}
