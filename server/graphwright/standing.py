"""How a thread stands: what its row tells of its newest state."""

import orjson
from langchain_core.runnables import RunnableConfig
from langgraph.errors import UnknownInterruptError
from langgraph.types import StateSnapshot

from graphwright.database.threads import Standing
from graphwright.events import Outcome, to_json
from graphwright.execute import Execution
from graphwright.states import Json, pending


def standing_at(snapshot: StateSnapshot, error: Json | None = None) -> Standing:
    """How a thread stands at its newest state."""
    stopped = "interrupted" if snapshot.next else "idle"
    return Standing(
        status="error" if error else stopped,
        values=orjson.Fragment(to_json(snapshot.values)),
        interrupts=orjson.loads(to_json(pending(snapshot.tasks))),
        error=error,
        halted=bool(snapshot.next),
    )


async def standing_after(execution: Execution, outcome: Outcome) -> Standing | None:
    """How a run leaves its thread, if it has one; the state is read only where it is not known
    already.
    """
    if execution.run.temporary:
        return None
    if outcome.status == "success" and execution.state_is_known:
        return Standing("idle", orjson.Fragment(outcome.values), {})
    if outcome.status == "interrupted":  # and settled
        return Standing("interrupted", orjson.Fragment(outcome.values), {})
    thread: RunnableConfig = {"configurable": {"thread_id": execution.run.thread_id}}
    refused = outcome.error and outcome.error["error"] == UnknownInterruptError.__name__
    return standing_at(await execution.graph.aget_state(thread), None if refused else outcome.error)
