from pathlib import Path

from graphwright_tools import passages


def read(folder: Path, name: str, text: str) -> tuple[str, list[tuple[str, str]]]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    title, found = passages.read(path)
    return title, [(passage.heading, passage.text) for passage in found]


def test_a_passage_is_what_stands_under_a_heading(tmp_path: Path) -> None:
    text = "before\n\n# One #\n\nfirst\n\n## Two\nsecond\n\nthird\n\n## Empty\n"

    assert read(tmp_path, "a.md", text) == (
        "One",
        [("", "before"), ("One", "first"), ("Two", "second\n\nthird")],
    )


def test_a_comment_in_code_is_no_heading(tmp_path: Path) -> None:
    text = "# One\n```sh\n# not a heading\n```\n"

    assert read(tmp_path, "a.md", text) == ("One", [("One", "```sh\n# not a heading\n```")])


def test_plain_text_has_no_headings_and_its_name_for_a_title(tmp_path: Path) -> None:
    assert read(tmp_path, "a.txt", "# one\n") == ("a.txt", [("", "# one")])


def test_long_sections_are_cut_between_paragraphs_or_lines(tmp_path: Path) -> None:
    paragraph, line = "word " * 100, "word " * 30
    text = f"{paragraph}\n\n{paragraph}\n\n" + f"{line}\n" * 10

    _, found = read(tmp_path, "a.txt", text)

    assert len(found) > 2
    assert all(len(piece) <= passages.LONGEST + 100 for _, piece in found)
    assert "".join(piece for _, piece in found).split() == text.split()


def test_hidden_files_and_other_kinds_are_left_out(tmp_path: Path) -> None:
    for name in ("b.md", "sub/a.TXT", ".hidden.md", ".git/c.md", "d.pdf"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()

    assert passages.files(tmp_path) == [tmp_path / "b.md", tmp_path / "sub/a.TXT"]


def test_bytes_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"caf\xe9")

    assert passages.read(path)[1][0].text == "caf�"
