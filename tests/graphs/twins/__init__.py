"""Documents beside the LangGraph Python that a person would write for the same graph.

Each module has `DOCUMENT`, the text, `CONVERSATION`, what it is asked, and `build(model)`, the
twin. Tools and functions are those of `graphwright_tools` and of this package.
"""
