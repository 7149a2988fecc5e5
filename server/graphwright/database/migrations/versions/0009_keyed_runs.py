"""Finds runs without a thread that are over, apart from those with an idempotency key, which are
kept for longer.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.drop_index("ix_runs_temporary", "runs")
    for name, which in (("temporary", "IS NULL"), ("temporary_keyed", "IS NOT NULL")):
        op.create_index(
            f"ix_runs_{name}",
            "runs",
            ["updated_at"],
            sqlite_where=sa.text(f"temporary = 1 AND idempotency_key {which}"),
            postgresql_where=sa.text(f"temporary AND idempotency_key {which}"),
        )


def downgrade() -> None:
    op.drop_index("ix_runs_temporary_keyed", "runs")
    op.drop_index("ix_runs_temporary", "runs")
    op.create_index(
        "ix_runs_temporary",
        "runs",
        ["updated_at"],
        sqlite_where=sa.text("temporary = 1"),
        postgresql_where=sa.text("temporary"),
    )
