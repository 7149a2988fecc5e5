"""The demo model behind LangChain's chat model interface."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, Literal

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from pydantic import BaseModel
from typing_extensions import override

from graphwright_graphs.demo.reply import Options, Reply, reply

PROVIDER: Final = "graphwright"
Method = Literal["function_calling", "json_schema", "json_mode"]


class DemoChatModel(BaseChatModel):
    """Answers by rules: no network, no key, the same answer to the same messages.

    It calls the tools that are bound to it, fills structured output, streams word by word, and says
    what it cannot do. Every answer's `response_metadata` has `demo: True`, and the first one of a
    conversation says in words that this is no language model. It counts no tokens, so there is no
    `usage_metadata`.
    """

    model: str = "demo"

    @property
    @override
    def _llm_type(self) -> str:
        return "graphwright-demo"

    @property
    @override
    def _identifying_params(self) -> Mapping[str, Any]:
        return {"model": self.model, "demo": True}

    @override
    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = PROVIDER
        return params

    @override
    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | dict[str, Any] | bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools for the rules to choose from.

        Args:
            tools: anything that LangChain turns into a tool.
            tool_choice: "auto", "any" or "required", "none", a tool's name, or a provider's dict of
            these.
            **kwargs: `parallel_tool_calls=False` has the calls made one at a time.

        Raises:
            ValueError: `tool_choice` names a tool that is not among `tools`.
        """
        bound = [convert_to_openai_tool(tool) for tool in tools]
        names = [str(tool.get("function", {}).get("name")) for tool in bound]
        known = ("auto", "any", "required", "none", *names)
        if isinstance(tool_choice, str) and tool_choice not in known:
            raise ValueError(
                f"tool_choice {tool_choice!r} is no bound tool. Bound: {', '.join(names)}."
            )
        if tool_choice is not None:
            kwargs["tool_choice"] = tool_choice
        return self.bind(tools=bound, **kwargs)

    @override
    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        include_raw: bool = False,
        method: Method = "function_calling",
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Return a runnable that fills the schema.

        Args:
            schema: a Pydantic class, a TypedDict, or a JSON schema.
            include_raw: return `raw`, `parsed` and `parsing_error` in a dict.
            method: by a forced tool call, or as JSON text.
            strict: taken for compatibility; the rules always follow the schema.
            **kwargs: what LangChain's own implementation takes.
        """
        if method == "function_calling":
            return super().with_structured_output(schema, include_raw=include_raw, **kwargs)
        parser: PydanticOutputParser[Any] | JsonOutputParser = JsonOutputParser()
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            parser = PydanticOutputParser(pydantic_object=schema)
        shape = convert_to_json_schema(schema)
        model = self.bind(
            response_format={
                "type": "json_schema",
                "json_schema": {"name": shape.get("title", "output"), "schema": shape},
            },
            ls_structured_output_format={"kwargs": {"method": method}, "schema": shape},
        )
        if not include_raw:
            return model | parser
        parsed = RunnablePassthrough.assign(
            parsed=RunnableLambda(itemgetter("raw")) | parser,
            parsing_error=lambda _: None,
        )
        failed = RunnablePassthrough.assign(parsed=lambda _: None)
        return {"raw": model} | parsed.with_fallbacks([failed], exception_key="parsing_error")

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        message = self._message(_reply(messages, stop, kwargs))
        return ChatResult(generations=[ChatGeneration(message=message)])

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        # The rules take about a millisecond: a hop to a thread, LangChain's default, would cost
        # more.
        return self._generate(messages, stop, None, **kwargs)

    @override
    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in self._chunks(_reply(messages, stop, kwargs)):
            if run_manager:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._chunks(_reply(messages, stop, kwargs)):
            if run_manager:
                await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    def _message(self, answer: Reply) -> AIMessage:
        finished = {"finish_reason": "tool_calls" if answer.calls else "stop"}
        return AIMessage(
            answer.text,
            tool_calls=list(answer.calls),
            response_metadata={**self._metadata(), **finished},
        )

    def _chunks(self, answer: Reply) -> Iterator[ChatGenerationChunk]:
        """Yield tool calls, then words; metadata once, because merging chunks adds strings up."""
        pieces = [*map(_call_chunk, range(len(answer.calls)), answer.calls), *_words(answer.text)]
        pieces = pieces or [AIMessageChunk(content="")]
        pieces[0].response_metadata = self._metadata()
        for piece in pieces[:-1]:
            yield ChatGenerationChunk(message=piece)
        last = pieces[-1]
        last.chunk_position = "last"
        last.response_metadata["finish_reason"] = "tool_calls" if answer.calls else "stop"
        yield ChatGenerationChunk(message=last)

    def _metadata(self) -> dict[str, Any]:
        return {"model_name": self.model, "demo": True, "model_provider": PROVIDER}


def _reply(
    messages: Sequence[BaseMessage], stop: Sequence[str] | None, kwargs: Mapping[str, Any]
) -> Reply:
    return reply(
        messages,
        Options(
            tools=kwargs.get("tools") or (),
            tool_choice=kwargs.get("tool_choice"),
            parallel_tool_calls=kwargs.get("parallel_tool_calls") is not False,
            response_format=kwargs.get("response_format"),
            stop=stop or (),
        ),
    )


def _call_chunk(index: int, call: Mapping[str, Any]) -> AIMessageChunk:
    args = json.dumps(call["args"], ensure_ascii=False)
    return AIMessageChunk(
        content="",
        tool_call_chunks=[
            tool_call_chunk(name=call["name"], args=args, id=call["id"], index=index)
        ],
    )


def _words(text: str) -> list[AIMessageChunk]:
    return [AIMessageChunk(content=word) for word in re.findall(r"\s*\S+\s*?(?=\s|$)|\s+$", text)]
