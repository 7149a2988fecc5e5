"""Functions that documents name: those that a node can call, and those that it can't."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

State = dict[str, Any]


def nothing() -> State:
    return {}


def both(state: State, other: str) -> State:
    return {}


def keyword(state: State, *, other: str) -> State:
    return {}


def configured(state: State, config: RunnableConfig, *, runtime: Runtime[Any]) -> State:
    return {"text": "configured"}


def any_number(*args: Any, **kwargs: Any) -> State:
    return {"text": "any_number"}


def with_default(state: State, other: str = "with_default") -> State:
    return {"text": other}


def _with_other(function: Callable[[State, str], State]) -> Callable[[State], State]:
    @wraps(function)
    def wrapper(state: State) -> State:
        return function(state, "decorated")

    return wrapper


@_with_other
def decorated(state: State, other: str) -> State:
    return {"text": other}


class Thing:
    def method(self, state: State) -> State:
        return {"text": "method"}

    def __call__(self, state: State) -> State:
        return {"text": "thing"}


thing = Thing()
method = thing.method
partly = partial(with_default, other="partly")
