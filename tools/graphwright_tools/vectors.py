"""Passages by meaning: their embeddings, kept in SQLite, and the nearest ones to a query's.

A passage is embedded once for each model and text: what did not change is read from the file, and
a model that changed embeds anew.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from langchain_core.embeddings import Embeddings

from graphwright_tools.errors import NotConfigured

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

BATCH: Final = 64  # passages that are embedded, and kept, at once
FUSION: Final = 60  # of reciprocal rank fusion; the usual value, from the paper that proposed it
NAMES: Final = ("model", "model_name", "model_id", "deployment", "dimensions", "size")

TABLE: Final = """
CREATE TABLE IF NOT EXISTS vectors (
    model TEXT NOT NULL,
    digest BLOB NOT NULL,  -- SHA-256 of the text
    vector BLOB NOT NULL,  -- float32, of length 1
    PRIMARY KEY (model, digest)
) WITHOUT ROWID
"""


class Vectors:
    """The embeddings of texts, in the order of the texts.

    Args:
        database: Where they are kept.
        embeddings: The model.
        texts: What is embedded.
    """

    def __init__(
        self, database: sqlite3.Connection, embeddings: Embeddings, texts: Sequence[str]
    ) -> None:
        self._database = database
        self._embeddings = embeddings
        self._model = name_of(embeddings)
        self._texts = {hashlib.sha256(text.encode()).digest(): text for text in texts}
        self._order = [hashlib.sha256(text.encode()).digest() for text in texts]
        self._matrix: NDArray[float32] | None = None
        database.execute(TABLE)

    def fill(self) -> None:
        """Embed what has no vector yet, and drop what no text has any more.

        Raises:
            Exception: the model's own errors. What was embedded before one is kept.
        """
        if self._matrix is not None:
            return
        known = self._read()
        missing = [digest for digest in self._texts if digest not in known]
        for start in range(0, len(missing), BATCH):
            batch = missing[start : start + BATCH]
            vectors = self._embeddings.embed_documents([self._texts[digest] for digest in batch])
            self._keep(zip(batch, vectors, strict=True))
        self._drop_others()
        self._matrix = self._loaded()

    def nearest(self, query: str, count: int) -> list[int]:
        """The places of the texts nearest to a query, nearest first; none that is unlike it.

        Raises:
            Exception: the model's own errors.
        """
        self.fill()
        wanted = _unit(self._embeddings.embed_query(query))
        if self._matrix is None or not len(self._matrix):
            return []
        if self._matrix.shape[1] != len(wanted):
            # The model's name stayed the same, but it gives vectors of another length.
            self._forget()
            self.fill()
        likeness = self._matrix @ wanted
        best = likeness.argsort(kind="stable")[::-1][:count]
        return [int(place) for place in best if likeness[place] > 0]

    def _read(self) -> Mapping[bytes, bytes]:
        rows = self._database.execute(
            "SELECT digest, vector FROM vectors WHERE model = ?", (self._model,)
        )
        return dict(rows.fetchall())

    def _keep(self, embedded: Iterator[tuple[bytes, list[float]]]) -> None:
        rows = [(self._model, digest, _unit(vector).tobytes()) for digest, vector in embedded]
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)

    def _drop_others(self) -> None:
        rows = self._database.execute("SELECT model, digest FROM vectors").fetchall()
        old = [row for row in rows if row[0] != self._model or row[1] not in self._texts]
        with self._database:
            self._database.executemany("DELETE FROM vectors WHERE model = ? AND digest = ?", old)

    def _forget(self) -> None:
        self._matrix = None
        with self._database:
            self._database.execute("DELETE FROM vectors WHERE model = ?", (self._model,))

    def _loaded(self) -> NDArray[float32]:
        numpy, known = _numpy(), self._read()
        rows = [numpy.frombuffer(known[digest], dtype="<f4") for digest in self._order]
        if len({len(row) for row in rows}) > 1:
            self._forget()
            self.fill()
            return self._loaded()
        loaded: NDArray[float32] = numpy.array(rows, dtype="<f4")
        return loaded


def name_of(embeddings: Embeddings) -> str:
    """What tells one model from another: its class, and what it says of its name and size."""
    said = {name: getattr(embeddings, name, None) for name in NAMES}
    known = [f"{name}={value}" for name, value in said.items() if isinstance(value, (str, int))]
    return " ".join([type(embeddings).__qualname__, *known])


def model(embeddings: Embeddings | str) -> Embeddings:
    """An embedding model, by itself or by the name that LangChain knows it by.

    Raises:
        NotConfigured: its package is not installed, or there is no such provider.
    """
    if isinstance(embeddings, Embeddings):
        return embeddings
    # Imported where it is used: most searches have no model.
    from langchain.embeddings import init_embeddings  # noqa: PLC0415

    try:
        made: Any = init_embeddings(embeddings)
    except (ImportError, ValueError) as error:
        raise NotConfigured(
            f"The embedding model {embeddings} can't be made: {error} An operator must correct it."
        ) from None
    assert isinstance(made, Embeddings)
    return made


def fused(*rankings: Sequence[int]) -> list[int]:
    """One ranking of several, by reciprocal rank fusion: what stands high in any comes first."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, place in enumerate(ranking, start=1):
            scores[place] = scores.get(place, 0.0) + 1 / (FUSION + rank)
    return sorted(scores, key=lambda place: (-scores[place], place))


def _unit(vector: Sequence[float]) -> NDArray[float32]:
    """A vector of length 1, so that a product of two is their cosine."""
    numpy = _numpy()
    made: NDArray[float32] = numpy.asarray(vector, dtype="<f4")
    size = float(numpy.linalg.norm(made))
    return made / numpy.float32(size) if size else made


def _numpy() -> Any:
    try:
        import numpy  # noqa: PLC0415
    except ImportError:
        raise NotConfigured(
            "Search by meaning needs numpy. An operator must install graphwright[vectors]."
        ) from None
    return numpy
