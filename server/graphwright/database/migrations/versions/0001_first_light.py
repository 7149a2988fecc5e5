"""Assistants, threads, runs and store items."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def _json() -> sa.types.TypeEngine[Any]:
    return sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "assistants",
        sa.Column("assistant_id", sa.String(36), nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("graph_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("config", _json(), nullable=False),
        sa.Column("context", _json(), nullable=False),
        sa.Column("metadata", _json(), nullable=False),
        _moment("created_at"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("assistant_id", "tenant", name="pk_assistants"),
    )
    op.create_index("ix_assistants_tenant_graph_id", "assistants", ["tenant", "graph_id"])
    op.create_table(
        "threads",
        sa.Column("thread_id", sa.String(36), nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("metadata", _json(), nullable=False),
        sa.Column("config", _json(), nullable=False),
        sa.Column("values", _json()),
        sa.Column("interrupts", _json(), nullable=False),
        sa.Column("error", _json()),
        _moment("created_at"),
        _moment("updated_at"),
        _moment("state_updated_at"),
        sa.PrimaryKeyConstraint("thread_id", name="pk_threads"),
    )
    op.create_index("ix_threads_tenant_updated_at", "threads", ["tenant", "updated_at"])
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("thread_id", sa.String(36), nullable=False),
        sa.Column("assistant_id", sa.String(36), nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("temporary", sa.Boolean, nullable=False),
        sa.Column("multitask_strategy", sa.Text, nullable=False),
        sa.Column("metadata", _json(), nullable=False),
        sa.Column("kwargs", _json(), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("worker", sa.Text),
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
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("value", _json(), nullable=False),
        _moment("created_at"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("tenant", "namespace", "key", name="pk_items"),
    )


def downgrade() -> None:
    for table in ("items", "runs", "threads", "assistants"):
        op.drop_table(table)
