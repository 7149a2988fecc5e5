"""Options that a person chooses from, and what an answer means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphwright_graphs.approval import UnclearAnswer
from graphwright_graphs.errors import GraphError
from graphwright_graphs.nodes.node import Scope, State
from graphwright_graphs.problems import quoted, shown


@dataclass(frozen=True, slots=True)
class Options:
    """Where the options of a node come from."""

    offered: Callable[[State], list[str]]
    """Those that there are in a state. Raises GraphError where there are none."""

    @classmethod
    def of(cls, options: list[str] | str, scope: Scope, *keys: str) -> Options:
        """Options that stand in the document, or the channel that holds them."""
        if isinstance(options, list):
            return cls(lambda state: options)
        channel = scope.channel(options, *keys)

        def held(state: State) -> list[str]:
            found = state.get(options)
            found = channel.empty() if found is None and channel else found
            if isinstance(found, list) and found:
                return [str(each) for each in found]
            raise GraphError(
                f"node `{scope.name}` offers the options in `{options}`, which holds "
                f"{shown(found)}: write a list with at least one text to it before"
            )

        return cls(held)


def chosen(answer: Any, options: Sequence[str], *, many: bool) -> Any:
    """The option that an answer names by its text or number, or a list of those. UnclearAnswer."""
    if not many:
        return _one(answer, options)
    parts = answer
    if isinstance(answer, str) and _found(answer, options) is None:
        parts = [part for part in answer.split(",") if part.strip()]
    named = parts if isinstance(parts, list) else [parts]
    return list(dict.fromkeys(_one(each, options) for each in named))


def _one(answer: Any, options: Sequence[str]) -> str:
    found = _found(answer, options)
    if found is None:
        listed = ", ".join(quoted(option) for option in options)
        raise UnclearAnswer(f"{shown(answer)} is none of the options: {listed}")
    return found


def _found(answer: Any, options: Sequence[str]) -> str | None:
    said = str(answer).strip().casefold()
    for option in options:
        if option.strip().casefold() == said:
            return option
    # People who see a numbered list answer with a number.
    number = int(said) if said.isdecimal() and not isinstance(answer, bool) else 0
    return options[number - 1] if 1 <= number <= len(options) else None
