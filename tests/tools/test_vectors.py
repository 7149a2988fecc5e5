"""Search by meaning beside search by words."""

import math
import re
import sqlite3
from pathlib import Path

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from graphwright_tools.search import search_documents
from graphwright_tools.vectors import Vectors, fused, name_of

# Words that mean nearly the same have the same place in a vector.
MEANINGS = {"dog": 0, "puppy": 0, "hound": 0, "car": 1, "vehicle": 1, "bread": 2, "loaf": 2}


class Meanings(Embeddings):
    """A model that knows a few words, and counts what it is asked."""

    def __init__(self, model: str = "small", size: int = 3) -> None:
        self.model = model
        self.size = size
        self.embedded: list[str] = []
        self.fails = False

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if self.fails:
            raise ConnectionError("key sk-secret was refused")
        self.embedded += texts
        return [self._vector(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        if self.fails:
            raise ConnectionError("key sk-secret was refused")
        return self._vector(text)

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * self.size
        for word in re.findall(r"\w+", text.lower()):
            if word in MEANINGS:
                vector[MEANINGS[word]] += 1.0
        return vector


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "documents"
    made.mkdir()
    (made / "animals.md").write_text("# Animals\n\nA puppy sleeps a lot.\n")
    (made / "traffic.md").write_text("# Traffic\n\nA vehicle has wheels.\n")
    (made / "kitchen.md").write_text("# Kitchen\n\nA loaf is baked on Fridays.\n")
    return made


def found(folder: Path, query: str, model: Embeddings, index: Path | None = None) -> list[str]:
    said = search_documents(folder, embeddings=model, index=index).invoke({"query": query})
    return re.findall(r"^\[(.+?\.md)", said, re.MULTILINE)


def test_finds_by_meaning_what_no_word_would(folder: Path) -> None:
    assert found(folder, "hound", Meanings()) == ["animals.md"]
    assert search_documents(folder).invoke({"query": "hound"}).startswith("Nothing was found")


async def test_words_and_meaning_count_together(folder: Path) -> None:
    tool = search_documents(folder, embeddings=Meanings())

    said = await tool.ainvoke({"query": "does a car drive on Fridays with wheels"})

    # Found both ways, and then by a word alone.
    assert re.findall(r"^\[(.+?):", said, re.MULTILINE) == ["traffic.md", "kitchen.md"]


def test_only_new_passages_are_embedded(folder: Path, tmp_path: Path) -> None:
    index, first, second = tmp_path / "kept" / "index.db", Meanings(), Meanings()

    assert found(folder, "car", first, index) == ["traffic.md"]
    assert len(first.embedded) == 3

    (folder / "animals.md").write_text("# Animals\n\nA hound runs.\n")
    (folder / "kitchen.md").unlink()
    assert found(folder, "dog", second, index) == ["animals.md"]

    assert second.embedded == ["Animals\nA hound runs."]
    assert kept(index) == 2


def test_another_model_embeds_anew(folder: Path, tmp_path: Path) -> None:
    index, large, longer = tmp_path / "index.db", Meanings("large"), Meanings("large", size=4)
    found(folder, "car", Meanings("small"), index)

    assert found(folder, "car", large, index) == ["traffic.md"]
    assert found(folder, "car", longer, index) == ["traffic.md"]

    assert len(large.embedded) == len(longer.embedded) == 3
    assert kept(index) == 3


def test_vectors_of_another_length_are_made_anew(tmp_path: Path) -> None:
    database, texts = sqlite3.connect(tmp_path / "index.db"), ["car", "dog"]
    before, after = Meanings(size=3), Meanings(size=4)
    Vectors(database, before, texts).fill()
    database.execute("UPDATE vectors SET model = ?", (name_of(after),))
    database.commit()

    assert Vectors(database, after, texts).nearest("puppy", 5) == [1]
    assert after.embedded == texts
    database.close()


def test_vectors_are_kept_as_float32_of_length_one(folder: Path, tmp_path: Path) -> None:
    model, index = DeterministicFakeEmbedding(size=8), tmp_path / "index.db"
    assert "kitchen.md" in found(folder, "baked", model, index)

    database = sqlite3.connect(index)
    blobs = [row[0] for row in database.execute("SELECT vector FROM vectors")]
    database.close()

    assert [len(blob) for blob in blobs] == [32, 32, 32]
    for blob in blobs:
        assert math.isclose(sum(x * x for x in memoryview(blob).cast("f")), 1.0, rel_tol=1e-5)


def test_words_are_left_when_the_model_does_not_answer(folder: Path) -> None:
    model = Meanings()
    model.fails = True
    tool = search_documents(folder, embeddings=model)

    said = tool.invoke({"query": "wheels"})
    model.fails = False
    again = tool.invoke({"query": "automobile car"})

    assert said.startswith("[traffic.md: Traffic]\nA vehicle has wheels.\n\n[Searched by words")
    assert "sk-secret" not in said
    assert again == "[traffic.md: Traffic]\nA vehicle has wheels."


def test_says_what_is_wrong_with_the_index_or_model(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database " * 100)
    wrong = search_documents(folder, embeddings=Meanings(), index=tmp_path / "text")
    unknown = search_documents(folder, embeddings="nobody:model")

    assert "can't be used (file is not a database)" in wrong.invoke({"query": "x"})
    assert "embedding model nobody:model can't be made" in unknown.invoke({"query": "x"})


def test_what_stands_high_in_both_rankings_comes_first() -> None:
    assert fused([1, 2, 3], [3, 1]) == [1, 3, 2]
    assert fused([], [5]) == [5]
    assert fused() == []


def kept(index: Path) -> int:
    database = sqlite3.connect(index)
    try:
        count: int = database.execute("SELECT count(*) FROM vectors").fetchone()[0]
        return count
    finally:
        database.close()
