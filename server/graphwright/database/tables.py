"""The tables of the record.

Every row carries its `tenant`, and every query filters on it. JSON columns hold what a client sent
or will read; times are UTC.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from graphwright.database.values import from_stored_text, to_stored_text

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

DEFAULT_TENANT = "default"
REVISION = "0009"  # of the newest migration, which makes the tables below


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
        """Give an aware time; Postgres tells it in the time zone of the connection."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class _StoredText(sa.TypeDecorator[str]):
    """Any text on Postgres, which holds neither U+0000 nor lone surrogates as they are."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape what Postgres cannot hold."""
        return None if value is None else to_stored_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Give the text back."""
        return None if value is None else from_stored_text(value)


Text = sa.Text().with_variant(_StoredText(), "postgresql")


def _json() -> sa.JSON:
    # Not Postgres' JSONB, which forgets the order of keys and that 1e16 was no integer.
    return sa.JSON(none_as_null=True)


assistants = sa.Table(
    "assistants",
    metadata,
    sa.Column("assistant_id", Text, primary_key=True),
    sa.Column("tenant", Text, primary_key=True),
    sa.Column("graph_id", Text, nullable=False),
    sa.Column("name", Text, nullable=False),
    sa.Column("description", Text),
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
    sa.Column("thread_id", Text, primary_key=True),
    sa.Column("tenant", Text, nullable=False),
    sa.Column("status", Text, nullable=False),
    sa.Column("metadata", _json(), nullable=False),
    sa.Column("config", _json(), nullable=False),
    sa.Column("values", _json()),
    sa.Column("interrupts", _json(), nullable=False),
    sa.Column("error", _json()),
    # Whether the newest state has something left to do: an interrupt waits, or a run failed.
    sa.Column("halted", sa.Boolean, nullable=False, server_default=sa.false()),
    # The fencing token of its runs' checkpoints: how often another worker took a run of it over.
    sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
    # When the first of the interrupts expires, if one does.
    sa.Column("expires_at", Instant),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("state_updated_at", Instant, nullable=False),
    sa.Index(None, "tenant", "updated_at"),
    sa.Index(
        "ix_threads_expires_at",
        "expires_at",
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    ),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("tenant", Text, nullable=False),
    # No foreign key: a stateless run's thread exists in name only.
    sa.Column("thread_id", Text, nullable=False),
    sa.Column("assistant_id", Text, nullable=False),
    sa.Column("status", Text, nullable=False),
    sa.Column("temporary", sa.Boolean, nullable=False),
    sa.Column("multitask_strategy", Text, nullable=False),
    sa.Column("metadata", _json(), nullable=False),
    sa.Column("kwargs", _json(), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("worker", Text),
    sa.Column("lease_until", Instant),
    # What was asked of a running run: "interrupt" or "rollback".
    sa.Column("stop", Text),
    # The caller's name for its request, and what it asked for.
    sa.Column("idempotency_key", Text),
    sa.Column("request_digest", Text),
    # What its models used, all attempts together; null where none did.
    sa.Column("usage", _json()),
    # The order of one thread's runs: microseconds since the epoch at creation.
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Index(None, "thread_id", "position"),
    sa.Index(
        "ix_runs_idempotency_key",
        "tenant",
        "idempotency_key",
        unique=True,
        sqlite_where=sa.text("idempotency_key IS NOT NULL"),
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    ),
    sa.Index(
        "ix_runs_unfinished",
        "status",
        "due_at",
        sqlite_where=sa.text("status IN ('pending', 'running')"),
        postgresql_where=sa.text("status IN ('pending', 'running')"),
    ),
    sa.Index(
        "ix_runs_temporary",
        "updated_at",
        sqlite_where=sa.text("temporary = 1 AND idempotency_key IS NULL"),
        postgresql_where=sa.text("temporary AND idempotency_key IS NULL"),
    ),
    sa.Index(
        "ix_runs_temporary_keyed",
        "updated_at",
        sqlite_where=sa.text("temporary = 1 AND idempotency_key IS NOT NULL"),
        postgresql_where=sa.text("temporary AND idempotency_key IS NOT NULL"),
    ),
)

items = sa.Table(
    "items",
    metadata,
    sa.Column("tenant", Text, primary_key=True),
    # The parts of the namespace, each followed by the unit separator U+001F, so that a prefix of
    # parts is a prefix of text.
    sa.Column("namespace", Text, primary_key=True),
    sa.Column("key", Text, primary_key=True),
    sa.Column("value", _json(), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("until", Instant, nullable=False),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    # The id of the first event in the row, and how many there are.
    sa.Column("first", sa.BigInteger, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Index(None, "created_at"),
)

# No foreign keys: what was used stays known when runs and threads are gone.
usage = sa.Table(
    "usage",
    metadata,
    sa.Column("tenant", Text, primary_key=True),
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("node", Text, primary_key=True),
    sa.Column("model", Text, primary_key=True),
    # Null for a run without a thread.
    sa.Column("thread_id", Text),
    sa.Column("graph_id", Text, nullable=False),
    sa.Column("assistant_id", Text, nullable=False),
    sa.Column("calls", sa.Integer, nullable=False),
    sa.Column("unmetered_calls", sa.Integer, nullable=False),
    sa.Column("input_tokens", sa.BigInteger, nullable=False),
    sa.Column("output_tokens", sa.BigInteger, nullable=False),
    sa.Column("cache_read_tokens", sa.BigInteger, nullable=False),
    sa.Column("cache_write_tokens", sa.BigInteger, nullable=False),
    sa.Column("reasoning_tokens", sa.BigInteger, nullable=False),
    # By the prices of that day; null where the model had none.
    sa.Column("cost", sa.Double),
    sa.Column("created_at", Instant, nullable=False),
    sa.Index(None, "tenant", "created_at"),
    sa.Index(None, "tenant", "thread_id"),
)
