"""The kind `prompt`: a template is filled in and put into a channel; no model is asked."""

from __future__ import annotations

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig

from graphwright_graphs.nodes.conversation import (
    FullPrompt,
    Prompt,
    Turn,
    composer,
    text_template,
)
from graphwright_graphs.nodes.node import Act, Body, Node, Scope, State, Work


class PromptBody(Body):
    """The words of a `prompt` node."""

    template: str | list[Turn] | FullPrompt
    """A text, or turns for a conversation."""
    output: str
    """Where it goes: as text, or into a conversation as messages; a text as the person's."""


class PromptKind:
    """Fills in a template; its words are those of `PromptBody`."""

    word = "prompt"
    body = PromptBody
    short = None

    def build(self, body: PromptBody, scope: Scope) -> Node:
        """The node that writes the filled in template."""
        channel = scope.channel(body.output, "output")
        talks = channel is not None and channel.reducer == "messages"
        if isinstance(body.template, list) or _has_turns(body.template):
            if channel is not None and not talks:
                found = f'turns for "{body.output}"'
                expected = "a text, or the name of a channel whose reducer is `messages`"
                scope.problems.report(scope.place("output"), found, expected)
            return Node(_turns(body.template, body.output, scope), scope.name)
        return Node(_text(body.template, body.output, talks, scope), scope.name)


def _has_turns(template: str | FullPrompt) -> bool:
    return isinstance(template, FullPrompt) and template.messages is not None


def _turns(turns: Prompt, output: str, scope: Scope) -> Act:
    compose = composer(turns, None, scope, key="template")

    def act(state: State, config: RunnableConfig) -> Work:
        return {output: compose(state)}
        yield  # a generator that waits for nothing

    return act


def _text(text: str | FullPrompt, output: str, talks: bool, scope: Scope) -> Act:
    template = text_template(text, scope, "template")

    def act(state: State, config: RunnableConfig) -> Work:
        filled = template.render(state)
        return {output: [HumanMessage(filled)] if talks else filled}
        yield  # a generator that waits for nothing

    return act
