import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwright_tools import passages
from graphwright_tools.search import SHIPPED, search, search_documents


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "garden.md").write_text(
        "# The garden\n\nRoses and herbs.\n\n## Watering\n\nWater the roses every evening.\n"
    )
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "kitchen.txt").write_text("Bread is baked on Fridays. Le café est noir.")
    return tmp_path


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ("What is a reducer in LangGraph?", "graphs.md: Reducers"),
        ("what is a superstep", "graphs.md: Supersteps"),
        ("how do I resume a conversation?", "runs.md: Resuming a conversation"),
        ("checkpoints", "runs.md: Checkpoints"),
        ("what is a thread", "runs.md: Threads and runs"),
        ("how does a person approve a tool call", "approval.md: Approving a tool call"),
        ("interrupt", "approval.md: What an interrupt is"),
        ("stream modes", "streaming.md: Stream modes"),
        ("YAML graph documents", "documents.md: What a graph document is"),
        ("demo model", "models.md: The demo model"),
        ("GRAPHWRIGHT_MODEL", "models.md: Setting a model: GRAPHWRIGHT_MODEL"),
        ("add a tool of my own", "tools.md: How to add a tool"),
        ("LangServe endpoints", "langserve.md: LangServe's endpoints"),
        ("where is the playground", "langserve.md: The playgrounds"),
    ],
)
def test_the_shipped_documents_answer_what_people_ask(question: str, place: str) -> None:
    assert search.invoke({"query": question}).startswith(f"[{place}]\n")


def test_every_shipped_document_is_cut_into_headed_passages() -> None:
    found = [passage for path in passages.files(SHIPPED) for passage in passages.read(path)[1]]

    assert len({passage.document for passage in found}) == 8
    assert all(passage.heading for passage in found)


async def test_searches_a_folder_of_ones_own(folder: Path) -> None:
    mine = search_documents(folder, description="Search the house rules.")

    assert (mine.name, mine.description) == ("search", "Search the house rules.")
    assert (await mine.ainvoke({"query": "watered rose"})).split("\n\n") == [
        "[garden.md: Watering]\nWater the roses every evening.",
        "[garden.md: The garden]\nRoses and herbs.",
    ]
    assert "[sub/kitchen.txt: kitchen.txt]\nBread" in await mine.ainvoke({"query": "CAFE"})


def test_gives_three_passages_at_most(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("".join(f"# Part {n}\n\nroses\n\n" for n in range(9)))

    assert search_documents(tmp_path).invoke({"query": "roses"}).count("[a.md") == 3


def test_names_the_documents_when_nothing_is_found(folder: Path) -> None:
    assert search_documents(folder).invoke({"query": "zebra"}) == (
        "Nothing was found for 'zebra'. The documents are:\n"
        "- garden.md: The garden\n- sub/kitchen.txt: kitchen.txt"
    )


async def test_says_what_is_wrong_with_the_folder(tmp_path: Path) -> None:
    missing = search_documents(tmp_path / "nowhere")

    assert await missing.ainvoke({"query": "x"}) == (
        f"There is no folder of documents at {tmp_path / 'nowhere'}."
    )
    assert "no .md or .txt documents in" in search_documents(tmp_path).invoke({"query": "x"})


@given(st.one_of(st.text(max_size=80), st.text('"*()^:-+ANDORTNEAR ', max_size=40)))
def test_no_query_is_a_syntax_error(query: str) -> None:
    assert search.invoke({"query": query})


def test_threads_may_search_at_the_same_time(folder: Path) -> None:
    mine, said = search_documents(folder), list[str]()
    threads = [
        threading.Thread(target=lambda: said.append(mine.invoke({"query": "roses"})))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(said) == 8
    assert len(set(said)) == 1
