"""Graphs as pictures: Mermaid's text by LangGraph, and SVG of our own, made without any network."""

from graphwright_graphs.drawing.draw import mermaid, svg

__all__ = ["mermaid", "svg"]
