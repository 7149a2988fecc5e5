"""Requests that are sent again make no second run."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("runs", sa.Column("idempotency_key", sa.Text))
    op.add_column("runs", sa.Column("request_digest", sa.Text))
    there = sa.text("idempotency_key IS NOT NULL")
    op.create_index(
        "ix_runs_idempotency_key",
        "runs",
        ["tenant", "idempotency_key"],
        unique=True,
        sqlite_where=there,
        postgresql_where=there,
    )


def downgrade() -> None:
    op.drop_index("ix_runs_idempotency_key", "runs")
    op.drop_column("runs", "request_digest")
    op.drop_column("runs", "idempotency_key")
