"""The code of the pages about checkpoints runs, in the order of each page."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.checkpoints.foreign import chat, foreign_sqlite, say

PAGES = Path(__file__).parents[2] / "docs"


def blocks(page: str) -> list[str]:
    text = (PAGES / page).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*code: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "page"}
    for block in code:
        exec(block, names)
    return names


def test_checkpoints(folder: Path) -> None:
    names = run(*blocks("checkpoints.md"))
    assert names["done"] == (names["done"].seen, names["done"].seen)
    assert (folder / "checkpoints.db").exists()


def test_storage_with_the_file_of_checkpoints(capsys: pytest.CaptureFixture[str]) -> None:
    run(blocks("checkpoints.md")[0], *blocks("storage.md"))
    bytes_, found = capsys.readouterr().out.split()
    assert int(bytes_) > 0
    assert found == "None"


def test_importing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = foreign_sqlite(folder)
    with foreign.open() as official:
        say(chat(official), "1", "hello")
    (code,) = blocks("importing.md")
    assert "postgresql://me@host/app" in code
    names = run(code.replace("postgresql://me@host/app", foreign.url))
    assert names["step"].checkpoints == 3
    assert capsys.readouterr().out == ""
