"""Requests that are answered once."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "request",
        sa.Column("scope", sa.String(60), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_request")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_request_made_at"), "request", ["made_at"], unique=False)


def downgrade() -> None:
    # Answers to requests of the last week: who repeats one after this is answered anew.
    op.drop_index(op.f("ix_request_made_at"), table_name="request")
    op.drop_table("request")
