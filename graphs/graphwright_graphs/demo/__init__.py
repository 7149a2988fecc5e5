"""A chat model made of rules: it lets every graph run with no key, no account and no download.

It reads a request, calls the tools that are bound, fills structured output and streams its answer.
It is no language model and says so. One module per question: what is being said (`conversation`),
what was asked (`clauses`, `intents`, `arithmetic`, `moments`, `phrasebook`), which tools help
(`toolbox`, `errands`, `arguments`), what was told before (`memories`), what fits a schema
(`schemas`, `plans`), and how to word the answer (`wording`).
"""

from graphwright_graphs.demo.model import DemoChatModel

__all__ = ["DemoChatModel"]
