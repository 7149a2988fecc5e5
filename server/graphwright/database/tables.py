"""The tables of the record.

Every row carries its `tenant`, and every query filters on it. JSON columns hold what a client sent
or will read; times are UTC.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

DEFAULT_TENANT = "default"
REVISION = "0001"  # of the newest migration, which makes the tables below


class Instant(sa.TypeDecorator[datetime]):
    """A moment in UTC; SQLite has no time zones, so they are taken off there and put back on."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Accept aware times only in UTC's terms."""
        if value is not None and dialect.name == "sqlite":
            return value.astimezone(UTC).replace(tzinfo=None)
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give an aware time."""
        if value is not None and value.tzinfo is None:
            return value.replace(tzinfo=UTC)  # type: ignore[no-any-return]
        return value  # type: ignore[no-any-return]


def _json() -> sa.types.TypeEngine[Any]:
    return sa.JSON(none_as_null=True).with_variant(
        postgresql.JSONB(none_as_null=True), "postgresql"
    )


assistants = sa.Table(
    "assistants",
    metadata,
    sa.Column("assistant_id", sa.String(36), primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("graph_id", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("config", _json(), nullable=False),
    sa.Column("context", _json(), nullable=False),
    sa.Column("metadata", _json(), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Index(None, "tenant", "graph_id"),
)

threads = sa.Table(
    "threads",
    metadata,
    sa.Column("thread_id", sa.String(36), primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("metadata", _json(), nullable=False),
    sa.Column("config", _json(), nullable=False),
    sa.Column("values", _json()),
    sa.Column("interrupts", _json(), nullable=False),
    sa.Column("error", _json()),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("state_updated_at", Instant, nullable=False),
    sa.Index(None, "tenant", "updated_at"),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run_id", sa.String(36), primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    # No foreign key: a stateless run's thread exists in name only.
    sa.Column("thread_id", sa.String(36), nullable=False),
    sa.Column("assistant_id", sa.String(36), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("temporary", sa.Boolean, nullable=False),
    sa.Column("multitask_strategy", sa.Text, nullable=False),
    sa.Column("metadata", _json(), nullable=False),
    sa.Column("kwargs", _json(), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("worker", sa.Text),
    sa.Column("lease_until", Instant),
    # The order of one thread's runs: microseconds since the epoch at creation.
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Index(None, "thread_id", "position"),
    sa.Index(
        "ix_runs_unfinished",
        "status",
        "due_at",
        sqlite_where=sa.text("status IN ('pending', 'running')"),
        postgresql_where=sa.text("status IN ('pending', 'running')"),
    ),
)

items = sa.Table(
    "items",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    # The parts of the namespace, each followed by the unit separator U+001F, so that a prefix of
    # parts is a prefix of text.
    sa.Column("namespace", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", _json(), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
)
