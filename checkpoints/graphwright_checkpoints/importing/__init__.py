"""Bring the checkpoints of other checkpointers over into ours.

```python
with open_source("sqlite:///old.db") as source, open_checkpointer("sqlite:///new.db") as saver:
    for step in import_checkpoints(source, saver):
        print(step.thread.thread_id, step.checkpoints, "of", step.thread.size.checkpoints)
```

A source is a database that `langgraph-checkpoint-sqlite` or `langgraph-checkpoint-postgres` wrote.
It is read by its tables, in one transaction that writes nothing.
"""

from graphwright_checkpoints.importing.opening import open_source
from graphwright_checkpoints.importing.planning import OnConflict, Standing, ThreadImport, plan
from graphwright_checkpoints.importing.source import Size, Source
from graphwright_checkpoints.importing.transfer import (
    Step,
    import_checkpoints,
    refuse_conflicts,
    rehearse,
    transfer,
)

__all__ = [
    "OnConflict",
    "Size",
    "Source",
    "Standing",
    "Step",
    "ThreadImport",
    "import_checkpoints",
    "open_source",
    "plan",
    "refuse_conflicts",
    "rehearse",
    "transfer",
]
