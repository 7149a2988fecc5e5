"""Secrets by their names: read from the environment at the moment of use, and kept nowhere.

```python
key = Secret("env:SEARCH_KEY")
value = key.reveal()  # for the request alone
shown = Redaction([key]).apply(answer)  # for whatever leaves the tool
```

A `Secret` holds its name only, so that no state, log, representation or checkpoint can hold more.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, quote_plus

from graphwright_tools.errors import NotConfigured

NAME: Final = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret by its name, such as `env:SEARCH_KEY` for an environment variable.

    Raises:
        ValueError: the name has another form. It is not repeated, for it may be the secret itself.
    """

    name: str

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(
                "A secret is named as env:NAME, by the environment variable that holds it. "
                "Put the secret itself into that variable, not here."
            )

    @property
    def is_set(self) -> bool:
        """Whether there is a value."""
        return bool(self._read())

    def reveal(self) -> str:
        """The value as it is now, without white space around it.

        Raises:
            NotConfigured: there is none.
        """
        value = self._read()
        if not value:
            raise NotConfigured(
                f"The environment variable {self._variable} is not set, so this tool can't "
                "be used. An operator must set it; don't try again."
            )
        return value

    @property
    def _variable(self) -> str:
        return self.name.partition(":")[2]

    def _read(self) -> str:
        # A secret that comes from a file often ends with its newline.
        return os.environ.get(self._variable, "").strip()


class Redaction:
    """Puts a secret's name where its value stands, in each form in which a service may echo it."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        forms = {form: s.name for s in secrets if s.is_set for form in _forms(s.reveal())}
        self._names = forms
        # The longest first: one form may begin with another.
        self._longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, self._longest_first)))

    def apply(self, text: str, *, is_cut: bool = False) -> str:
        """The text without the secrets.

        Args:
            text: What a person, a model or a log will see.
            is_cut: Whether more text followed; then a secret may stand half at its end.
        """
        if not self._names:
            return text
        text = self._pattern.sub(lambda found: f"[{self._names[found[0]]}]", text)
        return self._without_beginning(text) if is_cut else text

    def _without_beginning(self, text: str) -> str:
        begun = (
            length
            for form in self._longest_first
            for length in range(len(form) - 1, 0, -1)
            if text.endswith(form[:length])
        )
        return text[: len(text) - max(begun, default=0)]


def _forms(value: str) -> Iterator[str]:
    """The value as it is, and as URLs, JSON, HTML and Basic authentication write it."""
    encoded = base64.b64encode(value.encode()).decode()
    yield from (value, encoded, encoded.rstrip("="))
    yield from (quote(value), quote(value, safe=""), quote_plus(value), html.escape(value))
    for ascii_only in (True, False):
        written = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield from (written, written.replace("/", "\\/"))
