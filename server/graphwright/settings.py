"""Every setting of the service.

A constructor argument comes first, then the environment (`GRAPHWRIGHT_PORT` for `port`), then the
default. Nothing else in the service reads the environment.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """What the service is told from outside, fixed once it is built."""

    model_config = SettingsConfigDict(env_prefix="GRAPHWRIGHT_", frozen=True, extra="forbid")

    config: Path = Field(default=Path("langgraph.json"), description="The project file to serve.")
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(
        default=8123, ge=0, le=65535, description="The port to listen on; 0 picks a free one."
    )
    data_dir: Path = Field(default=Path(".graphwright"), description="Where databases are kept.")
    database: str = Field(
        default="", description="URL of the record; by default a SQLite file in data_dir."
    )
    checkpoints: str = Field(
        default="", description="URL of the checkpoints; by default beside the record."
    )
    slots: int = Field(default=64, ge=1, description="How many runs may execute at the same time.")
    model: str = Field(
        default="demo", description="The model that answers: demo or provider:model."
    )
    models: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Further models that a caller may choose, separated by commas."
    )
    model_base_url: str | None = Field(
        default=None, description="URL of an OpenAI-compatible server."
    )
    langserve: bool = Field(
        default=True, description="Serve LangServe's routes and playgrounds under /graphs/."
    )
    allow_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("*",), description="Origins that a browser may call from, separated by commas."
    )

    @field_validator("models", "allow_origins", mode="before")
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
