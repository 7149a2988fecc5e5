"""Finds runs without a thread that are over, however many runs there are."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_index(
        "ix_runs_temporary",
        "runs",
        ["updated_at"],
        sqlite_where=sa.text("temporary = 1"),
        postgresql_where=sa.text("temporary"),
    )


def downgrade() -> None:
    op.drop_index("ix_runs_temporary", "runs")
