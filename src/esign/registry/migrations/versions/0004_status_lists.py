"""Status lists, whose shards count their changes and know what stands otherwise than it began; presentation codes."""

import sqlalchemy as sa
from alembic import op

from esign.registry.downgrades import refuse_to_lose
from esign.registry.triggers import create_triggers, drop_triggers, forbid_truncate

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SHARD = 131_072
# What a presentation is never changes but for being used or guessed at.
_FIXED = ("digest", "result_id", "expires_at")
# Documents that are void, or whose standing has changed; attachments follow their main result.
_EXCEPTIONS = """
INSERT INTO status_exception (status_number, id)
SELECT status_number, id FROM intent
WHERE state = 'void' OR coalesce(main, id) IN (SELECT result_id FROM standing_change)
"""
_COUNTERS = f"""
UPDATE status_shard SET counter =
(SELECT count(*) FROM status_exception WHERE status_number / {_SHARD} = status_shard.shard)
"""  # noqa: S608  # a constant of this file


def upgrade() -> None:
    op.add_column("status_shard", sa.Column("allow_list", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("status_shard", sa.Column("counter", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "status_exception",
        sa.Column("status_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(19), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["intent.id"], name=op.f("fk_status_exception_id")),
        sa.PrimaryKeyConstraint("status_number", name=op.f("pk_status_exception")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "presentation",
        sa.Column("handle", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("result_id", sa.String(19), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["result_id"], ["intent.id"], name=op.f("fk_presentation_result_id")),
        sa.PrimaryKeyConstraint("handle", name=op.f("pk_presentation")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_presentation_expires_at"), "presentation", ["expires_at"], unique=False)
    op.execute(_EXCEPTIONS)
    op.execute(_COUNTERS)
    create_triggers(_TRIGGERS, replacing=("status_shard_replace", "status_exception_replace"))
    forbid_truncate("status_exception")


_TRIGGERS = [
    (
        "presentation_used",
        "BEFORE UPDATE ON presentation",
        " OR ".join(["OLD.used_at IS NOT NULL", "NEW.tries < OLD.tries", *(f"NEW.{c} <> OLD.{c}" for c in _FIXED)]),
        "a code is used once",
    ),
    (
        "presentation_state",
        "BEFORE INSERT ON presentation",
        "(SELECT state FROM intent WHERE id = NEW.result_id) IS NOT 'issued'",
        "presentation belongs to the state issued",
    ),
    (
        "status_shard_back",
        "BEFORE UPDATE ON status_shard",
        "NEW.counter < OLD.counter OR NEW.shard <> OLD.shard OR NEW.allow_list <> OLD.allow_list",
        "a shard never counts back",
    ),
    ("status_shard_delete", "BEFORE DELETE ON status_shard", "1", "shards are never deleted"),
    (
        "status_shard_replace",
        "BEFORE INSERT ON status_shard",
        "EXISTS (SELECT 1 FROM status_shard WHERE shard = NEW.shard)",
        "shards are never replaced",
    ),
    ("status_exception_update", "BEFORE UPDATE ON status_exception", "1", "status_exception is never changed"),
    ("status_exception_delete", "BEFORE DELETE ON status_exception", "1", "status_exception is never deleted"),
    (
        "status_exception_replace",
        "BEFORE INSERT ON status_exception",
        "EXISTS (SELECT 1 FROM status_exception WHERE status_number = NEW.status_number)",
        "status_exception is never replaced",
    ),
    (
        "status_exception_place",
        "BEFORE INSERT ON status_exception",
        "(SELECT status_number FROM intent WHERE id = NEW.id) IS NOT NEW.status_number",
        "a document stands at its own place",
    ),
]


# What an upgrade would count again as it was counted.
_COUNTED_OTHERWISE = _COUNTERS.replace(
    "UPDATE status_shard SET counter =", "SELECT 1 FROM status_shard WHERE counter <>"
)


def downgrade() -> None:
    refuse_to_lose(revision, shards="SELECT 1 FROM status_shard WHERE allow_list", changes=_COUNTED_OTHERWISE)
    drop_triggers(*(name for name, *_ in _TRIGGERS), "status_exception_truncate")
    op.drop_table("presentation")
    op.drop_table("status_exception")
    op.drop_column("status_shard", "counter")
    op.drop_column("status_shard", "allow_list")
