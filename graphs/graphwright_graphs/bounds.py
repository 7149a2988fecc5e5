"""How often branches were taken, for those that may be taken a number of times (`at_most`).

The counts are in a channel of their own beside LangGraph's `branch:to:…`: they are checkpointed, so
that a stopped, resumed or forked run goes on counting; they are in no state, stream or schema; and
they begin at zero with each new input.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.channels import BinaryOperatorAggregate
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel._read import ChannelRead
from langgraph.pregel._write import ChannelWrite, ChannelWriteEntry

CHANNEL = "branch:taken"
_NEW_INPUT: str | None = None


class BoundedGraph(StateGraph[Any, Any, Any, Any]):
    """A StateGraph that counts how often its bounded branches are taken."""

    def compile(self, *args: Any, **kwargs: Any) -> CompiledStateGraph[Any, Any, Any, Any]:
        """Compile as LangGraph does, with the channel of the counts."""
        compiled = super().compile(*args, **kwargs)
        reducer: Any = counted  # LangGraph types it as if updates were what is held
        compiled.channels[CHANNEL] = BinaryOperatorAggregate(dict, reducer)
        reset = ChannelWrite((ChannelWriteEntry(CHANNEL, _NEW_INPUT),))
        compiled.nodes[START].writers.append(reset)
        return compiled


def counted(counts: Mapping[str, int], branch: str | None) -> dict[str, int]:
    """The channel's reducer: one more for a branch, nothing for a new input."""
    return {} if branch is None else {**counts, branch: counts.get(branch, 0) + 1}


def taken(branch: str, config: RunnableConfig) -> int:
    """How often a branch was taken since the last input."""
    counts: Mapping[str, int] = ChannelRead.do_read(config, select=CHANNEL)
    return counts.get(branch, 0)


def take(branch: str, config: RunnableConfig) -> None:
    """Count a branch that is taken now."""
    ChannelWrite.do_write(config, [ChannelWriteEntry(CHANNEL, branch)])
