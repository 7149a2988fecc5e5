"""Chat models: by name from the environment or the document, through LangChain's own function."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.module import INDENT, Module, docstring
from graphwright_graphs.models.words import Candidate, Model, candidates
from graphwright_graphs.nodes import structured

EXAMPLE = "openai:gpt-4o-mini"


def _define(module: Module) -> None:
    """Define `chat_model`, which gives the model of a name, and `model_name`, the run's."""
    environ = f"{module.imported('os')}.environ"
    config = module.imported("langchain_core.runnables", "RunnableConfig")
    model = module.imported("langchain_core.language_models", "BaseChatModel")
    make = module.imported("langchain.chat_models", "init_chat_model")
    module.add_once(
        [
            f'MODEL = {environ}.get("GRAPHWRIGHT_MODEL", {literal(EXAMPLE)})',
            "# What a run may ask for besides, separated by commas.",
            f'MODELS = [MODEL, *{environ}.get("GRAPHWRIGHT_MODELS", "").split(",")]',
        ],
        [
            f"def model_name(config: {config}) -> str:",
            *docstring("The model of a run: its `configurable.model`, or else MODEL."),
            f'{INDENT}name = str(config.get("configurable", {{}}).get("model", MODEL))',
            f"{INDENT}if name not in MODELS:",
            f'{INDENT * 2}raise ValueError(f"{{name!r}} is none of the models {{MODELS}}")',
            f"{INDENT}return name",
        ],
        [
            f"@{module.imported('functools', 'cache')}",
            f"def chat_model(name: str) -> {model}:",
            *docstring("The chat model of that name, `provider:model`."),
            f"{INDENT}return {make}(name)",
        ],
    )


Bind: TypeAlias = Callable[[str], str]


def called(own: Model | None, node: str, module: Module, bind: Bind = str) -> str:
    """The expression of a node's model, in which `bind` has added to each candidate.

    Retries and fallbacks are LangChain's.
    """
    _define(module)
    first, *others = [_one(each, node, module, bind) for each in candidates(own)]
    return f"{first}.with_fallbacks([{', '.join(others)}])" if others else first


def with_schema(schema: str, module: Module) -> Bind:
    """Adds that the model is asked for data in the form of a schema."""
    return lambda model: f"{module.inlined(structured.bound)}({model}, {schema})"


def _one(candidate: Candidate, node: str, module: Module, bind: Bind) -> str:
    name = literal(candidate.name) if candidate.name else "model_name(config)"
    function = _with_options(candidate, node, module) if candidate.options else "chat_model"
    text = bind(f"{function}({name})")
    if candidate.retry.attempts > 1:
        text += f".with_retry(stop_after_attempt={candidate.retry.attempts})"
    return text


def _with_options(candidate: Candidate, node: str, module: Module) -> str:
    """A function that makes a model with the options of one node."""
    words = [f"{word}={literal(value)}" for word, value in candidate.options.items()]
    model = module.imported("langchain_core.language_models", "BaseChatModel")
    make = module.imported("langchain.chat_models", "init_chat_model")

    def define(function: str) -> list[str]:
        return [
            f"@{module.imported('functools', 'cache')}",
            f"def {function}(name: str) -> {model}:",
            *docstring(f"The chat model of that name, as `{node}` asks it."),
            f"{INDENT}return {make}({', '.join(['name', *words])})",
        ]

    return module.defined(f"{node}_model", define, " ".join(words))
