"""LangGraph checkpointers that are fast, small and open by URL.

Usable without the Graphwright server:

```python
async with open_checkpointer("sqlite:///checkpoints.db") as saver:
    graph = builder.compile(checkpointer=saver)
```
"""

from graphwright_checkpoints.checkpointer import Opening, open_checkpointer
from graphwright_checkpoints.errors import (
    BlobMissing,
    BlobsUnavailable,
    CheckpointError,
    CheckpointNotFound,
    ClassMissing,
    DatabaseTooNew,
    DatabaseUnavailable,
    ImportRefused,
    InvalidURL,
    KeysNotUsable,
    LeaseLost,
    SourceError,
    ValueNotRead,
    ValueNotStored,
)
from graphwright_checkpoints.retention import Retention, Swept
from graphwright_checkpoints.rotation import Progress
from graphwright_checkpoints.saver import Saver
from graphwright_checkpoints.storage import Amount, Usage, moment

__all__ = [
    "Amount",
    "BlobMissing",
    "BlobsUnavailable",
    "CheckpointError",
    "CheckpointNotFound",
    "ClassMissing",
    "DatabaseTooNew",
    "DatabaseUnavailable",
    "ImportRefused",
    "InvalidURL",
    "KeysNotUsable",
    "LeaseLost",
    "Opening",
    "Progress",
    "Retention",
    "Saver",
    "SourceError",
    "Swept",
    "Usage",
    "ValueNotRead",
    "ValueNotStored",
    "moment",
    "open_checkpointer",
]
