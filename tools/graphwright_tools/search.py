"""Search over a folder of documents: by words with SQLite's FTS5, and by meaning with vectors.

The words are indexed in memory. Vectors take a while to make, and cost: with `index` they are kept
in a SQLite file, and only those of new passages are made.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from langchain_core.embeddings import Embeddings
from langchain_core.tools import BaseTool, StructuredTool, ToolException

from graphwright_tools import passages, vectors
from graphwright_tools.errors import NotConfigured
from graphwright_tools.passages import Passage

SHIPPED: Final = Path(__file__).parent / "documents"
MOST_PASSAGES: Final = 3  # that one search gives
CANDIDATES: Final = 20  # of each kind of search, of which the best are given
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
    """The documents of one folder, read and indexed at the first search.

    Args:
        folder: The documents.
        embeddings: A model for search by meaning, or LangChain's name of one; by words without.
        index: The file for the vectors; in memory without.
    """

    def __init__(
        self,
        folder: Path,
        embeddings: Embeddings | str | None = None,
        index: Path | None = None,
    ) -> None:
        self._folder = folder
        self._embeddings = embeddings
        self._file = index
        self._lock = threading.Lock()  # several threads may search, and one connection serves them
        self._index: Index | None = None

    @property
    def is_quick(self) -> bool:
        """Whether a search takes less than a millisecond: all is read, and no model is asked."""
        return self._index is not None and self._embeddings is None

    def open(self) -> Index:
        """Read the documents, once.

        Raises:
            ToolException: the folder is not there, or holds no documents.
        """
        with self._lock:
            if self._index is None:
                self._index = self._read()
            return self._index

    def answer(self, query: str) -> str:
        """The best passages for a query, best first, or what there is to search instead."""
        index = self.open()
        with self._lock:
            found, note = index.search(query)
        if not found:
            titles = "\n".join(f"- {name}: {title}" for name, title in index.titles.items())
            return f"Nothing was found for {query!r}. The documents are:\n{titles}"
        return "\n\n".join([*map(_shown, found), *note])

    def _read(self) -> Index:
        model = None if self._embeddings is None else vectors.model(self._embeddings)
        try:
            return Index(self._folder, model, self._file)
        except (sqlite3.Error, OSError) as error:
            raise NotConfigured(
                f"The index of the documents at {self._file or self._folder} can't be used "
                f"({error}). An operator must correct it; don't try again."
            ) from None


class Index:
    """An index of a folder's documents, as they were when it was made."""

    def __init__(
        self, folder: Path, embeddings: Embeddings | None = None, file: Path | None = None
    ) -> None:
        self._titles: dict[str, str] = {}
        self._passages: list[Passage] = []
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(file or ":memory:", check_same_thread=False)
        self._database.execute("PRAGMA temp_store = MEMORY")
        # A temporary table is this connection's own: several processes may share the file.
        self._database.execute(
            "CREATE VIRTUAL TABLE temp.passages USING fts5(heading, text, "
            "tokenize = 'porter unicode61 remove_diacritics 2')"
        )
        for path in _documents(folder):
            self._add(path, folder)
        self._insert()
        texts = [f"{passage.heading}\n{passage.text}" for passage in self._passages]
        self._vectors = (
            None if embeddings is None else vectors.Vectors(self._database, embeddings, texts)
        )

    @property
    def titles(self) -> Mapping[str, str]:
        """The documents' titles by their names."""
        return self._titles

    def search(self, query: str) -> tuple[list[Passage], list[str]]:
        """The best passages by words and by meaning, and what a reader should know of them."""
        by_words = self._by_words(query)
        if self._vectors is None or not query.strip():
            return self._best(by_words), []
        try:
            by_meaning = self._vectors.nearest(query, CANDIDATES)
        except ToolException:
            raise
        except Exception as error:  # a model's client may raise anything
            kind = type(error).__name__
            note = f"[Searched by words alone: the embedding model did not answer ({kind}).]"
            return self._best(by_words), [note]
        return self._best(vectors.fused(by_words, by_meaning)), []

    def _best(self, places: list[int]) -> list[Passage]:
        return [self._passages[place] for place in places[:MOST_PASSAGES]]

    def _by_words(self, query: str) -> list[int]:
        """The places of the passages that have any of the query's words, by BM25."""
        wanted = _match(query)
        if not wanted:
            return []
        rows = self._database.execute(
            "SELECT rowid FROM temp.passages WHERE passages MATCH ? "
            f"ORDER BY bm25(passages, {HEADING_WEIGHT}, 1), rowid LIMIT {CANDIDATES}",
            (wanted,),
        )
        return [place for (place,) in rows]

    def _add(self, path: Path, folder: Path) -> None:
        name = path.relative_to(folder).as_posix()
        title, found = passages.read(path)
        self._titles[name] = title
        self._passages += [
            Passage(name, passage.heading or title, passage.text) for passage in found
        ]

    def _insert(self) -> None:
        rows = [(place, each.heading, each.text) for place, each in enumerate(self._passages)]
        with self._database:
            self._database.executemany(
                "INSERT INTO temp.passages (rowid, heading, text) VALUES (?, ?, ?)", rows
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


def search_documents(
    folder: str | Path,
    *,
    description: str | None = None,
    embeddings: Embeddings | str | None = None,
    index: str | Path | None = None,
) -> BaseTool:
    """A search tool over a folder of one's own .md and .txt documents; its name is "search".

    Args:
        folder: Read at the first search, with the folders in it; changes need a restart.
        description: When a model should use it; say what the documents are about.
        embeddings: A model by which passages are found by their meaning as well as by their words:
            one of LangChain's, or its name, such as "openai:text-embedding-3-small".
        index: A SQLite file for the vectors, one for each folder; without, they are made anew at
            each start.
    """
    library = Library(Path(folder), embeddings, None if index is None else Path(index))

    def find(query: str) -> str:
        """Search the documents.

        Args:
            query: A few words of what to look for.
        """
        return library.answer(query)

    async def afind(query: str) -> str:
        if library.is_quick:
            return library.answer(query)
        return await asyncio.to_thread(library.answer, query)

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
