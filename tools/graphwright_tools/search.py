"""Full-text search over a folder of documents, by SQLite's FTS5 in memory."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from langchain_core.tools import BaseTool, StructuredTool, ToolException

from graphwright_tools import passages
from graphwright_tools.passages import Passage

SHIPPED: Final = Path(__file__).parent / "documents"
MOST_PASSAGES: Final = 3  # that one search gives
HEADING_WEIGHT: Final = 6  # a word in a heading counts for so many in the text
MOST_WORDS: Final = 32  # of a query that are looked for

# Words that nearly every passage has: a question's, which would rank passages by chance.
FILLER: Final = re.compile(
    r"a|about|an|and|any|are|as|at|be|by|can|could|do|does|for|from|get|give|has|have|how|i"
    r"|if|in|into|is|it|its|know|like|me|my|of|on|or|own|please|should|so|tell|that|the|their"
    r"|them|there|these|this|to|use|was|we|what|when|where|which|who|why|will|with|would|you"
    r"|your"
)


class Library:
    """The documents of one folder, read and indexed at the first search."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()  # several threads may search, and one connection serves them
        self._index: Index | None = None

    @property
    def is_open(self) -> bool:
        """Whether the documents have been read."""
        return self._index is not None

    def open(self) -> Index:
        """Read the documents, once.

        Raises:
            ToolException: the folder is not there, or holds no documents.
        """
        with self._lock:
            if self._index is None:
                self._index = Index(self._folder)
            return self._index

    def answer(self, query: str) -> str:
        """The best passages for a query, best first, or what there is to search instead."""
        index = self.open()
        with self._lock:
            found = index.search(query)
        if not found:
            titles = "\n".join(f"- {name}: {title}" for name, title in index.titles.items())
            return f"Nothing was found for {query!r}. The documents are:\n{titles}"
        return "\n\n".join(_shown(passage) for passage in found)


class Index:
    """A full-text index of a folder's documents, as they were when it was made."""

    def __init__(self, folder: Path) -> None:
        self._titles: dict[str, str] = {}
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute(
            "CREATE VIRTUAL TABLE passages USING fts5(document UNINDEXED, heading, text, "
            "tokenize = 'porter unicode61 remove_diacritics 2')"
        )
        for path in _documents(folder):
            self._add(path, folder)

    @property
    def titles(self) -> Mapping[str, str]:
        """The documents' titles by their names."""
        return self._titles

    def search(self, query: str) -> list[Passage]:
        """The best passages that have any of the query's words, by BM25."""
        wanted = _match(query)
        if not wanted:
            return []
        rows = self._database.execute(
            "SELECT document, heading, text FROM passages WHERE passages MATCH ? "
            f"ORDER BY bm25(passages, 0, {HEADING_WEIGHT}, 1), rowid LIMIT {MOST_PASSAGES}",
            (wanted,),
        )
        return [Passage(*row) for row in rows]

    def _add(self, path: Path, folder: Path) -> None:
        name = path.relative_to(folder).as_posix()
        title, found = passages.read(path)
        self._titles[name] = title
        self._database.executemany(
            "INSERT INTO passages VALUES (?, ?, ?)",
            [(name, passage.heading or title, passage.text) for passage in found],
        )


def _documents(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ToolException(f"There is no folder of documents at {folder}.")
    documents = passages.files(folder)
    if not documents:
        raise ToolException(f"There are no .md or .txt documents in {folder}.")
    return documents


def _match(query: str) -> str:
    """The query in FTS5's syntax: every word quoted, so that none is read as an operator."""
    words = list(dict.fromkeys(re.findall(r"\w+", query.casefold())))
    telling = [word for word in words if not FILLER.fullmatch(word)] or words
    return " OR ".join(f'"{word}"' for word in telling[:MOST_WORDS])


def _shown(passage: Passage) -> str:
    return f"[{passage.document}: {passage.heading}]\n{passage.text}"


def search_documents(folder: str | Path, *, description: str | None = None) -> BaseTool:
    """A search tool over a folder of one's own .md and .txt documents; its name is "search".

    Args:
        folder: Read at the first search, with the folders in it; changes need a restart.
        description: When a model should use it; say what the documents are about.
    """
    library = Library(Path(folder))

    def find(query: str) -> str:
        """Search the documents.

        Args:
            query: A few words of what to look for.
        """
        return library.answer(query)

    async def afind(query: str) -> str:
        if not library.is_open:
            await asyncio.to_thread(library.open)
        return library.answer(query)  # less than a millisecond, once the index is there

    tool = StructuredTool.from_function(
        find, afind, name="search", parse_docstring=True, handle_tool_error=True
    )
    return tool if description is None else tool.model_copy(update={"description": description})


search: Final = search_documents(
    SHIPPED,
    description=(
        "Search the documents about Graphwright and LangGraph: graphs, state, threads, runs, "
        "checkpoints, interrupts, streaming, tools, models, LangServe and playgrounds."
    ),
)
"""Takes a few words and gives the best passages of the documents shipped here."""
