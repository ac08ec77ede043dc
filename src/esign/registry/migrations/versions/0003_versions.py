"""Versions of an issued file, and levels that are still to be reached.

A file grows by appending (a document time-stamp, proofs for decades): each state that was handed out is a version of
the same result, and every digest stays known. What was promised for later has a date.
"""

import sqlalchemy as sa
from alembic import op

from esign.registry.downgrades import refuse_to_lose
from esign.registry.triggers import Trigger, create_triggers, drop_triggers, forbid_truncate

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "file_version",
        sa.Column("result_id", sa.String(19), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.String(24), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("notices", sa.JSON(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("position >= 1", name=op.f("ck_file_version_position")),
        sa.ForeignKeyConstraint(["result_id"], ["issued.id"], name=op.f("fk_file_version_result_id")),
        sa.PrimaryKeyConstraint("result_id", "position", name=op.f("pk_file_version")),
        sa.UniqueConstraint("sha256", name=op.f("uq_file_version_sha256")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_file_version_delivered_at", "file_version", ["delivered_at"], unique=False)
    op.create_table(
        "upgrade",
        sa.Column("result_id", sa.String(19), nullable=False),
        sa.Column("level", sa.String(24), nullable=False),
        sa.Column("due", sa.DateTime(), nullable=False),
        sa.Column("alarm", sa.DateTime(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("tried_at", sa.DateTime(), nullable=True),
        sa.Column("problem_code", sa.String(60), nullable=True),
        sa.Column("problem_facts", sa.JSON(), nullable=True),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("alarm >= due", name=op.f("ck_upgrade_grace")),
        sa.ForeignKeyConstraint(["result_id"], ["issued.id"], name=op.f("fk_upgrade_result_id")),
        sa.PrimaryKeyConstraint("result_id", name=op.f("pk_upgrade")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_upgrade_done_at_due", "upgrade", ["done_at", "due"], unique=False)

    create_triggers(_triggers(), replacing=("upgrade_replace",))
    forbid_truncate("file_version", "upgrade")


def _triggers() -> list[Trigger]:
    def changes(*columns: str) -> str:
        return " OR ".join(f"NEW.{c} IS NOT OLD.{c}" for c in columns)

    before = "(SELECT count(*) FROM file_version WHERE result_id = NEW.result_id)"
    longest = (
        "max((SELECT size FROM issued WHERE id = NEW.result_id),"
        " coalesce((SELECT max(size) FROM file_version WHERE result_id = NEW.result_id), 0))"
    )
    known = (
        "EXISTS (SELECT 1 FROM issued WHERE sha256 = NEW.sha256)"
        " OR EXISTS (SELECT 1 FROM file_version WHERE sha256 = NEW.sha256)"
    )
    not_issued = "(SELECT state FROM intent WHERE id = NEW.result_id) IS NOT 'issued'"
    signed_or_issued = "(SELECT state FROM intent WHERE id = NEW.result_id) NOT IN ('signed', 'issued')"
    return [
        ("file_version_delete", "BEFORE DELETE ON file_version", "1", "file_version is never deleted"),
        (
            "file_version_update",
            "BEFORE UPDATE ON file_version",
            changes("result_id", "position", "sha256", "size", "level", "at", "notices")
            + " OR (OLD.delivered_at IS NOT NULL AND NEW.delivered_at IS NOT OLD.delivered_at)",
            "file_version is never changed",
        ),
        ("file_version_replace", "BEFORE INSERT ON file_version", known, "this file is registered"),
        (
            "file_version_order",  # an INSERT OR REPLACE in the place of an earlier one as well
            "BEFORE INSERT ON file_version",
            f"NEW.position <> {before} + 1",
            "versions follow one another",
        ),
        ("file_version_grows", "BEFORE INSERT ON file_version", f"NEW.size <= {longest}", "a version only adds"),
        ("file_version_state", "BEFORE INSERT ON file_version", not_issued, "file_version belongs to the state issued"),
        ("issued_known", "BEFORE INSERT ON issued", known, "this file is registered"),
        ("upgrade_delete", "BEFORE DELETE ON upgrade", "1", "upgrade is never deleted"),
        (
            "upgrade_update",
            "BEFORE UPDATE ON upgrade",
            changes("result_id", "level", "due", "alarm") + " OR OLD.done_at IS NOT NULL OR NEW.tries < OLD.tries",
            "what was promised never changes",
        ),
        (
            "upgrade_replace",
            "BEFORE INSERT ON upgrade",
            "EXISTS (SELECT 1 FROM upgrade WHERE result_id = NEW.result_id)",
            "upgrade is never replaced",
        ),
        ("upgrade_state", "BEFORE INSERT ON upgrade", signed_or_issued, "only issued results are upgraded"),
    ]


def downgrade() -> None:
    refuse_to_lose(revision, versions="SELECT 1 FROM file_version", upgrades="SELECT 1 FROM upgrade")
    drop_triggers(*(name for name, *_ in _triggers()), "file_version_truncate", "upgrade_truncate")
    op.drop_table("upgrade")
    op.drop_table("file_version")
