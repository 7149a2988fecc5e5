"""Runs that are claimed as they are written.

A run without a thread waits for no other. Where the process that accepts it has room, it is written
as running there, which saves the transaction of a claim; the claim waits here for the worker.
"""

from collections.abc import Set
from dataclasses import replace

from graphwright.database.claims import Claim
from graphwright.database.runs import Run
from graphwright.database.values import from_json, to_json
from graphwright.engine import Engine


class DirectClaims:
    """Between the runs that are accepted and the worker that executes them, in one process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._claims: dict[str, Claim] = {}

    @property
    def run_ids(self) -> Set[str]:
        """The runs whose claims wait: their leases are this process's to renew."""
        return {claim.run.run_id for claim in self._claims.values()}

    def row(self, run: Run) -> Run:
        """What to write for a new run: its first attempt, if that may begin at once, else the
        pending run that was given.
        """
        is_due = run.due_at <= run.created_at
        if not (run.temporary and is_due and self._engine.has_room):
            return run
        # What the graph gets is as if it came from the record, and nobody else's to change.
        kwargs = from_json(to_json(run.kwargs))
        return replace(run, status="running", attempt=1, kwargs=kwargs)

    def put(self, written: Run) -> None:
        """Keep the claim of a run that was written as running; before the engine is woken."""
        if written.status == "running":
            claim = Claim(written, halted=False, fence=0, followed=False)
            self._claims[written.thread_id] = claim

    def take(self, thread_id: str) -> Claim | None:
        """The claim of a thread's run, once."""
        return self._claims.pop(thread_id, None)
