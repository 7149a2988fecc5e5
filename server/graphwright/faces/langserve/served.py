"""A graph as a LangChain runnable whose every call is a run of the service.

A caller through LangServe is like any other: the run is recorded, has a thread, can be followed and
stopped elsewhere.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid5

import orjson
from langchain_core.runnables import ConfigurableFieldSpec, Runnable, RunnableConfig
from langchain_core.runnables.schema import StreamEvent
from langchain_core.tracers.log_stream import RunLog, RunLogPatch
from pydantic import BaseModel

from graphwright.database.runs import Run
from graphwright.errors import RequestError
from graphwright.events import END, data_of, name_of
from graphwright.faces.langserve.filters import EventFilter
from graphwright.faces.langserve.inputs import run_fields
from graphwright.faces.langserve.runlog import RunLogWriter
from graphwright.faces.langserve.transcript import Transcript
from graphwright.runs import Runs
from graphwright.schemas import RunCreate, StreamMode

# A person at a playground may call a thread what they like; threads have UUIDs.
THREAD_NAMES = UUID("5b6a1a70-5f4f-5f7c-8a5c-0d8a7c6f2b11")

THREAD_ID = ConfigurableFieldSpec(
    id="thread_id",
    # Not Optional: LangServe's playground cannot draw a field that may be null.
    annotation=str,
    default="",
    name="Thread ID",
    description="Names the conversation to go on with. Without one, nothing is kept.",
    is_shared=True,
)


class RunFailed(RequestError):
    """The graph raised an error."""

    status = 500


class ServedGraph(Runnable[Any, Any]):
    """One graph, for `langserve.add_routes`."""

    def __init__(
        self,
        runs: Runs,
        tenant: str,
        graph_id: str,
        input_type: type[BaseModel],
        settings: Sequence[ConfigurableFieldSpec] = (),
    ) -> None:
        self.name = graph_id
        self._settings = settings
        self._runs = runs
        self._tenant = tenant
        self._input_type = input_type
        self._stopping: set[asyncio.Task[None]] = set()

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """What a caller may configure."""
        return [THREAD_ID, *self._settings]

    def get_input_schema(self, config: RunnableConfig | None = None) -> type[BaseModel]:
        """What a caller sends: the graph's input, or the answer to an interrupt."""
        return self._input_type

    @property
    def OutputType(self) -> Any:
        """Whatever the graph gives; a narrower type would drop its interrupts."""
        return Any

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Not there: LangServe awaits."""
        raise RuntimeError("A served graph runs on the service's event loop; use ainvoke")

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """The final values, with `__interrupt__` where the graph waits for an answer."""
        result: Any = None
        async with self._following(input, config, []) as events:
            async for name, data in events:
                if name == END:
                    result = data
        return result

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """What each node wrote."""
        async with self._following(input, config, ["updates"]) as events:
            async for name, data in events:
                if name == "updates":
                    yield data

    async def astream_events(  # type: ignore[override]
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[StreamEvent]:
        """LangChain's events, as the run publishes them; the version is always v2."""
        wanted = EventFilter(kwargs)
        async with self._following(input, config, ["updates", "events"]) as events:
            async for event in _with_chunks(events):
                if wanted(event):
                    yield event

    async def astream_log(  # type: ignore[override]
        self,
        input: Any,
        config: RunnableConfig | None = None,
        *,
        diff: bool = True,
        **kwargs: Any,
    ) -> AsyncIterator[RunLogPatch]:
        """The run as patches to a log: what LangServe's playground reads.

        What it streams is the run's transcript, for a person; the final output is that of
        `ainvoke`.
        """
        log = RunLog(state=None)  # type: ignore[arg-type]
        async for patch in self._log_patches(input, config, EventFilter(kwargs)):
            log = log if diff else log + patch
            yield patch if diff else log

    async def _log_patches(
        self, given: Any, config: RunnableConfig | None, wanted: EventFilter
    ) -> AsyncIterator[RunLogPatch]:
        writer = RunLogWriter(wanted)
        transcript = Transcript(kept=thread_of(config) is not None)
        modes: list[StreamMode] = ["messages-tuple", "updates", "events"]
        try:
            async with self._following(given, config, modes) as events:
                async for name, data in events:
                    if name == "events" and (patch := writer.patch(data)):
                        yield patch
                    for text in transcript.pieces(name, data):
                        yield writer.say(text)
                    if name == END:
                        yield writer.finish(data)
        except RunFailed as failure:
            # The playground shows nothing of an error but this.
            for text in transcript.failure(failure):
                yield writer.say(text)
            raise

    @asynccontextmanager
    async def _following(
        self, given: Any, config: RunnableConfig | None, modes: list[StreamMode]
    ) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        """Start a run and read it; leaving before its end stops it."""
        run = await self._start(given, config, modes)
        reading = _Reading(self._runs, run)
        try:
            yield reading.events()
        finally:
            if not reading.ended:
                # A task of its own: whoever left may have cancelled this one, and every await in
                # it.
                stopping = asyncio.create_task(self._runs.interrupt(run))
                self._stopping.add(stopping)
                stopping.add_done_callback(self._stopping.discard)

    async def _start(
        self, given: Any, config: RunnableConfig | None, modes: list[StreamMode]
    ) -> Run:
        # The recursion limit stays behind: LangChain puts 25 there for want of another.
        body = RunCreate(
            assistant_id=self.name or "",
            **run_fields(given),
            stream_mode=modes or "values",
            if_not_exists="create",
            context=self._context(config),
        )
        return await self._runs.start(self._tenant, thread_of(config), body)

    def _context(self, config: RunnableConfig | None) -> dict[str, Any] | None:
        given = (config or {}).get("configurable", {})
        names = [setting.id for setting in self._settings if given.get(setting.id) is not None]
        return {name: given[name] for name in names} or None


class _Reading:
    """A run's events, decoded, and whether its end was seen."""

    def __init__(self, runs: Runs, run: Run) -> None:
        self._runs = runs
        self._run = run
        self.ended = False

    async def events(self) -> AsyncIterator[tuple[str, Any]]:
        async for batch in self._runs.follow(self._run, after=0):
            for event in batch:
                name, data = name_of(event.data), orjson.loads(data_of(event.data))
                self.ended = self.ended or name == END
                if name == "error":
                    raise RunFailed(f"{data['error']}: {data['message']}")
                yield name, data


async def _with_chunks(events: AsyncIterator[tuple[str, Any]]) -> AsyncIterator[Any]:
    """LangChain's events, with the outermost run's chunks put back among them."""
    root: Any = None
    async for name, data in events:
        if name == "events":
            root = root or data
            yield data
        elif name == "updates" and root is not None:
            yield {**root, "event": "on_chain_stream", "data": {"chunk": data}}


def thread_of(config: RunnableConfig | None) -> str | None:
    """The thread that a caller's config names."""
    return named_thread((config or {}).get("configurable", {}).get("thread_id"))


def named_thread(name: str | None) -> str | None:
    """The thread that a name means: the UUID itself, or one that belongs to the name.

    The Agent Server API knows threads by UUID only. Whoever calls a thread `tea` here finds
    it there as `uuid5(THREAD_NAMES, "tea")`.
    """
    if not name:
        return None
    try:
        return str(UUID(name))
    except ValueError:
        return str(uuid5(THREAD_NAMES, name))
