"""A thread's state on the wire: LangGraph's snapshots in the Agent Server API's shape."""

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Interrupt, PregelTask, StateSnapshot

Json = dict[str, Any]

EMPTY: Json = {
    "values": {},
    "next": [],
    "tasks": [],
    "metadata": None,
    "created_at": None,
    "checkpoint": None,
    "parent_checkpoint": None,
    "interrupts": [],
    "checkpoint_id": None,
    "parent_checkpoint_id": None,
}


def state(snapshot: StateSnapshot) -> Json:
    """One state of a thread, with the checkpoint that holds it."""
    checkpoint = checkpoint_of(snapshot.config)
    parent = checkpoint_of(snapshot.parent_config)
    return {
        "values": snapshot.values,
        "next": list(snapshot.next),
        "tasks": [_task(task) for task in snapshot.tasks],
        "metadata": snapshot.metadata,
        "created_at": snapshot.created_at,
        "checkpoint": checkpoint,
        "parent_checkpoint": parent,
        "interrupts": [_interrupt(waiting) for waiting in snapshot.interrupts],
        "checkpoint_id": checkpoint and checkpoint.get("checkpoint_id"),
        "parent_checkpoint_id": parent and parent.get("checkpoint_id"),
    }


def pending(tasks: Sequence[PregelTask]) -> dict[str, list[Json]]:
    """The interrupts that wait for an answer, by the task that raised them."""
    return {
        task.id: [_interrupt(waiting) for waiting in task.interrupts]
        for task in tasks
        if task.interrupts
    }


def checkpoint_of(config: RunnableConfig | None) -> Json | None:
    """The place in the history that a config names."""
    configurable = (config or {}).get("configurable", {})
    keys = ("checkpoint_id", "thread_id", "checkpoint_ns", "checkpoint_map")
    return {key: configurable[key] for key in keys if key in configurable} or None


def _task(task: PregelTask) -> Json:
    inner = task.state
    return {
        "id": task.id,
        "name": task.name,
        "path": list(task.path),
        "error": None if task.error is None else str(task.error),
        "interrupts": [_interrupt(waiting) for waiting in task.interrupts],
        # Without `subgraphs`, LangGraph gives a subgraph's config in place of its state.
        "checkpoint": checkpoint_of(inner) if isinstance(inner, dict) else None,
        "state": state(inner) if isinstance(inner, StateSnapshot) else None,
        "result": task.result,
    }


def _interrupt(interrupt: Interrupt) -> Json:
    return {"id": interrupt.id, "value": interrupt.value}
