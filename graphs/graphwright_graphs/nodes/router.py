"""The kind `router`: one of several labels is chosen, by conditions or by a model.

The label goes into a channel, where edges can ask for it; or it names the node that comes next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command
from pydantic import Field, model_validator

from graphwright_graphs.conditions import Condition
from graphwright_graphs.edges import langgraph_name
from graphwright_graphs.errors import AnswerError
from graphwright_graphs.models.words import Model
from graphwright_graphs.nodes import structured
from graphwright_graphs.nodes.binding import Binding, with_schema
from graphwright_graphs.nodes.conversation import Prompt, composer
from graphwright_graphs.nodes.node import Act, Body, Node, Result, Scope, State, Work
from graphwright_graphs.problems import quoted

_PROMPT = "Choose what fits the person's last message best."


class Case(Body):
    """A label that is chosen when a condition holds."""

    when: str
    choose: str


class Router(Body):
    """The words of a `router` node: `choices` for a model to choose from, or `cases`."""

    choices: dict[str, str] = Field(default_factory=dict)
    """Labels, each with what it stands for."""
    prompt: Prompt = _PROMPT
    messages: str | None = None
    model: Model | None = None
    cases: list[Case] = Field(default_factory=list)
    """The first whose condition holds is taken."""
    default: str | None = None
    """What is chosen when no case holds, or when the model, asked twice, chose none."""
    output: str | None = None
    """The channel for the label; without, the label is the node that comes next."""

    @model_validator(mode="after")
    def _one_way(self) -> Router:
        if bool(self.choices) == bool(self.cases):
            raise ValueError("either `choices`, of which a model takes one, or `cases`")
        if self.cases and self.default is None:
            raise ValueError("a `default`, for when no case holds")
        return self

    @property
    def labels(self) -> list[str]:
        """All that may be chosen, once."""
        named = [*self.choices, *(case.choose for case in self.cases)]
        return list(dict.fromkeys([*named, self.default] if self.default else named))


class RouterKind:
    """Chooses one of several labels; its words are those of `Router`."""

    word = "router"
    body = Router
    short = "choices"

    def build(self, body: Router, scope: Scope) -> Node:
        """The node that chooses."""
        if body.choices and body.default is not None and body.default not in body.choices:
            place, expected = scope.place("default"), f"one of {', '.join(body.choices)}"
            scope.problems.unknown(place, body.default, expected, body.choices)
        put = _put(body, scope)
        act = _by_cases(body, scope, put) if body.cases else _by_model(body, scope, put)
        return Node(act, scope.name)


Put = Callable[[str], Result]


def _put(body: Router, scope: Scope) -> Put:
    """What a label becomes: an update, or the way to a node."""
    output = body.output
    if output is not None:
        scope.channel(output, "output")
        scope.usage.routed(output, body.labels)
        return lambda label: {output: label}
    places: Mapping[str, Sequence[str | int]] = {
        body.default or "": ("default",),
        **{case.choose: ("cases", at, "choose") for at, case in enumerate(body.cases)},
        **{label: ("choices", label) for label in body.choices},
    }
    for label in body.labels:
        scope.leads_to(label, *places[label])
    return lambda label: Command(goto=langgraph_name(label))


def _by_cases(body: Router, scope: Scope, put: Put) -> Act:
    cases: list[tuple[Condition | None, str]] = [
        (scope.condition(case.when, "cases", at, "when"), case.choose)
        for at, case in enumerate(body.cases)
    ]

    def act(state: State, config: RunnableConfig) -> Work:
        held = (label for when, label in cases if when is not None and when.holds(state))
        return put(next(held, str(body.default)))
        yield  # a generator that waits for nothing

    return act


def _by_model(body: Router, scope: Scope, put: Put) -> Act:
    compose = composer(body.prompt, body.messages, scope)
    binding = Binding(scope.models, body.model, with_schema(schema(body)))

    def act(state: State, config: RunnableConfig) -> Work:
        asked = with_choices(compose(state), body.choices, body.default)
        chosen = yield from structured.ask(
            binding.for_run(config), asked, lambda parsed: label_of(parsed, body.labels)
        )
        if chosen is None and body.default is None:
            raise AnswerError(
                f"the model chose none of {', '.join(body.labels)} for node `{scope.name}`, asked "
                "twice: give the router a `default`, or use a model with structured output"
            )
        return put(chosen or str(body.default))

    return act


def schema(body: Router) -> dict[str, Any]:
    """The form in which a model chooses."""
    choice = {"type": "string", "enum": body.labels, "description": "The choice that fits best."}
    return {
        "title": "choice",
        "description": "The choice.",
        "type": "object",
        "properties": {"choice": choice},
        "required": ["choice"],
        "additionalProperties": False,
    }


def with_choices(
    messages: Sequence[BaseMessage], choices: Mapping[str, str], default: str | None = None
) -> list[BaseMessage]:
    """The messages with the choices at the end of their system message."""
    lines = ["The choices are:", *(f"- {label}: {text}" for label, text in choices.items())]
    listing = "\n".join([*lines, *([f"When none fits, choose {default}."] if default else [])])
    first, *others = messages or [SystemMessage("")]
    if isinstance(first, SystemMessage):
        return [SystemMessage(f"{first.text}\n\n{listing}".strip()), *others]
    return [SystemMessage(listing), first, *others]


def label_of(parsed: Any, labels: Iterable[str]) -> str:
    """The label that a model chose. Raises ValueError for any other."""
    said = str(parsed.get("choice") if isinstance(parsed, dict) else parsed).strip().casefold()
    for label in labels:
        if label.casefold() == said:
            return label
    raise ValueError(f"{quoted(said)} is none of {', '.join(labels)}")
