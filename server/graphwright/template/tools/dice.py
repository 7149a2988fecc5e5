"""A tool of your own: any LangChain tool can be named in a graph, as `module:attribute`."""

import random

from langchain_core.tools import tool


@tool
def roll_dice(sides: int = 6) -> str:
    """Roll a die with the given number of sides."""
    return f"You rolled {random.randint(1, sides)}."
