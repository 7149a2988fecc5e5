"""The file tools, on a folder and on S3."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from tests.ports import free_port

from graphwright_tools.files import Limits, file_toolset, list_files

OUTSIDE = "kept outside"


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """moto's server, with a bucket."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (tmp_path_factory.mktemp("s3") / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 60
    try:
        while True:
            try:
                httpx.put(f"{url}/bucket", timeout=30).raise_for_status()
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, "moto's server did not answer"
                time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait(timeout=30)


@pytest.fixture(params=["folder", "file", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "outside.txt").write_text(OUTSIDE)
    folder = tmp_path / "root with space"
    folder.mkdir()
    match request.param:
        case "folder":
            return str(folder)
        case "file":
            return folder.as_uri()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame")
    endpoint = request.getfixturevalue("s3_endpoint")
    return f"s3://bucket/{tmp_path.name}?endpoint={endpoint}&region=us-east-1"


def asked(tool: BaseTool, **arguments: Any) -> str:
    return message(tool, **arguments).text


def message(tool: BaseTool, **arguments: Any) -> ToolMessage:
    made = tool.invoke({"name": tool.name, "args": arguments, "id": "1", "type": "tool_call"})
    assert isinstance(made, ToolMessage)
    return made


def test_keeps_lists_reads_and_deletes_files(root: str) -> None:
    listed, read, write, delete = file_toolset(root)

    assert asked(listed) == "There is nothing in the top folder."
    assert asked(write, path="notes/plan.md", text="# Plan\n") == "Wrote notes/plan.md, 7 bytes."
    assert asked(write, path="./notes/plan.md", text="é") == "Replaced notes/plan.md, 2 bytes."
    assert asked(write, path="a.txt", text="") == "Wrote a.txt, 0 bytes."
    assert sorted(asked(listed).split("\n")) == ["a.txt (0 bytes)", "notes/"]
    assert asked(listed, folder="notes/") == "plan.md (2 bytes)"
    assert asked(read, path="notes/plan.md") == "é"
    assert asked(read, path="a.txt") == "a.txt is empty."
    assert asked(delete, path="a.txt") == "Deleted a.txt."
    assert asked(delete, path="a.txt").startswith("There is no file a.txt.")
    assert asked(listed) == "notes/"


def test_names_what_is_near_to_a_missing_file(root: str) -> None:
    _, read, write, _ = file_toolset(root)
    asked(write, path="notes/plan.md", text="x")

    missing = message(read, path="notes/plans.md")

    assert missing.status == "error"
    assert missing.text == "There is no file notes/plans.md. In that folder: plan.md."


@pytest.mark.parametrize(
    "path",
    [
        "../outside.txt",
        "..",
        "notes/../../outside.txt",
        "/etc/passwd",
        "//etc/passwd",
        "~/x",
        "notes//x",
        "..\\outside.txt",
        "C:\\x",
        "C:x",
        "a\x00b",
        "a\nb",
        "",
        ".",
        "x" * 2000,
    ],
)
def test_no_path_leaves_the_root(path: str, root: str, tmp_path: Path) -> None:
    _, read, write, delete = file_toolset(root)

    for said in (
        message(read, path=path),
        message(write, path=path, text="x"),
        message(delete, path=path),
    ):
        assert said.status == "error"
        assert OUTSIDE not in said.text
    assert (tmp_path / "outside.txt").read_text() == OUTSIDE


def test_no_symbolic_link_leaves_the_root(tmp_path: Path) -> None:
    top, outside = tmp_path / "root", tmp_path / "outside"
    top.mkdir()
    outside.mkdir()
    (outside / "file.txt").write_text(OUTSIDE)
    (top / "file").symlink_to(outside / "file.txt")
    (top / "folder").symlink_to(outside)
    (top / "loop").symlink_to(top / "loop")
    (top / "dangling").symlink_to(outside / "new.txt")
    (top / "own.txt").write_text("own")
    (top / "own").symlink_to("own.txt")
    listed, read, write, delete = file_toolset(str(top))

    for path in ("file", "folder/file.txt", "loop", "dangling", "folder/new.txt"):
        for said in (
            message(read, path=path),
            message(write, path=path, text="x"),
            message(delete, path=path),
        ):
            assert said.status == "error", (path, said)
            assert OUTSIDE not in said.text
    assert asked(listed, folder="folder").startswith("folder leads out")
    assert asked(listed) == "own (3 bytes)\nown.txt (3 bytes)"
    assert asked(read, path="own") == "own"
    assert [path.name for path in outside.iterdir()] == ["file.txt"]
    assert (outside / "file.txt").read_text() == OUTSIDE


def test_only_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    _, read, write, delete = file_toolset(str(tmp_path))

    assert "is no file" in asked(read, path="pipe")
    assert "is no file" in asked(read, path="folder") or "can't be read" in asked(
        read, path="folder"
    )
    assert "is a folder" in asked(write, path="folder", text="x")
    assert "is a folder" in asked(delete, path="folder")
    assert asked(write, path="pipe/x", text="x").startswith("pipe/x can't be written")


def test_tells_text_from_what_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\0\0")
    (tmp_path / "latin.txt").write_bytes("é".encode("latin-1"))
    (tmp_path / "marked.txt").write_bytes("\ufeffé".encode())
    _, read, _, _ = file_toolset(str(tmp_path))

    assert asked(read, path="a.png") == ("a.png is no text: 6 bytes, image/png. It can't be shown.")
    assert "is no text: 1 bytes" in asked(read, path="latin.txt")
    assert asked(read, path="marked.txt") == "é"


def test_reads_a_range_of_lines(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join(f"line {n}" for n in range(1, 101)))
    _, read, _, _ = file_toolset(str(tmp_path), limits=Limits(characters=30))

    assert asked(read, path="a.txt", first_line=3, lines=2) == (
        "line 3\nline 4\n[Lines 3 to 4 of 100. Read on with first_line=5.]"
    )
    assert asked(read, path="a.txt") == (
        "line 1\nline 2\nline 3\nline 4\n[Lines 1 to 4 of 100. Read on with first_line=5.]"
    )
    assert asked(read, path="a.txt", first_line=100) == "line 100\n[Lines 100 to 100 of 100.]"
    assert "has the lines 1 to 100" in asked(read, path="a.txt", first_line=101)
    assert "has the lines 1 to 100" in asked(read, path="a.txt", lines=0)
    (tmp_path / "long.txt").write_text("x" * 100)
    assert asked(read, path="long.txt") == f"{'x' * 30}\n[Cut: line 1 is longer than 30.]"


def test_limits_on_sizes(root: str) -> None:
    _, _, write, _ = file_toolset(root)
    listed, read, small, _ = file_toolset(root, limits=Limits(file=10, entries=2))
    for name in ("a", "b", "c"):
        asked(write, path=name, text="x" * 11)

    assert asked(read, path="a") == "a has 11 bytes; at most 10 can be read."
    assert "at most 10 can be written" in asked(small, path="d", text="x" * 11)
    assert asked(listed).split("\n")[2] == "[Cut: these are the first 2, and there are more.]"


def test_says_what_an_operator_must_correct(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "FILES_ROOT is not set" in asked(list_files)
    monkeypatch.setenv("MY_FILES", "ftp://ada:sesame@host/x")
    assert "ftp://…" in asked(file_toolset("env:MY_FILES")[0])
    assert "sesame" not in asked(file_toolset("env:MY_FILES")[0])
    assert "no folder at" in asked(file_toolset(str(tmp_path / "nowhere"))[0])


def test_a_store_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame")
    place = f"s3://bucket?endpoint=http://127.0.0.1:{free_port()}&region=us-east-1"

    said = message(file_toolset(place, prefix="cloud_")[1], path="a.txt")

    assert said.name == "cloud_read_file"
    assert said.status == "error"
    assert said.text.startswith("s3://bucket answered: ")
    assert "sesame" not in said.text
