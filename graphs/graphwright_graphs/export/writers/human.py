"""The kind `human`: an interrupt, and what a person's answer becomes."""

from __future__ import annotations

from typing import Any

from graphwright_graphs import answers
from graphwright_graphs.approval import Review
from graphwright_graphs.export import prompts, state
from graphwright_graphs.export.annotations import type_text
from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes.choices import chosen
from graphwright_graphs.nodes.human import Choose, Expiry, Human


def write(body: Human, writing: Writing) -> str:
    """A function that interrupts the run."""
    if body.approve:
        return _review(body, writing)
    if body.edit is not None:
        return _edit(body, body.edit, writing)
    if body.choose is not None:
        return _choice(body, body.choose, writing)
    request = f'{{"question": {_question(body, writing)}{expiring(body.expiry)}}}'
    read = _fitting(body.output, writing)
    lines = [f"answer = {_asked(request, read, writing)}", f"return {_put(body, writing)}"]
    return writing.function("Ask a person.", lines)


def expiring(expiry: Expiry | None) -> str:
    """The part of a request that says what is answered when the time is over."""
    return f', "expiry": {literal(expiry.model_dump())}' if expiry else ""


def _asked(request: str, read: str, writing: Writing) -> str:
    return f"{writing.module.inlined(answers.answer_to)}({request}, {read})"


def _question(body: Human, writing: Writing) -> str:
    name = f"{writing.name}_question"
    return prompts.filled(body.ask or "", writing.readable, writing.module, name)


def _fitting(name: str | None, writing: Writing) -> str:
    """A function that makes a channel's value of an answer."""
    channel = writing.channels.get(name or "")
    if channel is None or channel.reducer == "messages" or channel.held() is Any:
        return "lambda said: said"
    module = writing.module
    if channel.json_schema is not None:
        schema = module.constant(f"{name}_schema", literal(channel.json_schema))
        return f"lambda said: {module.inlined(answers.fitting)}(said, {schema})"
    kind, expected = type_text(channel.held(), module), literal(channel.expected)
    return f"lambda said: {module.inlined(answers.typed)}(said, {kind}, {expected})"


def _put(body: Human, writing: Writing) -> str:
    name = body.output or writing.conversation(None)
    if not writing.is_conversation(name):
        return f"{{{literal(name)}: answer}}"
    message = writing.module.imported("langchain_core.messages", "HumanMessage")
    return f"{{{literal(name)}: [{message}({writing.module.inlined(answers.said)}(answer))]}}"


def _edit(body: Human, name: str, writing: Writing) -> str:
    request = f'{{"question": {_question(body, writing)}, "edit": {literal(name)}, "value": value'
    read = _fitting(name, writing).removeprefix("lambda said: ")
    anything = writing.module.imported("typing", "Any")
    lines = [
        f"value = {state.read(name, writing.channels[name]).text}",
        "kept = isinstance(value, bool)  # then `true` is a value, and not consent",
        f"request = {request}{expiring(body.expiry)}}}",
        "",
        f"def read(said: {anything}) -> {anything}:",
        f"    return value if said is True and not kept else {read}",
        "",
        f"return {{{literal(name)}: {_asked('request', 'read', writing)}}}",
    ]
    return writing.function("Let a person change a value.", lines)


def _choice(body: Human, choose: Choose, writing: Writing) -> str:
    if isinstance(choose.options, list):
        offered = literal(choose.options)
    else:
        held = state.required(choose.options, writing.channels[choose.options]).text
        offered = f"[str(each) for each in {held}]"
    words = f'"question": {_question(body, writing)}, "options": offered, "many": {choose.many}'
    read = f"lambda said: {writing.module.inlined(chosen)}(said, offered, many={choose.many})"
    lines = [
        f"offered = {offered}",
        f"request = {{{words}{expiring(body.expiry)}}}",
        f"answer = {_asked('request', read, writing)}",
        f"return {_put(body, writing)}",
    ]
    return writing.function("Let a person choose.", lines)


def _review(body: Human, writing: Writing) -> str:
    channel, module = literal(writing.conversation(body.messages)), writing.module
    names = ", ".join(map(literal, sorted(map(writing.imports.called, body.approve))))
    guarded = module.constant(f"{writing.name}_tools", f"{{{names}}}")
    request = "review.request()"
    if body.expiry:
        request = f"{{**{request}{expiring(body.expiry)}}}"
    lines = [
        f"review = {module.inlined(Review)}.of(state[{channel}], {guarded})",
        "if review is None:",
        "    return {}",
        f"decisions = {_asked(request, 'review.decisions', writing)}",
        f"return {{{channel}: review.outcome(decisions)}}",
    ]
    return writing.function("Let a person look at tool calls before they are run.", lines)
