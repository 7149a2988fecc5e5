"""The kind `human`: the run waits until a person has answered.

What a person is asked is the value of an interrupt; docs/nodes.md has its form for each use. An
answer that is none is asked for again, with an `error` that says why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from pydantic import Field, model_validator

from graphwright_graphs import answers, approval
from graphwright_graphs.approval import UnclearAnswer
from graphwright_graphs.nodes.choices import Options, chosen
from graphwright_graphs.nodes.node import Act, Body, Node, Result, Scope, State, Work
from graphwright_graphs.problems import quoted, shown
from graphwright_graphs.state import Channel

T = TypeVar("T")


class Expiry(Body):
    """What is answered when nobody has answered in time."""

    seconds: float = Field(gt=0)
    answer: Any


class Choose(Body):
    """A question with the answers that there are."""

    options: list[str] | str = Field(min_length=1)
    """The answers, or the channel that holds them as a list of texts."""
    many: bool = False
    """Whether several may be chosen."""


class Human(Body):
    """The words of a `human` node: `approve`, `ask`, `edit` or `choose`."""

    approve: list[str] = Field(default_factory=list)
    """Tools whose calls wait for a person; calls of other tools pass."""
    messages: str | None = None
    """The messages channel whose tool calls are looked at."""
    ask: str | None = None
    """A question, as a template; the answer goes to `output`."""
    edit: str | None = None
    """A channel, whose value a person may change; `ask` may say what for."""
    choose: Choose | None = None
    """Answers to choose from; `ask` is the question."""
    output: str | None = None
    expiry: Expiry | None = None
    """For a service that answers by itself when the time is over, as Graphwright does."""

    @model_validator(mode="after")
    def _one_use(self) -> Human:
        uses = [bool(self.approve), self.edit is not None, self.choose is not None]
        if sum(uses) > 1 or not (any(uses) or self.ask is not None):
            raise ValueError(
                "either `approve` with a list of tools, `ask` with a question, `edit` with a "
                "channel, or `choose` with options"
            )
        if self.approve and self.ask is not None:
            raise ValueError("either `approve` with a list of tools, or `ask` with a question")
        if self.edit is not None and self.output is not None:
            raise ValueError("no `output` beside `edit`: the channel that is edited is the output")
        return self


class HumanKind:
    """Interrupts the run; its words are those of `Human`."""

    word = "human"
    body = Human
    short = None

    def build(self, body: Human, scope: Scope) -> Node:
        """The node that interrupts, and goes on with `Command(resume=…)`."""
        if body.approve:
            return Node(_review(body, scope), scope.name)
        if body.edit is not None:
            return Node(_edit(body, body.edit, scope), scope.name)
        if body.choose is not None:
            return Node(_choice(body, body.choose, scope), scope.name)
        return Node(_question(body, scope), scope.name)


def answered(request: dict[str, Any], expiry: Expiry | None, read: Callable[[Any], T]) -> T:
    """What a person says to a request, asked until `read` can make something of it."""
    if expiry is not None:
        request = {**request, "expiry": expiry.model_dump()}
    return answers.answer_to(request, read)


def _question(body: Human, scope: Scope) -> Act:
    template = scope.template(str(body.ask), "ask")
    put = _put(body, scope)
    channel = scope.channels.get(body.output or "")
    read = _fitting(channel)
    _check_expiry(body, scope, read)

    def act(state: State, config: RunnableConfig) -> Work:
        return put(answered({"question": template.render(state)}, body.expiry, read))
        yield  # a generator that waits for nothing

    return act


def _edit(body: Human, name: str, scope: Scope) -> Act:
    channel = scope.channel(name, "edit")
    if channel is not None and channel.reducer != "last":
        found = f"{quoted(name)}, to which an answer would be added"
        scope.problems.report(scope.place("edit"), found, "a channel whose reducer is `last`")
    template = scope.template(body.ask or "", "ask")
    read = _fitting(channel)
    if body.expiry is not None and body.expiry.answer is not True:
        _check_expiry(body, scope, read)

    def act(state: State, config: RunnableConfig) -> Work:
        value = state.get(name)
        value = channel.empty() if value is None and channel is not None else value
        request = {"question": template.render(state), "edit": name, "value": value}
        # A person who leaves it as it is says yes; where the value itself is a yes it is meant.
        kept = isinstance(value, bool)
        return {
            name: answered(
                request,
                body.expiry,
                lambda said: value if said is True and not kept else read(said),
            )
        }
        yield  # a generator that waits for nothing

    return act


def _choice(body: Human, choose: Choose, scope: Scope) -> Act:
    template = scope.template(body.ask or "", "ask")
    put = _put(body, scope)
    options = Options.of(choose.options, scope, "choose", "options")
    if isinstance(choose.options, list):
        fixed = choose.options
        _check_expiry(body, scope, lambda answer: chosen(answer, fixed, many=choose.many))

    def act(state: State, config: RunnableConfig) -> Work:
        offered = options.offered(state)
        request = {
            "question": template.render(state),
            "options": offered,
            "many": choose.many,
        }
        answer = answered(
            request, body.expiry, lambda said: chosen(said, offered, many=choose.many)
        )
        return put(answer)
        yield  # a generator that waits for nothing

    return act


def _review(body: Human, scope: Scope) -> Act:
    # A model calls a tool by its own name, which an import path need not end with.
    guarded = frozenset(tool.name for tool in scope.tools(body.approve, "approve"))
    channel = scope.conversation(body.messages, "messages")

    def act(state: State, config: RunnableConfig) -> Work:
        review = approval.Review.of(state.get(channel) or (), guarded)
        if review is None:
            return {}
        decisions = answered(review.request(), body.expiry, review.decisions)
        return {channel: review.outcome(decisions)}
        yield  # a generator that waits for nothing

    return act


def _put(body: Human, scope: Scope) -> Callable[[Any], Result]:
    """How an answer becomes an update: a message in a conversation, itself elsewhere."""
    name = body.output or scope.conversation(None, "output")
    channel = scope.channel(name, "output") if name else None
    if channel is not None and channel.reducer == "messages":
        return lambda answer: {name: [HumanMessage(answers.said(answer))]}
    return lambda answer: {name: answer}


def _fitting(channel: Channel | None) -> Callable[[Any], Any]:
    """What makes a channel's value of an answer, or raises UnclearAnswer."""

    def read(answer: Any) -> Any:
        if channel is None or channel.reducer == "messages":
            return answer
        if channel.json_schema is not None:
            return answers.fitting(answer, channel.json_schema)
        return answers.typed(answer, channel.held(), channel.expected)

    return read


def _check_expiry(body: Human, scope: Scope, read: Callable[[Any], Any]) -> None:
    """Report an answer that would be asked for again when the time is over."""
    if body.expiry is None:
        return
    try:
        read(body.expiry.answer)
    except UnclearAnswer as error:
        place = scope.place("expiry", "answer")
        scope.problems.report(place, shown(body.expiry.answer), f"an answer ({error})")
