"""Files of one folder or bucket: listed, read by lines, written and deleted.

```python
from graphwright_tools.files import file_toolset

list_files, read_file, write_file, delete_file = file_toolset("./drafts")
```

The root may be a folder, or a URL such as s3://bucket/folder, az://container or gs://bucket; the
credentials of these come from the environment, by the names that each cloud's own tools use. No
path leaves the root, symbolic links included. The tools of this module's own use the root that
`FILES_ROOT` names.
"""

from __future__ import annotations

from typing import Final

from langchain_core.tools import BaseTool

from graphwright_tools.files.roots import Limits
from graphwright_tools.files.tools import file_toolset

__all__ = ["Limits", "delete_file", "file_toolset", "list_files", "read_file", "write_file"]

_OWN: Final[tuple[BaseTool, BaseTool, BaseTool, BaseTool]] = file_toolset("env:FILES_ROOT")

list_files: Final = _OWN[0]
"""Takes a folder and gives its files, with their sizes, and its folders."""

read_file: Final = _OWN[1]
"""Takes a path, and which lines, and gives them."""

write_file: Final = _OWN[2]
"""Takes a path and a text and keeps it."""

delete_file: Final = _OWN[3]
"""Takes a path and deletes the file."""
