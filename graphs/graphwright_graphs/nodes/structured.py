"""Structured output that is checked, and repaired once by telling the model what was wrong.

Models get a JSON Schema, never a Pydantic class: with a class, some clients validate by themselves
and raise, so that nothing could be repaired.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import Runnable
from langgraph.constants import TAG_NOSTREAM

from graphwright_graphs.nodes.node import Call

T = TypeVar("T")
Method = Literal["function_calling", "json_schema"]

REPAIR = "That was not in the form I need: {error}\nAnswer again, in the form of the schema."
CUT_OFF = "it was too long and was cut off"


def method(model: BaseChatModel) -> Method | None:
    """The way in which a model is asked for data; None for the one that LangChain chose for it.

    A server of one's own that speaks OpenAI's protocol (llama.cpp, vLLM, LM Studio) is asked by
    JSON schema: there it is a grammar, which even small models follow, while a call of a function
    can be answered with any text. OpenAI itself is asked by function calling, whose schemas may
    have bounds. The clients of Ollama, Anthropic, Google, Groq and Mistral know better than we do.
    """
    client = getattr(model, "root_client", None)
    if model._llm_type != "openai-chat" or client is None:
        return None
    host = urlsplit(str(client.base_url)).hostname or ""
    return "function_calling" if host.endswith(".openai.com") else "json_schema"


def bound(model: BaseChatModel, schema: dict[str, Any]) -> Runnable[Any, Any]:
    """The model, asked for data in the form of a schema.

    Its tokens are half-written JSON, so they are kept out of the `messages` stream.
    """
    way = method(model)
    options = {"method": way} if way else {}
    asked = model.with_structured_output(schema, include_raw=True, **options)
    return asked.with_config(tags=[TAG_NOSTREAM])


def ask(
    model: Runnable[Any, Any], messages: Sequence[BaseMessage], check: Callable[[Any], T]
) -> Generator[Call, Any, T | None]:
    """Ask a model bound by `with_schema`, at most twice; None when neither answer was valid.

    `check` makes the value from the parsed JSON, or raises ValueError for one that will not do.
    """
    # The faulty answer is not sent back: a tool call without its result is refused by providers.
    error: object = None
    for _ in range(2):
        repair = [HumanMessage(REPAIR.format(error=error))] if error else []
        try:
            answer = yield Call(model, [*messages, *repair])
        except Exception as failure:
            if not is_cut_off(failure):
                raise
            error = CUT_OFF
            continue
        try:
            return check(parsed(answer))
        except ValueError as invalid:
            error = invalid
    return None


def is_cut_off(error: Exception) -> bool:
    """Whether OpenAI's client found that an answer ended at the model's limit of tokens."""
    openai = sys.modules.get("openai")
    return openai is not None and isinstance(error, openai.LengthFinishReasonError)


def parsed(answer: Mapping[str, Any]) -> Any:
    """The JSON of an answer. Raises ValueError, which says what is wrong with it."""
    if answer["parsing_error"] is not None:
        raise ValueError(str(answer["parsing_error"]))
    if answer["parsed"] is None:
        raise ValueError("no structured answer was given")
    return answer["parsed"]
