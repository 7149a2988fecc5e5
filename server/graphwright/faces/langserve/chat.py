"""A graph behind LangServe's chat playground.

The page sends the whole conversation each time, without ids, and no config. The thread knows what
was said before, so only what is new is passed on; which thread it is, a cookie says that is set
when the page is loaded.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tracers.log_stream import RunLog, RunLogPatch
from pydantic import BaseModel, Field

from graphwright.errors import InvalidRequest
from graphwright.events import END
from graphwright.faces.langserve.served import RunFailed, ServedGraph, thread_of
from graphwright.faces.langserve.transcript import Paragraphs, is_message, question, text_of
from graphwright.runs import Runs
from graphwright.threads import Threads

SILENT = "(The graph ended without an answer.)"


class Conversation(BaseModel):
    """What the chat playground sends."""

    messages: list[HumanMessage | AIMessage | SystemMessage] = Field(
        description="The conversation so far."
    )


class ChatGraph(ServedGraph):
    """One graph that takes and gives messages, as a stream of text."""

    def __init__(self, runs: Runs, threads: Threads, tenant: str, graph_id: str) -> None:
        super().__init__(runs, tenant, graph_id, Conversation)
        self._threads = threads

    @property
    def OutputType(self) -> Any:
        """Text: the only output for which LangServe shows its chat playground."""
        return str

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> str:
        """The whole answer."""
        return "".join([part async for part in self.astream(input, config)])

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[str]:
        """The answer as it is written, then the question that an interrupt asks."""
        new = await self._new_words(input, config)
        answer = _Answer()
        try:
            async with self._following(new, config, ["messages-tuple"]) as events:
                async for name, data in events:
                    for part in answer.pieces(name, data):
                        yield part
        except RunFailed as failure:
            # The page shows nothing of an error but this.
            for part in answer.failure(failure):
                yield part
            raise

    async def astream_log(  # type: ignore[override]
        self,
        input: Any,
        config: RunnableConfig | None = None,
        *,
        diff: bool = True,
        **kwargs: Any,
    ) -> AsyncIterator[RunLogPatch]:
        """The answer as patches to a log with nothing in it but the answer."""
        state: dict[str, Any] = {"id": "", "streamed_output": [], "final_output": None, "logs": {}}
        state |= {"name": self.name, "type": "chain"}
        log = RunLog(state=None)  # type: ignore[arg-type]
        written = ""
        first = {"op": "replace", "path": "", "value": state}
        yield RunLogPatch(first) if diff else (log := log + RunLogPatch(first))
        async for part in self.astream(input, config):
            written += part
            patch = RunLogPatch(
                {"op": "add", "path": "/streamed_output/-", "value": part},
                {"op": "replace", "path": "/final_output", "value": written},
            )
            yield patch if diff else (log := log + patch)

    async def _new_words(self, given: Any, config: RunnableConfig | None) -> dict[str, Any]:
        """What is new in the conversation: the person's last words, which may answer an
        interrupt.
        """
        said = _last_words(Conversation.model_validate(given))
        thread_id = thread_of(config)
        if thread_id and await self._threads.waits(self._tenant, thread_id):
            return {"command": {"resume": said}}
        return {"messages": [{"type": "human", "content": said}]}


class _Answer:
    """What the graph says, message by message."""

    def __init__(self) -> None:
        self._paragraphs = Paragraphs()
        self._silent = True

    def pieces(self, name: str, data: Any) -> Iterator[str]:
        if name == "messages" and data[0]["type"] in ("AIMessageChunk", "ai"):
            yield from self._say(data[0]["id"], text_of(data[0]))
        elif name == END:
            yield from self._end(data if isinstance(data, dict) else {})

    def failure(self, error: Exception) -> Iterator[str]:
        yield from self._say(None, f"The run failed. {error}")

    def _end(self, values: dict[str, Any]) -> Iterator[str]:
        if waiting := values.get("__interrupt__"):
            yield from self._say(None, question(waiting))
        elif self._silent:
            yield from self._say(None, _said_last(values) or SILENT)

    def _say(self, paragraph: str | None, text: str) -> Iterator[str]:
        self._silent = self._silent and not text
        yield from self._paragraphs.write(paragraph or object(), text)


def _said_last(values: dict[str, Any]) -> str:
    """The answer of a graph whose messages are not seen until they are in its state."""
    messages = values.get("messages") or [None]
    last = messages[-1]
    return text_of(last) if is_message(last) and last["type"] == "ai" else ""


def _last_words(conversation: Conversation) -> Any:
    for message in reversed(conversation.messages):
        if isinstance(message, HumanMessage):
            return message.content
    raise InvalidRequest("messages: expected a message of type human, found none")
