"""The names that callers send to a graph, compared with the channels that its document has."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

from graphwright.errors import InvalidRequest


def check(given: Any, known: Collection[str], graph_id: str, key: str) -> None:
    """Refuse names that are no channels and look like mistakes: near to one that is missing, or
    with none beside them that is right.

    Any other name passes, as it does with LangGraph: a graph that has this one for a node sends
    all of its own state (`RemoteGraph`).

    Args:
        given: what was sent under `key`; anything but an object is the graph's own affair.
        known: the channels that may stand there.
        graph_id: the graph's name, for the message.
        key: where it stands in the request, such as `input`.

    Raises:
        InvalidRequest: names each of them, the nearest channel, and all channels.
    """
    if not isinstance(given, dict):
        return
    missing = [name for name in known if name not in given]
    near = {name: get_close_matches(name, missing, n=1) for name in given if name not in known}
    some_are_right = len(near) < len(given)
    wrong = [name for name in near if near[name] or not some_are_right]
    if wrong:
        places = ", ".join(f"{key}.{name[:60]}" for name in wrong)
        meant = ", ".join(f'"{each}"' for name in wrong for each in near[name])
        hint = f". Did you mean {meant}?" if meant else ""
        raise InvalidRequest(
            f"{places}: unknown channel; the graph {graph_id} takes {', '.join(known)}{hint}"
        )
