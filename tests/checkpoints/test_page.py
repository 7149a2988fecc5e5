"""The code of docs/checkpoints.md runs, in the order of the page."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "checkpoints.md"


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    text = PAGE.read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, names)
    assert names["done"] == (names["done"].seen, names["done"].seen)  # type: ignore[attr-defined]
    assert (tmp_path / "checkpoints.db").exists()
