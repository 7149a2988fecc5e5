"""Writers: the Python of each kind of node."""

from __future__ import annotations

from collections.abc import Mapping

from graphwright_graphs.export.writers import (
    agent,
    human,
    llm,
    map,
    memory,
    prompt,
    python,
    router,
    services,
    subgraph,
    tools,
)
from graphwright_graphs.export.writers.planner import PlannerWriter
from graphwright_graphs.export.writers.writing import Writer, Writing

WRITERS: Mapping[str, Writer] = {
    "agent": agent.write,
    "http": services.write_http,
    "human": human.write,
    "llm": llm.write,
    "map": map.write,
    "memory": memory.write,
    "prompt": prompt.write,
    "python": python.write,
    "router": router.write,
    "sql": services.write_sql,
    "subgraph": subgraph.write,
    "tools": tools.write,
}
"""What writes a node of each kind. A kind of another package has none."""

__all__ = ["WRITERS", "PlannerWriter", "Writer", "Writing"]
