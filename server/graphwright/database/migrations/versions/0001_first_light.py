"""Assistants, threads, runs and store items."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


# Compared by its bytes, as SQLite does: in order, and with prefixes that an index can find.
_text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_id = sa.String(36).with_variant(sa.Text(collation="C"), "postgresql")


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "assistants",
        sa.Column("assistant_id", _id, nullable=False),
        sa.Column("tenant", _text, nullable=False),
        sa.Column("graph_id", _text, nullable=False),
        sa.Column("name", _text, nullable=False),
        sa.Column("description", _text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("context", sa.JSON, nullable=False),
        sa.Column("metadata", sa.JSON, nullable=False),
        _moment("created_at"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("assistant_id", "tenant", name="pk_assistants"),
    )
    op.create_index("ix_assistants_tenant_graph_id", "assistants", ["tenant", "graph_id"])
    op.create_table(
        "threads",
        sa.Column("thread_id", _id, nullable=False),
        sa.Column("tenant", _text, nullable=False),
        sa.Column("status", _text, nullable=False),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("values", sa.JSON),
        sa.Column("interrupts", sa.JSON, nullable=False),
        sa.Column("error", sa.JSON),
        _moment("created_at"),
        _moment("updated_at"),
        _moment("state_updated_at"),
        sa.PrimaryKeyConstraint("thread_id", name="pk_threads"),
    )
    op.create_index("ix_threads_tenant_updated_at", "threads", ["tenant", "updated_at"])
    op.create_table(
        "runs",
        sa.Column("run_id", _id, nullable=False),
        sa.Column("tenant", _text, nullable=False),
        sa.Column("thread_id", _id, nullable=False),
        sa.Column("assistant_id", _id, nullable=False),
        sa.Column("status", _text, nullable=False),
        sa.Column("temporary", sa.Boolean, nullable=False),
        sa.Column("multitask_strategy", _text, nullable=False),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("kwargs", sa.JSON, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("worker", _text),
        _moment("lease_until", nullable=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        _moment("due_at"),
        _moment("created_at"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
    )
    op.create_index("ix_runs_thread_id_position", "runs", ["thread_id", "position"])
    unfinished = sa.text("status IN ('pending', 'running')")
    op.create_index(
        "ix_runs_unfinished",
        "runs",
        ["status", "due_at"],
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )
    op.create_table(
        "items",
        sa.Column("tenant", _text, nullable=False),
        sa.Column("namespace", _text, nullable=False),
        sa.Column("key", _text, nullable=False),
        sa.Column("value", sa.JSON, nullable=False),
        _moment("created_at"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("tenant", "namespace", "key", name="pk_items"),
    )


def downgrade() -> None:
    for table in ("items", "runs", "threads", "assistants"):
        op.drop_table(table)
