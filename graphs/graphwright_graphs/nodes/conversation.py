"""What a node says to a model: its prompt and the state's conversation, as messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from pydantic import ConfigDict, Field, model_validator

from graphwright_graphs import source
from graphwright_graphs.context import Readable
from graphwright_graphs.errors import DocumentError
from graphwright_graphs.nodes.node import Body, Scope, State
from graphwright_graphs.problems import quoted, shown
from graphwright_graphs.prompts import TODAY, Format, Template
from graphwright_graphs.state import Channel

Compose = Callable[[State], list[BaseMessage]]
Keys = tuple[str | int, ...]

_ROLES: dict[str, type[BaseMessage]] = {
    "system": SystemMessage,
    "human": HumanMessage,
    "ai": AIMessage,
}


class File(Body):
    """What is in a file, which is in the document's folder or below it."""

    file: str


def _exactly_one(*words: str) -> ConfigDict:
    """For the documents' JSON Schema: what a validator of the model says, too."""
    return ConfigDict(json_schema_extra={"oneOf": [{"required": [word]} for word in words]})


class Turn(Body):
    """One message of a prompt, or several: exactly one of the roles is given."""

    model_config = _exactly_one("system", "human", "ai", "placeholder", "examples")

    system: str | File | None = None
    human: str | File | None = None
    ai: str | File | None = None
    placeholder: str | None = None
    """A messages channel, whose whole conversation stands here."""
    examples: list[dict[str, Any]] | File | None = None
    """Examples of good answers (few-shot), each as the messages of `example_prompt`."""
    example_prompt: list[Turn] | None = None
    """Messages over the names of an example; `input` and `output` without it."""

    @model_validator(mode="after")
    def _one_role(self) -> Turn:
        parts = (self.system, self.human, self.ai, self.placeholder, self.examples)
        if sum(part is not None for part in parts) != 1:
            raise ValueError("exactly one of system, human, ai, placeholder or examples")
        if self.example_prompt is not None and self.examples is None:
            raise ValueError("`examples` with `example_prompt`")
        return self


class FullPrompt(Body):
    """A prompt with what its short forms can't say; the words are LangChain's."""

    model_config = _exactly_one("text", "file", "messages")

    text: str | None = None
    """What the short form of a text is: the system prompt."""
    file: str | None = None
    """A file with that text."""
    messages: list[Turn] | None = None
    """What the short form of a list is: the turns."""
    template_format: Format = "f-string"
    partial_variables: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Names that templates may use besides channels, with their values."""

    @model_validator(mode="after")
    def _one_of(self) -> FullPrompt:
        if sum(each is not None for each in (self.text, self.file, self.messages)) != 1:
            raise ValueError("exactly one of text, file and messages")
        return self


Prompt = str | list[Turn] | FullPrompt | None

_EXAMPLE = [Turn(human="{input}"), Turn(ai="{output}")]
_EXAMPLE_MUSTACHE = [Turn(human="{{{input}}}"), Turn(ai="{{{output}}}")]


def usual_example(form: Format) -> list[Turn]:
    """The messages of an example, where a prompt does not say."""
    return _EXAMPLE_MUSTACHE if form == "mustache" else _EXAMPLE


def composer(prompt: Prompt, channel: str | None, scope: Scope, *, key: str = "prompt") -> Compose:
    """How a node's messages come out of the state.

    One text is the system prompt, followed by the conversation in `channel`; in a graph without
    conversations it is the one human message. A list of turns is sent as it stands. `key` is the
    word that the prompt stands under.
    """
    if prompt is None:
        return _conversation(scope.conversation(channel, "messages"))
    if isinstance(prompt, list):
        return _Writer(scope).turns(prompt, (key,))
    if isinstance(prompt, FullPrompt) and prompt.messages is not None:
        return _writer(prompt, key, scope).turns(prompt.messages, (key, "messages"))
    template = text_template(prompt, scope, key)
    talks = channel or any(each.reducer == "messages" for each in scope.channels.values())
    if not talks:
        return _text("human", template)
    conversation = _conversation(scope.conversation(channel, "messages"))
    return _joined([_text("system", template), conversation])


def text_template(prompt: str | FullPrompt, scope: Scope, key: str) -> Template:
    """The template of a prompt that is one text, which may be in a file."""
    if isinstance(prompt, str):
        return scope.template(prompt, key)
    writer = _writer(prompt, key, scope)
    if prompt.text is not None:
        return writer.template(prompt.text, (key, "text"))
    return writer.template(writer.file(str(prompt.file), (key, "file")), (key, "file"))


def _writer(prompt: FullPrompt, key: str, scope: Scope) -> _Writer:
    return _Writer(scope, prompt.template_format, _partials(prompt, key, scope))


def _partials(prompt: FullPrompt, key: str, scope: Scope) -> dict[str, Readable]:
    for name in prompt.partial_variables:
        if name in scope.readable or name == TODAY or not name.isidentifier():
            place = scope.place(key, "partial_variables", name)
            expected = "a name of letters, digits and _ that is no channel's"
            scope.problems.report(place, quoted(name), expected, at_key=True)
    return {name: Channel(default=str(value)) for name, value in prompt.partial_variables.items()}


@dataclass(frozen=True, slots=True)
class _Writer:
    """Makes messages of the turns of one prompt."""

    scope: Scope
    form: Format = "f-string"
    more: Mapping[str, Readable] = field(default_factory=dict)
    """What templates may name besides channels and settings."""

    def turns(self, turns: Sequence[Turn], keys: Keys) -> Compose:
        return _joined([self._turn(turn, (*keys, index)) for index, turn in enumerate(turns)])

    def template(self, text: str, keys: Keys) -> Template:
        return self.scope.template(text, *keys, form=self.form, more=self.more)

    def file(self, name: str, keys: Keys) -> str:
        """The text of a file, without the end of its last line."""
        content = self.scope.file(name, *keys) or b""
        try:
            return content.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError:
            self.scope.problems.report(self.scope.place(*keys), quoted(name), "a text in UTF-8")
            return ""

    def _turn(self, turn: Turn, keys: Keys) -> Compose:
        if turn.placeholder is not None:
            return _conversation(self.scope.conversation(turn.placeholder, str(keys[0])))
        if turn.examples is not None:
            return self._examples(turn, keys)
        role = next(name for name in _ROLES if getattr(turn, name) is not None)
        said: str | File = getattr(turn, role)
        if isinstance(said, File):
            place = (*keys, role, "file")
            return _text(role, self.template(self.file(said.file, place), place))
        return _text(role, self.template(said, (*keys, role)))

    def _examples(self, turn: Turn, keys: Keys) -> Compose:
        """Examples are the same in every run: their messages are made once."""
        usual = usual_example(self.form)
        messages: list[BaseMessage] = []
        for index, example in enumerate(self._listed(turn, keys)):
            for name in (name for name, value in example.items() if value is None):
                place = self.scope.place(*keys, "examples", index, name)
                self.scope.problems.report(place, shown(None), "what the example has there")
            names = {name: Channel(default=value) for name, value in example.items()}
            # Problems stand at the example that lacks a name, or at the prompt that misspells it.
            at = (*keys, "example_prompt") if turn.example_prompt else (*keys, "examples", index)
            only = replace(self, scope=_blind(self.scope), more=names)
            compose = only.turns(turn.example_prompt or usual, at)
            if not self.scope.problems.errors:
                messages += compose({})
        return lambda state: list(messages)

    def _listed(self, turn: Turn, keys: Keys) -> list[dict[str, Any]]:
        if not isinstance(turn.examples, File):
            return turn.examples or []
        place = (*keys, "examples", "file")
        if (content := self.scope.file(turn.examples.file, *place)) is None:
            return []
        try:
            data = source.parse(content, turn.examples.file).data
        except DocumentError as error:
            found, expected = f"{quoted(turn.examples.file)} ({error})", "a list of examples"
            self.scope.problems.report(self.scope.place(*place), found, expected)
            return []
        if isinstance(data, list) and all(isinstance(each, dict) for each in data):
            return data
        found = f"{quoted(turn.examples.file)}, which has {shown(data)}"
        expected = "a list of examples, each a mapping"
        self.scope.problems.report(self.scope.place(*place), found, expected)
        return []


def _blind(scope: Scope) -> Scope:
    """The same scope without a state: examples are fixed."""
    return replace(scope, channels={}, settings={})


def _text(role: str, template: Template) -> Compose:
    message = _ROLES[role]
    if template.is_fixed:
        # At the first run: a template with a mistake can't be filled in.
        fixed = cache(lambda: message(template.render({})))
        return lambda state: [fixed()]
    return lambda state: [message(template.render(state))]


def _conversation(channel: str) -> Compose:
    return lambda state: list(state.get(channel) or ())


def _joined(parts: Sequence[Compose]) -> Compose:
    return lambda state: [message for part in parts for message in part(state)]


def last_request(messages: Sequence[BaseMessage]) -> HumanMessage:
    """What the person asked last; an empty message when nobody has asked anything."""
    asked = (message for message in reversed(messages) if isinstance(message, HumanMessage))
    return next(asked, HumanMessage(""))
