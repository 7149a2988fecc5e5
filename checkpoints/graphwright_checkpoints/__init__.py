"""LangGraph checkpointers that are fast, small and open by URL.

Usable without the Graphwright server:

```python
async with open_checkpointer("sqlite:///checkpoints.db") as saver:
    graph = builder.compile(checkpointer=saver)
```
"""

from graphwright_checkpoints.checkpointer import open_checkpointer
from graphwright_checkpoints.errors import (
    CheckpointError,
    DatabaseTooNew,
    DatabaseUnavailable,
    InvalidURL,
    LeaseLost,
    ValueNotRead,
    ValueNotStored,
)
from graphwright_checkpoints.sqlite.saver import SqliteSaver

__all__ = [
    "CheckpointError",
    "DatabaseTooNew",
    "DatabaseUnavailable",
    "InvalidURL",
    "LeaseLost",
    "SqliteSaver",
    "ValueNotRead",
    "ValueNotStored",
    "open_checkpointer",
]
