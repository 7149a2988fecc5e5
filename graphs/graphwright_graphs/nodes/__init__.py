"""The kinds of nodes, one module each. A document names a kind by its word.

What a package of kinds needs is here, see docs/node-kinds.md.
"""

from graphwright_graphs.nodes.node import Body, Call, Do, Kind, Node, Scope

__all__ = ["Body", "Call", "Do", "Kind", "Node", "Scope"]
