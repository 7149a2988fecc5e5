"""Plans: the steps that a goal asks for, and what a prompt tells about a plan under way.

A prompt that asks to go on with a plan has the lines

    Goal: what was asked for
    Done:
    - step: result
    Left:
    - step

and one that asks to carry out a step has `Step:` (or `Task:`) beside them. Any of the blocks may
be absent. A system prompt may tell about the plan as well; the request is then the step alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from graphwright_graphs.demo import intents
from graphwright_graphs.demo.conversation import without_disclaimer

LABEL: Final = re.compile(r"^(goal|objective|done|left|step|task)[ \t]*:[ \t]*", re.I | re.M)
ITEM: Final = re.compile(r"^(?:[-*•]|\d+[.)])\s+", re.M)
NOTHING: Final = frozenset({"", "none", "nothing", "(none)", "(nothing)", "-", "[]"})
# A note's text may hold a colon of its own, which does not end the step.
STEP_END: Final = re.compile(r"(?<!^note)(?<!^remember):\s+", re.I)


@dataclass(frozen=True)
class Progress:
    """Where a plan stands, read from a prompt."""

    goal: str = ""
    done: tuple[tuple[str, str], ...] = ()  # step and result
    left: tuple[str, ...] = ()
    step: str = ""

    def answer(self) -> str:
        """Say what the finished steps gave."""
        results = [without_disclaimer(result) or f"{step}: done" for step, result in self.done]
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
        done=tuple(_step_and_result(item) for item in _items(blocks.get("done", ""))),
        left=tuple(_items(blocks.get("left", ""))),
        step=blocks.get("step") or blocks.get("task", ""),
    )


def preamble(prompt: str) -> str:
    """Return what a prompt says before it tells about a plan."""
    return LABEL.split(prompt, maxsplit=1)[0].strip()


def steps(goal: str) -> list[intents.Intent]:
    """Return the steps that a goal asks for, in its own words."""
    return intents.read_all(goal, lambda _: False)


def _items(block: str) -> list[str]:
    parts = [part.strip() for part in ITEM.split(block)]
    return [part for part in parts if part.casefold() not in NOTHING]


def _step_and_result(item: str) -> tuple[str, str]:
    found = STEP_END.search(item)
    return (item[: found.start()], item[found.end() :]) if found else (item, "")
