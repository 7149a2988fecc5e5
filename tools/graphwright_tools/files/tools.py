"""The four tools that work with files."""

from __future__ import annotations

import os
from collections.abc import Callable
from difflib import get_close_matches
from functools import cached_property
from itertools import islice
from mimetypes import guess_type
from typing import Final

from langchain_core.tools import BaseTool, StructuredTool

from graphwright_tools.errors import Failed, NotConfigured, Refused, TooLarge
from graphwright_tools.files.roots import Entry, Limits, Root, checked, root_at

VARIABLE: Final = "env:"


def file_toolset(
    root: str, *, limits: Limits | None = None, prefix: str = ""
) -> tuple[BaseTool, BaseTool, BaseTool, BaseTool]:
    """Tools that list, read, write and delete files; give a model only those that it needs.

    Args:
        root: A folder's path, file:///folder, s3://bucket/folder, az://container/folder or
            gs://bucket/folder. As `env:NAME`, the variable has it.
        limits: How much a call may move.
        prefix: Put before the tools' names; two roots need two.
    """
    files = _Files(root, limits or Limits())
    return (
        _tool(f"{prefix}list_files", files.listed),
        _tool(f"{prefix}read_file", files.read),
        _tool(f"{prefix}write_file", files.write),
        _tool(f"{prefix}delete_file", files.delete),
    )


class _Files:
    """What the tools call."""

    def __init__(self, place: str, limits: Limits) -> None:
        self._place = place
        self._limits = limits

    def listed(self, folder: str = "") -> str:
        """List the files and folders in a folder.

        Args:
            folder: Its path; the top folder without.
        """
        path = checked(folder)
        found = list(islice(self._root.entries(path), self._limits.entries + 1))
        if not found:
            return f"There is nothing in {path or 'the top folder'}."
        lines = list(map(_line, found[: self._limits.entries]))
        if len(found) > self._limits.entries:
            lines.append(f"[Cut: these are the first {self._limits.entries}, and there are more.]")
        return "\n".join(lines)

    def read(self, path: str, first_line: int = 1, lines: int | None = None) -> str:
        """Read a text file, or some of its lines.

        Args:
            path: The file's path, as in notes/plan.md.
            first_line: The number of the line to begin with.
            lines: How many lines to read; as many as there is room for without.
        """
        content = self._read(_named(path))
        text = _text(content)
        if text is None:
            kind = guess_type(path)[0] or "unknown type"
            raise Refused(f"{path} is no text: {len(content)} bytes, {kind}. It can't be shown.")
        return self._excerpt(path, text, first_line, lines)

    def write(self, path: str, text: str) -> str:
        """Write a text file; one that is there is replaced.

        Args:
            path: The file's path, as in notes/plan.md. Folders in it are made.
            text: All that the file should hold.
        """
        named, content = _named(path), text.encode()
        if len(content) > self._limits.file:
            raise TooLarge(
                f"The text has {len(content)} bytes; at most {self._limits.file} can be written. "
                "Split it into several files."
            )
        try:
            existed = self._root.write(named, content)
        except OSError as error:
            raise Failed(f"{named} can't be written: {error.strerror}.") from None
        return f"{'Replaced' if existed else 'Wrote'} {named}, {len(content)} bytes."

    def delete(self, path: str) -> str:
        """Delete a file.

        Args:
            path: The file's path.
        """
        named = _named(path)
        try:
            self._root.delete(named)
        except FileNotFoundError:
            raise self._missing(named) from None
        except OSError as error:
            raise Failed(f"{named} can't be deleted: {error.strerror}.") from None
        return f"Deleted {named}."

    def _read(self, path: str) -> bytes:
        try:
            return self._root.read(path, self._limits.file)
        except FileNotFoundError:
            raise self._missing(path) from None
        except OSError as error:
            raise Failed(f"{path} can't be read: {error.strerror}.") from None

    def _excerpt(self, path: str, text: str, first: int, count: int | None) -> str:
        all_lines = text.splitlines()
        if not 1 <= first <= max(len(all_lines), 1) or (count is not None and count < 1):
            raise Refused(
                f"{path} has the lines 1 to {len(all_lines)}. Choose first_line among them, and "
                "lines as 1 or more."
            )
        wanted = all_lines[first - 1 : None if count is None else first - 1 + count]
        shown = _fitting(wanted, self._limits.characters)
        last = first + len(shown) - 1
        said = "\n".join(shown)
        if len(said) > self._limits.characters:
            said = said[: self._limits.characters]
            return f"{said}\n[Cut: line {first} is longer than {self._limits.characters}.]"
        if first == 1 and last == len(all_lines):
            return said or f"{path} is empty."
        more = f" Read on with first_line={last + 1}." if last < len(all_lines) else ""
        return f"{said}\n[Lines {first} to {last} of {len(all_lines)}.{more}]"

    def _missing(self, path: str) -> Refused:
        folder, _, name = path.rpartition("/")
        there = [entry.name for entry in islice(self._root.entries(folder), self._limits.entries)]
        near = get_close_matches(name, there, n=3) or there[:10]
        hint = f" In that folder: {', '.join(near)}." if near else " Its folder is empty."
        return Refused(f"There is no file {path}.{hint}")

    @cached_property
    def _root(self) -> Root:
        if not self._place.startswith(VARIABLE):
            return root_at(self._place)
        variable = self._place.removeprefix(VARIABLE)
        place = os.environ.get(variable, "").strip()
        if not place:
            raise NotConfigured(
                f"The environment variable {variable} is not set, so there is no place for files. "
                "An operator must set it; don't try again."
            )
        return root_at(place)


def _named(path: str) -> str:
    named = checked(path)
    if not named:
        raise Refused("The path is empty. Name a file, as in notes/plan.md.")
    return named


def _line(entry: Entry) -> str:
    return f"{entry.name}/" if entry.size is None else f"{entry.name} ({entry.size} bytes)"


def _text(content: bytes) -> str | None:
    """The content as text, or None if it is none."""
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _fitting(lines: list[str], room: int) -> list[str]:
    """The first lines that fit, and at least one."""
    taken = 0
    for count, line in enumerate(lines):
        taken += len(line) + 1
        if taken > room + 1:
            return lines[: max(count, 1)]
    return lines


def _tool(name: str, call: Callable[..., str]) -> BaseTool:
    return StructuredTool.from_function(
        call, name=name, parse_docstring=True, handle_tool_error=True
    )
