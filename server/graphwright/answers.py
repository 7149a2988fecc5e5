"""Which interrupt an answer is for."""

import re
from typing import Any

from graphwright.expiry import each

Json = dict[str, Any]

_ID = re.compile(r"[0-9a-f]{32}")


def bound(kwargs: Json, interrupts: Json) -> Json:
    """What a run is given, its answer by id where one interrupt waits: it is for that one only.

    Else a second click on "approve" would answer whatever the graph asks next.
    """
    command = kwargs["command"]
    if command is None or command["resume"] is None or kwargs["checkpoint"]:
        return kwargs
    waiting = [one["id"] for one in each(interrupts)]
    if _is_by_id(command["resume"]) or len(waiting) != 1:
        return kwargs
    return {**kwargs, "command": {**command, "resume": {waiting[0]: command["resume"]}}}


def _is_by_id(resume: Any) -> bool:
    # As LangGraph tells it.
    return isinstance(resume, dict) and all(_ID.fullmatch(key) for key in resume)
