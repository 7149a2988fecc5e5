"""A document as plain LangGraph Python, which runs without this package.

Each kind of node has a writer in `writers`; what a kind needs at run time is brought along as
source (`inlining`), and only that.
"""

from graphwright_graphs.export.export import ExportError, export

__all__ = ["ExportError", "export"]
