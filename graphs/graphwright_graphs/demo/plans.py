"""Plans: the steps that a goal asks for, and what a prompt tells about a plan under way.

A prompt that asks to go on with a plan has the lines

    Goal: what was asked for
    Done:
    - [id] step
      result
    Failed:
    - [id] step
      reason
    Left:
    - [id] step (needs id)

and one that asks to carry out a step has `Step:` (or `Task:`) beside them. Any of the blocks may
be absent, and so may ids; a result may stand behind its step, as in `- step: result`. A system
prompt may tell about the plan as well; the request is then the step alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from graphwright_graphs.demo import intents
from graphwright_graphs.demo.conversation import without_disclaimer
from graphwright_graphs.demo.intents import Intent, Kind

LABEL: Final = re.compile(r"^(goal|objective|done|failed|left|step|task)[ \t]*:[ \t]*", re.I | re.M)
ITEM: Final = re.compile(r"^(?:[-*•]|\d+[.)])\s+", re.M)
ID: Final = re.compile(r"\[([^\]\s]+)\]\s+")
NEEDED: Final = re.compile(r"\s*\(needs ([^)]*)\)$")
NOTHING: Final = frozenset({"", "none", "nothing", "(none)", "(nothing)", "-", "[]"})
# A note's text may hold a colon of its own, which does not end the step.
STEP_END: Final = re.compile(r"(?<!^note)(?<!^remember):\s+", re.I)
GOING_ON: Final = re.compile(
    r"^(?:(?:ok(?:ay)?|yes|please|now|and|just)[\s,]+)*"
    r"(?:go on|continue|carry on|proceed|resume|finish(?: it| the plan)?)\b.{0,40}$",
    re.I | re.S,
)
# How an answer begins that says that a step can't be done, where the prompt asks for it.
FAILED: Final = "FAILED:"
# Steps that a notebook must see in the order of the request.
NOTES: Final = frozenset({Kind.SAVE_NOTE, Kind.LIST_NOTES, Kind.DELETE_NOTE})


@dataclass(frozen=True)
class Item:
    """A step as a prompt or a goal tells of it."""

    text: str
    id: str = ""
    needs: tuple[str, ...] = ()
    result: str = ""
    kind: Kind = Kind.UNKNOWN


@dataclass(frozen=True)
class Progress:
    """Where a plan stands, read from a prompt."""

    goal: str = ""
    done: tuple[Item, ...] = ()
    failed: tuple[Item, ...] = ()
    left: tuple[Item, ...] = ()
    step: str = ""

    @property
    def under_way(self) -> bool:
        """Whether the prompt tells of any step."""
        return bool(self.done or self.failed or self.left)

    @property
    def remaining(self) -> tuple[Item, ...]:
        """What is still to be done: a step whose tool failed is worth another try."""
        again = [item for item in self.failed if re.match(r"`\w+` failed:", item.result)]
        return (*again, *self.left)

    def answer(self) -> str:
        """Say what the finished steps gave."""
        done = [without_disclaimer(item.result) or f"{item.text}: done" for item in self.done]
        failed = [f"“{item.text}” could not be done: {item.result}" for item in self.failed]
        results = [*done, *failed]
        if not results:
            return "No step of the plan was carried out, so there is no result."
        return results[0] if len(results) == 1 else "\n".join(f"- {result}" for result in results)


def read_progress(prompt: str) -> Progress | None:
    """Return the state of a plan that the prompt describes, or None where it describes none."""
    parts = LABEL.split(prompt)
    blocks: dict[str, str] = {}
    for label, body in zip(parts[1::2], parts[2::2], strict=True):
        blocks.setdefault(label.casefold(), body.strip())
    # "Done:" and "Left:" alone are words that anybody may write.
    if not blocks.keys() & {"goal", "objective", "step", "task"}:
        return None
    return Progress(
        goal=blocks.get("goal") or blocks.get("objective", ""),
        done=tuple(_ended(item) for item in _items(blocks.get("done", ""))),
        failed=tuple(_ended(item) for item in _items(blocks.get("failed", ""))),
        left=tuple(_waiting(item) for item in _items(blocks.get("left", ""))),
        step=blocks.get("step") or blocks.get("task", ""),
    )


def preamble(prompt: str) -> str:
    """Return what a prompt says before it tells about a plan."""
    return LABEL.split(prompt, maxsplit=1)[0].strip()


def steps(goal: str) -> list[Intent]:
    """Return the steps that a goal asks for, in its own words."""
    return intents.read_all(goal, lambda _: False)


def planned(wanted: Sequence[Intent]) -> list[Item]:
    """Return the requests of a goal as steps: which can't be done before which."""
    items: list[Item] = []
    for at, intent in enumerate(wanted):
        needs = [items[-1].id] if intent.refers and items else []
        if intent.kind in NOTES:
            needs += [item.id for item in items if item.kind in NOTES and item.id not in needs]
        text = intent.clause.rstrip(" .")
        items.append(Item(text, f"s{at + 1}", tuple(needs), kind=intent.kind))
    return items


def _items(block: str) -> list[str]:
    parts = [part.strip() for part in ITEM.split(block)]
    return [part for part in parts if part.casefold() not in NOTHING]


def _named(item: str) -> tuple[str, str]:
    found = ID.match(item)
    return (found[1], item[found.end() :]) if found else ("", item)


def _ended(item: str) -> Item:
    name, text = _named(item)
    head, _, rest = text.partition("\n")
    if name:
        return Item(head.strip(), name, result=re.sub(r"^  ", "", rest, flags=re.M).strip())
    found = STEP_END.search(text)
    return Item(text[: found.start()], result=text[found.end() :]) if found else Item(text)


def _waiting(item: str) -> Item:
    name, text = _named(item)
    found = NEEDED.search(text) if name else None
    if found is None:
        return Item(text, name)
    return Item(text[: found.start()], name, tuple(re.split(r",\s*", found[1])))
