"""The kinds of nodes, one module each. A document names a kind by its word.

What a package of kinds needs is here, see docs/node-kinds.md.
"""

from graphwright_graphs.nodes.node import Body, Call, Compound, Do, Kind, Node, Scope

__all__ = ["Body", "Call", "Compound", "Do", "Kind", "Node", "Scope"]
