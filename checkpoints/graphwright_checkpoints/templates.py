"""Decoded elements to copy from, because a copy takes a quarter of the time of decoding.

Whoever reads a checkpoint owns what it gets and may change it, so that every reader is given copies
of what was decoded once. A template is a snapshot of the decoded value, and the snapshot that the
memory needs of the copy is the very same.
"""

from collections import OrderedDict
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from graphwright_checkpoints import snapshots
from graphwright_checkpoints.elements import Element, Shelf

LIMIT = 32_000_000  # bytes that templates take, about
OVERHEAD = 2_000  # bytes of a template beside its element's own; a message has a dozen fields
COPY = 100  # bytes that could be written in the time that a copy takes, about

_set = object.__setattr__  # a model has one of its own, which validates

Key = tuple[int, int, int]
"""A shelf's key and epoch, and a number: never the name of another element."""


class Template:
    """One decoded element."""

    __slots__ = (
        "_empty_dicts",
        "_empty_lists",
        "_extra",
        "_fields_set",
        "_inner",
        "_model",
        "_outer",
        "element",
        "size",
        "snapshot",
    )

    def __init__(self, value: Any, snapshot: Any, element: Element, size: int) -> None:
        self.snapshot = snapshot
        self.element = element
        self.size = size
        self._model: type[BaseModel] | None = None
        if snapshots.is_model(value):
            self._model = type(value)
            self._fields_set = _shared(frozenset(value.__pydantic_fields_set__))
            fields, self._extra, _ = snapshot
            # Only what can be changed in place has to be made anew for each reader. Most of that
            # is empty: to ask each time what it is would take longer than to make it. It is kept in
            # what the garbage collector need not follow: there may be thousands of templates.
            self._empty_dicts = tuple(name for name, inner in fields.items() if inner == {})
            self._empty_lists = tuple(name for name, inner in fields.items() if inner == [])
            self._inner = tuple(
                (name, inner)
                for name, inner in fields.items()
                if inner and type(inner) in snapshots.CONTAINERS
            )
            made = {*self._empty_dicts, *self._empty_lists, *(name for name, _ in self._inner)}
            self._outer = {
                name: None if name in made else snapshots.thaw(inner)
                for name, inner in fields.items()
            }

    def copy(self) -> Any:
        """A value that its reader may change."""
        if self._model is None:
            return snapshots.thaw(self.snapshot)
        fields = self._outer.copy()
        for name in self._empty_dicts:
            fields[name] = {}
        for name in self._empty_lists:
            fields[name] = []
        for name, inner in self._inner:
            fields[name] = snapshots.thaw(inner)
        copy = self._model.__new__(self._model)
        # As pydantic's own copies are made: validators have seen all this already.
        _set(copy, "__dict__", fields)
        _set(copy, "__pydantic_extra__", snapshots.thaw(self._extra))
        _set(copy, "__pydantic_fields_set__", set(self._fields_set))
        _set(copy, "__pydantic_private__", None)
        return copy


class Templates:
    """The templates used last, up to `LIMIT` bytes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, Template] = OrderedDict()
        self._held = 0  # bytes

    def find(self, shelf: Shelf, number: int) -> Template | None:
        """The template of an element, if it is kept."""
        key = (shelf.key, shelf.epoch, number)
        found = self._kept.get(key)
        if found is not None:
            try:  # noqa: SIM105 - `suppress` takes longer than all else here
                self._kept.move_to_end(key)
            except KeyError:  # another thread made room meanwhile
                pass
        return found

    def keep(self, shelf: Shelf, number: int, template: Template) -> None:
        """Keep a template, and let go of those that were not used for longest."""
        if _weight(template) > LIMIT // 4:
            return
        key = (shelf.key, shelf.epoch, number)
        if (old := self._kept.pop(key, None)) is not None:
            self._held -= _weight(old)
        self._kept[key] = template
        self._held += _weight(template)
        while self._held > LIMIT and self._kept:
            _, oldest = self._kept.popitem(last=False)
            self._held -= _weight(oldest)


@lru_cache(1000)
def _shared(names: frozenset[str]) -> frozenset[str]:
    """The same names, as one object for all messages that have them."""
    return names


def _weight(template: Template) -> int:
    return template.size + OVERHEAD
