"""What tokens cost: the operator's own list, since prices change more often than releases.

A file of JSON or YAML names models as documents do. Prices are for a million tokens, in whatever
currency the operator counts in:

    openai:gpt-4o-mini: {input: 0.15, output: 0.60, cache_read: 0.075}
    anthropic:claude-*: {input: 3, output: 15, cache_read: 0.30, cache_write: 3.75}
    ollama:*: {input: 0, output: 0}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from graphwright.errors import StartError

MILLION = 1_000_000


class Price(BaseModel):
    """The prices of one model. What is read from a cache, or put into it, costs as other input does
    unless it has a price.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cache_read: float | None = Field(default=None, ge=0)
    cache_write: float | None = Field(default=None, ge=0)


@dataclass
class Tokens:
    """How many tokens a model took and gave; `input` has those of the cache in it, and `output`
    those of its reasoning.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0


class Prices:
    """The prices of models, by name; a name that ends in `*` stands for all that begin so."""

    def __init__(self, prices: Mapping[str, Price] = MappingProxyType({})) -> None:
        self._prices = dict(prices)

    @classmethod
    def read(cls, file: Path | None) -> "Prices":
        """The prices in a file; none without one. Raises `StartError`."""
        if file is None:
            return cls()
        try:
            data = yaml.safe_load(file.read_text())
            return cls(TypeAdapter(dict[str, Price]).validate_python(data))
        except OSError as error:
            raise StartError(
                f"prices {file}: {error.strerror}. Name a file with --prices."
            ) from None
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the file"
            raise StartError(f"prices {file}: {place}: {first['msg']}") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise StartError(f"prices {file}: not readable as YAML: {error}") from None

    def cost(self, model: str, tokens: Tokens) -> float | None:
        """What they cost; None where the model has no price."""
        price = self._of(model)
        if price is None:
            return None
        cached = (
            (tokens.cache_read, price.cache_read),
            (tokens.cache_write, price.cache_write),
        )
        plain = tokens.input - tokens.cache_read - tokens.cache_write
        sum_ = plain * price.input + tokens.output * price.output
        for count, special in cached:
            sum_ += count * (price.input if special is None else special)
        return sum_ / MILLION

    def _of(self, model: str) -> Price | None:
        if model in self._prices:
            return self._prices[model]
        fitting = [
            name for name in self._prices if name.endswith("*") and model.startswith(name[:-1])
        ]
        return self._prices[max(fitting, key=len)] if fitting else None
