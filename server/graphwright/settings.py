"""Every setting of the service.

A constructor argument comes first, then the environment (`GRAPHWRIGHT_PORT` for `port`), then the
default. Nothing else in the service reads the environment. Keys have no flags, because anybody on
the machine can see a command line, and LangGraph's names for them.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

OFF = "off"  # in place of a limit
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def span(text: str) -> timedelta:
    """The length of time that a text like 90d, 12h or 30m says, or raise `ValueError`."""
    found = re.fullmatch(r"(\d{1,6})\s*([smhdw])", text.strip())
    if found is None or not int(found[1]):
        raise ValueError("expected a number and a unit, one of s, m, h, d and w, such as 90d")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


class Settings(BaseSettings):
    """What the service is told from outside, fixed once it is built."""

    model_config = SettingsConfigDict(
        env_prefix="GRAPHWRIGHT_", frozen=True, extra="forbid", populate_by_name=True
    )

    config: Path = Field(default=Path("langgraph.json"), description="The project file to serve.")
    reload: bool = Field(
        default=False, description="Load the graphs anew when a file of the project changes."
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(
        default=8123, ge=0, le=65535, description="The port to listen on; 0 picks a free one."
    )
    data_dir: Path = Field(default=Path(".graphwright"), description="Where databases are kept.")
    database: str = Field(
        default="", description="URL of the record; by default a SQLite file in data_dir."
    )
    database_connections: int = Field(
        default=10, ge=1, description="How many connections to keep to a database server."
    )
    checkpoints: str = Field(
        default="", description="URL of the checkpoints; by default beside the record."
    )
    blobs: str = Field(
        default="",
        description="URL of the store for large values and media, or none to keep them in the"
        " database; by default a folder in data_dir, where checkpoints are in a SQLite file.",
    )
    slots: int = Field(default=64, ge=1, description="How many runs may execute at the same time.")
    grace: float = Field(
        default=3,
        ge=0,
        description="For how many seconds a stop waits for nodes under way; what takes longer is"
        " cancelled, and done again after the next start.",
    )
    events_ttl: float = Field(
        default=86_400, ge=0, description="For how many seconds a run's events can be read again."
    )
    imports: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Modules that graph documents may import besides the project's own, separated"
        " by commas.",
    )
    model: str = Field(
        default="demo", description="The model that answers: demo or provider:model."
    )
    models: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Further models that a caller may choose, separated by commas."
    )
    model_base_url: str | None = Field(
        default=None, description="URL of an OpenAI-compatible server."
    )
    model_limits: str = Field(
        default="",
        description="Calls at once and requests per time of a provider: openai=8, openai=500/m.",
    )
    local_threads: int | None = Field(
        default=None,
        ge=1,
        description="Threads of local: models; by default one a core, at most 8.",
    )
    local_context: int = Field(
        default=4096, ge=256, description="Tokens of a conversation with a local: model."
    )
    prices: Path | None = Field(
        default=None, description="A file with what models' tokens cost; see docs/models.md."
    )
    usage_age: Annotated[timedelta | None, NoDecode] = Field(
        default=timedelta(days=730),
        description="Forget what models were used after this time, such as 90d; off keeps it.",
    )
    langserve: bool = Field(
        default=True, description="Serve LangServe's routes and playgrounds under /graphs/."
    )
    allow_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("*",), description="Origins that a browser may call from, separated by commas."
    )

    retention_age: Annotated[timedelta | None, NoDecode] = Field(
        default=timedelta(days=90),
        description="Delete checkpoints that are older, such as 12h or 90d; off keeps them.",
    )
    retention_keep: Annotated[int | None, NoDecode] = Field(
        default=1000, ge=1, description="Keep this many checkpoints of a thread; off keeps all."
    )
    retention_every: Annotated[timedelta, NoDecode] = Field(
        default=timedelta(hours=1), description="How often old checkpoints are looked for."
    )

    @field_validator("retention_age", "retention_every", "usage_age", mode="before")
    @classmethod
    def _span(cls, value: object) -> object:
        return span(value) if isinstance(value, str) and value != OFF else value

    @field_validator("retention_age", "retention_keep", "usage_age", mode="before")
    @classmethod
    def _off(cls, value: object) -> object:
        return None if value == OFF else value

    encryption_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("GRAPHWRIGHT_ENCRYPTION_KEY", "LANGGRAPH_AES_KEY"),
        description="Key of 16, 24 or 32 bytes that checkpoints are encrypted with.",
    )
    encryption_key_previous: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "GRAPHWRIGHT_ENCRYPTION_KEY_PREVIOUS", "LANGGRAPH_AES_KEY_PREVIOUS"
        ),
        description="The key before that, with which checkpoints can still be read.",
    )

    @field_validator("imports", "models", "allow_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @property
    def database_url(self) -> str:
        """Where the record is kept."""
        return self.database or f"sqlite:///{self.data_dir / 'graphwright.db'}"

    @property
    def checkpoints_url(self) -> str:
        """Where checkpoints are kept.

        On SQLite they have a file of their own: a large checkpoint is written from a thread, and
        must not make a status update on the event loop wait for SQLite's one write lock.
        """
        if self.checkpoints:
            return self.checkpoints
        if self.database and not self.database.startswith("sqlite"):
            return self.database
        return f"sqlite:///{self.data_dir / 'checkpoints.db'}"

    @property
    def blobs_url(self) -> str | None:
        """Where large values of checkpoints are kept; None for the database itself.

        A database that several machines may share gets no folder that only one of them has, and
        what is in memory leaves nothing on a disk.
        """
        if self.blobs == "none":
            return None
        path = self.checkpoints_url.partition("://")[2]
        if self.blobs or not self.checkpoints_url.startswith("sqlite"):
            return self.blobs or None
        return None if path in ("", "/:memory:") else (self.data_dir.resolve() / "blobs").as_uri()
