"""The chat model of a GGUF file: OpenAI's protocol, to a server started at the first call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_openai import ChatOpenAI
from openai import LengthFinishReasonError
from pydantic import PrivateAttr, SecretStr

from graphwright_graphs.models.local.server import LlamaServer

MAX_LENGTH = 400  # signs of a text in structured output that has no bound of its own
MAX_ITEMS = 8


class LocalChatModel(ChatOpenAI):
    """Asks the server of a file. Structured output is always by JSON Schema, whose texts and lists
    are bounded: a small model that may write without end does so, and small models do not call
    tools reliably.
    """

    _server: LlamaServer = PrivateAttr()

    def __init__(self, server: LlamaServer, name: str, **options: Any) -> None:
        super().__init__(
            model=name,
            base_url="http://127.0.0.1",
            api_key=SecretStr("not known yet"),
            use_responses_api=False,
            stream_usage=True,
            **options,
        )
        self._server = server

    def with_structured_output(
        self,
        schema: Any = None,
        *,
        method: Any = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[Any, Any]:
        """As LangChain's, always by JSON Schema; `method` and `strict` are for other models."""
        wanted = bounded(schema) if isinstance(schema, Mapping) else schema
        asked = super().with_structured_output(
            wanted, method="json_schema", include_raw=include_raw, **kwargs
        )
        return _Finished(asked) if include_raw else asked

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        self._find()
        return super()._generate(*args, **kwargs)

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        await self._afind()
        return await super()._agenerate(*args, **kwargs)

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        self._find()
        yield from super()._stream(*args, **kwargs)

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        await self._afind()
        async for part in super()._astream(*args, **kwargs):
            yield part

    def _find(self) -> None:
        """Turn the clients to where the server is; it may have been started anew."""
        place = self._server.place()
        for client in (self.root_client, self.root_async_client):
            client.base_url, client.api_key = place.url, place.key

    async def _afind(self) -> None:
        if self._server.may_run:
            self._find()
        else:
            await asyncio.to_thread(self._find)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = "local"
        return params


class _Finished(Runnable[Any, Any]):
    """Structured output with `include_raw`, where an answer without an end is one that can't be
    read, as any other is; OpenAI's client raises.
    """

    def __init__(self, asked: Runnable[Any, Any]) -> None:
        self._asked = asked

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        try:
            return self._asked.invoke(input, config, **kwargs)
        except LengthFinishReasonError as error:
            return _unread(error)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        try:
            return await self._asked.ainvoke(input, config, **kwargs)
        except LengthFinishReasonError as error:
            return _unread(error)


def _unread(error: Exception) -> dict[str, Any]:
    return {"raw": AIMessage(""), "parsed": None, "parsing_error": error}


def bounded(schema: Any) -> Any:
    """A JSON Schema whose texts and lists all have an end."""
    if isinstance(schema, list):
        return [bounded(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    inner = {key: bounded(value) for key, value in schema.items()}
    kind = inner.get("type")
    if kind == "string" and not inner.keys() & {"enum", "const", "format", "pattern"}:
        inner.setdefault("maxLength", MAX_LENGTH)
    if kind == "array":
        inner.setdefault("maxItems", MAX_ITEMS)
    return inner
