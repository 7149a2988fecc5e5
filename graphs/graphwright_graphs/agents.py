"""LangChain's agents as a part of a graph: `create_agent` with the models and prompts of a node.

Imported when a document has an agent, since LangChain's agents take a while to import.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    HumanInTheLoopMiddleware,
    InterruptOnConfig,
    ModelCallLimitMiddleware,
    ModelRequest,
    ModelResponse,
)
from langchain.agents.structured_output import ToolStrategy
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig, ensure_config
from langchain_core.tools import BaseTool
from langgraph.errors import GraphBubbleUp
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.types import Command

from graphwright_graphs.nodes.binding import Bind, Binding

Choose = Callable[[Bind], Binding]
"""Makes the models of a node, with what is to be bound to each."""


def agent(
    choose: Choose,
    tools: Sequence[BaseTool],
    *,
    name: str,
    prompt: Callable[[], str],
    explain: Callable[[Exception], str],
    approve: Sequence[str] = (),
    schema: dict[str, Any] | None = None,
    max_rounds: int | None = None,
    middleware: Sequence[AgentMiddleware[Any, Any]] = (),
) -> Runnable[Any, Any]:
    """A compiled agent over `messages`, which gives data of the schema as `structured_response`.

    Args:
        choose: The models to ask.
        tools: What the agent may call.
        name: The graph's.
        prompt: The system prompt, at each call of the model; empty for none.
        explain: What the model is told of a tool's failure.
        approve: Names of tools whose calls wait for a person.
        schema: A JSON Schema of the answer.
        max_rounds: How often the model may be asked; then the agent ends with what it has.
        middleware: Further middleware, inside of ours.
    """
    ours: list[AgentMiddleware[Any, Any]] = [_Prompt(prompt), Explained(explain)]
    if approve:
        allowed = InterruptOnConfig(allowed_decisions=["approve", "edit", "reject"])
        ours.append(HumanInTheLoopMiddleware(interrupt_on=dict.fromkeys(approve, allowed)))
    if max_rounds is not None:
        ours.append(ModelCallLimitMiddleware(run_limit=max_rounds, exit_behavior="end"))
    made: Any = create_agent(
        ChosenModel(choose=choose),
        list(tools),
        middleware=[*ours, *middleware],
        response_format=None if schema is None else ToolStrategy(schema),
    )
    made.name = name
    return made  # type: ignore[no-any-return]


class ChosenModel(BaseChatModel):
    """The model that a run asks for, or the node's own: chosen when it is called."""

    choose: Choose

    @property
    def _llm_type(self) -> str:
        return "chosen"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, Any]:
        """The chosen model with these tools."""
        return _Chosen(self.choose(lambda model: model.bind_tools(tools, **kwargs)))

    # Agents ask what it gives as they ask a model, and no more.
    def bind(self, **kwargs: Any) -> Runnable[Any, Any]:  # type: ignore[override]
        """The chosen model with these settings."""
        return _Chosen(self.choose(lambda model: model.bind(**kwargs) if kwargs else model))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        reply = self.bind(**kwargs).invoke(messages)
        return ChatResult(generations=[ChatGeneration(message=reply)])


class _Chosen(Runnable[Any, Any]):
    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        settings = ensure_config(config)
        return self._binding.for_run(settings).invoke(input, settings)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        settings = ensure_config(config)
        return await self._binding.for_run(settings).ainvoke(input, settings)


class _Prompt(AgentMiddleware[Any, Any]):
    """Begins each conversation with the node's prompt, as the state has it then."""

    def __init__(self, prompt: Callable[[], str]) -> None:
        super().__init__()
        self._prompt = prompt

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ModelResponse[Any]:
        return handler(self._prompted(request))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        return await handler(self._prompted(request))

    def _prompted(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        prompt = self._prompt()
        return request.override(system_message=SystemMessage(prompt)) if prompt else request


class Explained(AgentMiddleware[Any, Any]):
    """Tells the model of a tool's failure, whatever it was."""

    def __init__(self, explain: Callable[[Exception], str]) -> None:
        super().__init__()
        self._explain = explain

    def wrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]],
    ) -> ToolMessage | Command[Any]:
        """Run a call; a failure becomes a message that the model can act on."""
        try:
            return handler(request)
        except GraphBubbleUp:  # an interrupt
            raise
        except Exception as error:
            return self._failed(request, error)

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """The same, awaited."""
        try:
            return await handler(request)
        except GraphBubbleUp:
            raise
        except Exception as error:
            return self._failed(request, error)

    def _failed(self, request: ToolCallRequest, error: Exception) -> ToolMessage:
        call = request.tool_call
        return ToolMessage(
            self._explain(error), name=call["name"], tool_call_id=call["id"], status="error"
        )
