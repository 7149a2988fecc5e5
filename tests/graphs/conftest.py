"""What the tests of the language share: a scripted chat model, and documents from text."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolCall
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langgraph.graph.state import CompiledStateGraph
from pydantic import PrivateAttr
from tests.graphs.exported_files import write_files

from graphwright_graphs import load
from graphwright_graphs.models import Models

Graph = CompiledStateGraph[Any, Any, Any, Any]

TOOLS = '''
def add(a: int, b: int) -> int:
    """Add two integers."""
    return a + b


def fail(reason: str) -> str:
    """Always fails."""
    raise RuntimeError(reason)


async def shout(state: dict) -> dict:
    return {"text": state["text"].upper()}


def whisper(state: dict) -> dict:
    return {"text": state["text"].lower()}


NUMBER = 7
'''


class ScriptedModel(BaseChatModel):
    """Gives its replies in order, word by word when streamed, and keeps what it was asked."""

    replies: list[AIMessage]
    _asked: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _bound: list[list[str]] = PrivateAttr(default_factory=list)

    @property
    def asked(self) -> list[list[BaseMessage]]:
        return self._asked

    @property
    def bound(self) -> list[list[str]]:
        return self._bound

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, Any]:
        self._bound.append([getattr(tool, "name", str(tool)) for tool in tools])
        return self

    def _next(self, messages: list[BaseMessage]) -> AIMessage:
        self._asked.append(messages)
        return self.replies[len(self._asked) - 1].model_copy(deep=True)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._next(messages))])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._generate(messages)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        reply = self._next(messages)
        words = str(reply.content).split(" ") if reply.content else [""]
        for index, word in enumerate(words):
            text = word if index == len(words) - 1 else word + " "
            calls = reply.tool_calls if index == len(words) - 1 else []
            message = AIMessageChunk(text, tool_calls=calls, id=f"reply-{len(self._asked)}")
            chunk = ChatGenerationChunk(message=message)
            if run_manager:
                await run_manager.on_llm_new_token(text, chunk=chunk)
            yield chunk


class ScriptedModels(Models):
    """A catalogue whose every name is the same scripted model; it notes which were asked for."""

    def __init__(self, model: BaseChatModel, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.got: list[str | None] = []

    def get(
        self, spec: str | None = None, options: Mapping[str, Any] | None = None
    ) -> BaseChatModel:
        self.got.append(spec)
        return self.model

    def check(self, name: str) -> None:
        """Any name is its model's."""


@pytest.fixture
def calls() -> Callable[..., AIMessage]:
    """`calls(("add", {"a": 1, "b": 2}), …)`: an AI message with those tool calls."""

    def make(*wanted: tuple[str, dict[str, Any]]) -> AIMessage:
        made = [
            ToolCall(type="tool_call", name=name, args=args, id=f"call-{index}-{name}")
            for index, (name, args) in enumerate(wanted)
        ]
        return AIMessage("", tool_calls=made)

    return make


@pytest.fixture
def scripted() -> Callable[..., ScriptedModel]:
    """`scripted(reply, …)`: a model that gives those replies, each a text or an AI message."""

    def make(*replies: AIMessage | str) -> ScriptedModel:
        return ScriptedModel(replies=[AIMessage(r) if isinstance(r, str) else r for r in replies])

    return make


@pytest.fixture
def catalogue() -> Callable[..., ScriptedModels]:
    """`catalogue(model, allowed=[…])`: a catalogue in which every name is that model."""
    return ScriptedModels


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module of tools and functions, importable as `tools_of_a_user`."""
    (tmp_path / "tools_of_a_user.py").write_text(TOOLS)
    monkeypatch.syspath_prepend(tmp_path)
    yield "tools_of_a_user"
    sys.modules.pop("tools_of_a_user", None)


@pytest.fixture
def document(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a document into a file of its own, and returns the path."""

    def write(text: str, name: str = "graph.yaml") -> Path:
        path = tmp_path / name
        path.write_text(dedent(text).lstrip())
        return path

    return write


@pytest.fixture
def compiled(document: Callable[[str], Path]) -> Callable[..., Graph]:
    """Compiles a document given as text, with a scripted model or a catalogue."""

    def make(text: str, model: ScriptedModel | None = None, models: Models | None = None) -> Graph:
        chosen = models or ScriptedModels(model or ScriptedModel(replies=[]))
        return load(document(text), models=chosen)

    return make


@pytest.fixture
def imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., ModuleType]]:
    """Imports an exported module; its models are those of a catalogue."""
    names: list[str] = []
    # Where an export belongs: beside its document, whose folder has what it imports.
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "graphs")

    def make(text: str, models: Models | None = None) -> ModuleType:
        names.append(f"exported_{len(names)}")
        path = tmp_path / f"{names[-1]}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(names[-1], path)
        assert spec and spec.loader
        module: Any = importlib.util.module_from_spec(spec)
        sys.modules[names[-1]] = module
        spec.loader.exec_module(module)
        if hasattr(module, "init_chat_model"):
            module.MODEL, module.MODELS = "demo", ["demo"]
            module.init_chat_model = lambda name, **options: (models or Models()).get()
        return module  # type: ignore[no-any-return]

    yield make
    for name in names:
        del sys.modules[name]


@pytest.fixture
def files(tools: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the documents of `exported` name, beside where `document` writes one."""
    write_files(tmp_path)
    monkeypatch.delitem(sys.modules, "graphs_of_a_user", raising=False)
