"""Threads whose state has something left to do, and interrupts that expire."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column(
        "threads", sa.Column("halted", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column("threads", sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.execute("UPDATE threads SET halted = true WHERE status IN ('interrupted', 'error')")
    there = sa.text("expires_at IS NOT NULL")
    op.create_index(
        "ix_threads_expires_at",
        "threads",
        ["expires_at"],
        sqlite_where=there,
        postgresql_where=there,
    )


def downgrade() -> None:
    op.drop_index("ix_threads_expires_at", "threads")
    op.drop_column("threads", "expires_at")
    op.drop_column("threads", "halted")
