"""Graphwright: an open, self-hosted service that runs LangGraph graphs.

Start at `graphwright.app.create_app`, where the parts meet; `graphwright.runs` is where a run
begins.
"""

from importlib.metadata import version

__version__ = version("graphwright")

__all__ = ["__version__"]
