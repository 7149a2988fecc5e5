"""Tools made of a coroutine, which sync callers may call as well."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, TypeVar

from langchain_core.tools import StructuredTool

Result = TypeVar("Result")


def tool_of(
    call: Callable[..., Coroutine[Any, Any, str]],
    *,
    name: str,
    description: str | None = None,
    args_schema: dict[str, Any] | None = None,
) -> StructuredTool:
    """A tool that awaits a coroutine function; what goes wrong in it is the call's result.

    Args:
        call: Its docstring describes the tool and its arguments, unless the others do.
        name: What a model calls it.
        description: What it does and when to use it.
        args_schema: Its arguments in JSON Schema.
    """
    made = StructuredTool.from_function(
        _blocking(call),
        call,
        name=name,
        description=description if args_schema is not None else None,
        args_schema=args_schema,
        infer_schema=args_schema is None,
        parse_docstring=args_schema is None,
        handle_tool_error=True,
    )
    return made if description is None else made.model_copy(update={"description": description})


def waited(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """What a coroutine returns, for a caller that can't await it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    # The caller blocks its loop, so that the coroutine needs one in another thread.
    context = contextvars.copy_context()
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(context.run, asyncio.run, coroutine).result()


def _blocking(call: Callable[..., Coroutine[Any, Any, str]]) -> Callable[..., str]:
    @wraps(call)
    def blocked(*args: Any, **kwargs: Any) -> str:
        return waited(call(*args, **kwargs))

    return blocked
