"""Notes that outlive a conversation, kept in the LangGraph store of the run.

A note keeps its number for as long as it exists, and no number is given twice: the tools of one
model turn run side by side, and "delete notes 1 and 2" must not delete 1 and 3. So a note's number
is its rank among all notes there ever were; a deleted one leaves its empty place behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from langchain_core.tools import StructuredTool, ToolException
from langgraph.config import get_store
from langgraph.store.base import BaseStore, Item, SearchItem
from uuid_utils import uuid7

NAMESPACE: Final = ("notes",)
LONGEST: Final = 10_000  # characters of a note
PAGE: Final = 100  # notes that one call to the store reads

Note = Item | SearchItem


def keep(text: str) -> str:
    """Save a note for the person, to be found again in any later conversation.

    Args:
        text: What to remember, in full; it is read without this conversation.
    """
    store, key = _store(), _new_key()
    store.put(NAMESPACE, key, _content(text), index=False)
    return _kept(_ranked(_read(store)), key)


async def _akeep(text: str) -> str:
    store, key = _store(), _new_key()
    await store.aput(NAMESPACE, key, _content(text), index=False)
    return _kept(_ranked(await _aread(store)), key)


def enumerate_notes() -> str:
    """List the person's notes, each with its number."""
    return _listing(_ranked(_read(_store())))


async def _aenumerate_notes() -> str:
    return _listing(_ranked(await _aread(_store())))


def drop(number: int) -> str:
    """Delete a note.

    Args:
        number: The note's number, as list_notes gives it.
    """
    store = _store()
    note = _numbered(_ranked(_read(store)), number)
    store.put(NAMESPACE, note.key, _emptied(), index=False)
    return _dropped(number, note)


async def _adrop(number: int) -> str:
    store = _store()
    note = _numbered(_ranked(await _aread(store)), number)
    await store.aput(NAMESPACE, note.key, _emptied(), index=False)
    return _dropped(number, note)


def _store() -> BaseStore:
    try:
        store: BaseStore | None = get_store()
    except (RuntimeError, KeyError):  # called outside of any graph
        store = None
    if store is None:
        raise ToolException(
            "Notes can't be kept here: this run has no store. Compile the graph with "
            "compile(store=...), for example langgraph.store.memory.InMemoryStore()."
        )
    return store


def _read(store: BaseStore) -> list[Note]:
    notes: list[Note] = []
    while page := store.search(NAMESPACE, limit=PAGE, offset=len(notes)):
        notes += page
    return notes


async def _aread(store: BaseStore) -> list[Note]:
    notes: list[Note] = []
    while page := await store.asearch(NAMESPACE, limit=PAGE, offset=len(notes)):
        notes += page
    return notes


def _ranked(notes: Iterable[Note]) -> list[Note]:
    # A search finds what lies below the namespace too; the keys sort by the time of their making.
    own = (note for note in notes if tuple(note.namespace) == NAMESPACE)
    return sorted(own, key=lambda note: note.key)


def _new_key() -> str:
    return str(uuid7())


def _content(text: str) -> Mapping[str, Any]:
    kept = text.strip()
    if not kept:
        raise ToolException("The note is empty. Say in its text what to remember.")
    if len(kept) > LONGEST:
        raise ToolException(f"The note is longer than {LONGEST} characters. Shorten it.")
    return {"text": kept}


def _emptied() -> Mapping[str, Any]:
    return {"text": None}


def _text(note: Note) -> str | None:
    text = note.value.get("text")
    return text if isinstance(text, str) else None


def _kept(notes: list[Note], key: str) -> str:
    number = next(number for number, note in enumerate(notes, start=1) if note.key == key)
    return f"Saved as note {number}."


def _listing(notes: list[Note]) -> str:
    lines = [f"{number}. {text}" for number, text in _numbers(notes).items()]
    return "\n".join(lines) or "There are no notes."


def _numbers(notes: list[Note]) -> Mapping[int, str]:
    texts = {number: _text(note) for number, note in enumerate(notes, start=1)}
    return {number: text for number, text in texts.items() if text is not None}


def _numbered(notes: list[Note], number: int) -> Note:
    numbers = _numbers(notes)
    if number not in numbers:
        known = ", ".join(map(str, numbers))
        there_are = f"The notes are: {known}." if known else "There are no notes."
        raise ToolException(f"There is no note {number}. {there_are}")
    return notes[number - 1]


def _dropped(number: int, note: Note) -> str:
    return f"Deleted note {number}: {_text(note)}"


save_note: Final = StructuredTool.from_function(
    keep, _akeep, name="save_note", parse_docstring=True, handle_tool_error=True
)
"""Takes a text and keeps it; needs a run with a store."""

list_notes: Final = StructuredTool.from_function(
    enumerate_notes, _aenumerate_notes, name="list_notes", handle_tool_error=True
)
"""Gives all notes, one a line, each with its number; needs a run with a store."""

delete_note: Final = StructuredTool.from_function(
    drop, _adrop, name="delete_note", parse_docstring=True, handle_tool_error=True
)
"""Takes a note's number and deletes it; needs a run with a store."""
