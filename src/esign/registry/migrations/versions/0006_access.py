"""Who may do what: keys of access and approvals; and the audit chain with its anchors.

The chain begins with the entry that is made here: an identity of the register, so that the anchors of one register
prove nothing about another, and the digest of what was issued before, which has no entries of its own.
"""

import hashlib
import secrets
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from esign.registry.triggers import Trigger, create_triggers, drop_triggers, forbid_truncate

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLES = ("approval", "access_key", "audit_anchor", "audit")


def upgrade() -> None:
    audit = op.create_table(
        "audit",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("request", sa.String(64), nullable=False),
        sa.Column("act", sa.String(40), nullable=False),
        sa.Column("agency", sa.String(35), nullable=False),
        sa.Column("object", sa.String(120), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(60), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.CheckConstraint("sequence >= 0", name=op.f("ck_audit_counts")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_object"), "audit", ["object"], unique=False)
    op.create_table(
        "audit_anchor",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["sequence"], ["audit.sequence"], name=op.f("fk_audit_anchor_sequence")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_anchor")),
    )
    op.create_table(
        "access_key",
        sa.Column("id", sa.String(10), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("grants", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
        sa.Column("last_used", sa.Date(), nullable=True),
        sa.CheckConstraint("expires_at > made_at", name=op.f("ck_access_key_lifetime")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_access_key_digest")),
    )
    op.create_index(op.f("ix_access_key_name"), "access_key", ["name"], unique=False)
    op.create_table(
        "approval",
        sa.Column("result_id", sa.String(19), nullable=False),
        sa.Column("prepared_sha256", sa.String(64), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["result_id"], ["intent.id"], name=op.f("fk_approval_result_id")),
        sa.PrimaryKeyConstraint("result_id", "prepared_sha256", "by", name=op.f("pk_approval")),
    )
    op.bulk_insert(audit, [_genesis()])
    create_triggers(TRIGGERS, replacing=_REPLACING)
    forbid_truncate(*_TABLES)


def _genesis() -> dict[str, object]:
    """The first entry (docs/spec/audit.md §3)."""
    before = sorted(op.get_bind().execute(sa.text("SELECT sha256 FROM issued")).scalars())
    entry: dict[str, object] = {
        "sequence": 0,
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "actor": "local",
        "request": "",
        "act": "audit.begun",
        "agency": "",
        "object": secrets.token_hex(16),
        "digest": hashlib.sha256("\n".join(before).encode()).hexdigest() if before else "",
        "outcome": "ok",
        "previous": "0" * 64,
    }
    text = "\n".join(("esign-audit/1", *map(str, entry.values())))
    return entry | {"hash": hashlib.sha256(text.encode()).hexdigest()}


_BREAKS = """
NEW.sequence <> 1 + (SELECT max(sequence) FROM audit)
OR NEW.previous <> (SELECT hash FROM audit WHERE sequence = NEW.sequence - 1)
"""
REVIVES = """
NEW.id <> OLD.id OR NEW.name <> OLD.name OR NEW.digest <> OLD.digest OR NEW.made_at <> OLD.made_at
OR CAST(NEW.grants AS TEXT) <> CAST(OLD.grants AS TEXT) OR NEW.expires_at > OLD.expires_at
OR (OLD.revoked_at IS NOT NULL AND (NEW.revoked_at IS NULL OR NEW.revoked_at <> OLD.revoked_at))
"""
_DECIDED = """
EXISTS (
    SELECT 1 FROM approval
    WHERE result_id = NEW.result_id AND prepared_sha256 = NEW.prepared_sha256 AND "by" = NEW."by"
)
"""
_ANCHORED = "EXISTS (SELECT 1 FROM audit_anchor WHERE sequence = NEW.sequence)"
_GIVEN = "EXISTS (SELECT 1 FROM access_key WHERE id = NEW.id OR digest = NEW.digest)"
TRIGGERS: list[Trigger] = [
    ("audit_update", "BEFORE UPDATE ON audit", "1", "audit is never changed"),
    ("audit_delete", "BEFORE DELETE ON audit", "1", "audit is never deleted"),
    ("audit_grows", "BEFORE INSERT ON audit", _BREAKS, "audit only grows"),
    ("audit_anchor_update", "BEFORE UPDATE ON audit_anchor", "1", "audit_anchor is never changed"),
    ("audit_anchor_delete", "BEFORE DELETE ON audit_anchor", "1", "audit_anchor is never deleted"),
    ("audit_anchor_replace", "BEFORE INSERT ON audit_anchor", _ANCHORED, "audit_anchor is never replaced"),
    ("access_key_update", "BEFORE UPDATE ON access_key", REVIVES, "a key of access only ends"),
    ("access_key_delete", "BEFORE DELETE ON access_key", "1", "access_key is never deleted"),
    ("access_key_replace", "BEFORE INSERT ON access_key", _GIVEN, "access_key is never replaced"),
    ("approval_update", "BEFORE UPDATE ON approval", "1", "approval is never changed"),
    ("approval_delete", "BEFORE DELETE ON approval", "1", "approval is never deleted"),
    ("approval_replace", "BEFORE INSERT ON approval", _DECIDED, "approval is never replaced"),
]
_REPLACING = ("audit_anchor_replace", "access_key_replace", "approval_replace")


def downgrade() -> None:
    """Takes keys, approvals and the chain away; its anchors outside still tell that there was one."""
    drop_triggers(*(name for name, *_ in TRIGGERS), *(f"{table}_truncate" for table in _TABLES))
    for table in _TABLES:
        op.drop_table(table)
