"""What runs used of models."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

# As in the first migration.
_text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("runs", sa.Column("usage", sa.JSON))
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "usage",
        sa.Column("tenant", _text, nullable=False),
        sa.Column("run_id", _text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("node", _text, nullable=False),
        sa.Column("model", _text, nullable=False),
        sa.Column("thread_id", _text),
        sa.Column("graph_id", _text, nullable=False),
        sa.Column("assistant_id", _text, nullable=False),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("unmetered_calls", sa.Integer, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cache_read_tokens", sa.BigInteger, nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger, nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost", sa.Double),
        sa.Column("created_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "run_id", "attempt", "node", "model", name="pk_usage"),
    )
    op.create_index("ix_usage_tenant_created_at", "usage", ["tenant", "created_at"])
    op.create_index("ix_usage_tenant_thread_id", "usage", ["tenant", "thread_id"])


def downgrade() -> None:
    op.drop_table("usage")
    op.drop_column("runs", "usage")
