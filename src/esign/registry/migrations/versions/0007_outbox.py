"""Tasks of workers, batches under one authorisation, and what is to be told to others."""

import sqlalchemy as sa
from alembic import op

from esign.registry.downgrades import refuse_to_lose
from esign.registry.triggers import Trigger, create_triggers, drop_triggers, forbid_truncate

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _tasks()
    _batches()
    _outbox()
    create_triggers(_TRIGGERS, replacing=_REPLACING)
    forbid_truncate("batch", "batch_item")


def _tasks() -> None:
    op.create_table(
        "task",
        sa.Column("result_id", sa.String(19), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("problem_code", sa.String(60), nullable=True),
        sa.Column("problem_facts", sa.JSON(), nullable=True),
        sa.Column("tried_at", sa.DateTime(), nullable=True),
        sa.Column("next_at", sa.DateTime(), nullable=False),
        sa.Column("set_aside_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["result_id"], ["intent.id"], name=op.f("fk_task_result_id")),
        sa.PrimaryKeyConstraint("result_id", name=op.f("pk_task")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_task_set_aside_at_next_at", "task", ["set_aside_at", "next_at"], unique=False)
    op.create_table(
        "worker",
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("began_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("problem_code", sa.String(60), nullable=True),
        sa.Column("problem_facts", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker")),
        sqlite_with_rowid=False,
    )


def _batches() -> None:
    op.create_table(
        "batch",
        sa.Column("sequence", _COUNTER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(19), nullable=False),
        sa.Column("agency", sa.String(35), nullable=False),
        sa.Column("profile", sa.String(100), nullable=False),
        sa.Column("origin", sa.String(24), nullable=False),
        sa.Column("idempotency_key", sa.String(255), nullable=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=False),
        sa.Column("submitted_by", sa.Text(), nullable=False),
        sa.Column("authorised_at", sa.DateTime(), nullable=True),
        sa.Column("authorised_by", sa.Text(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(), nullable=True),
        sa.Column("cancelled_by", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("size >= 1", name=op.f("ck_batch_size")),
        sa.CheckConstraint(
            "(authorised_at IS NULL) = (authorised_by IS NULL) AND (cancelled_at IS NULL) = (cancelled_by IS NULL)",
            name=op.f("ck_batch_named"),
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_batch")),
        sa.UniqueConstraint("agency", "idempotency_key", name=op.f("uq_batch_agency_idempotency_key")),
        sa.UniqueConstraint("id", name=op.f("uq_batch_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_batch_finished_at", "batch", ["finished_at"], unique=False)
    op.create_table(
        "batch_item",
        sa.Column("batch_id", sa.String(19), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.String(255), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("refused_at", sa.DateTime(), nullable=True),
        sa.Column("problem_code", sa.String(60), nullable=True),
        sa.Column("problem_facts", sa.JSON(), nullable=True),
        sa.CheckConstraint("position >= 1", name=op.f("ck_batch_item_position")),
        sa.PrimaryKeyConstraint("batch_id", "position", name=op.f("pk_batch_item")),
        sa.UniqueConstraint("batch_id", "idempotency_key", name=op.f("uq_batch_item_batch_id_idempotency_key")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_batch_item_batch_id")),
        sqlite_with_rowid=False,
    )


def _outbox() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.String(19), nullable=False),
        sa.Column("agency", sa.String(35), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("key_check", sa.String(16), nullable=False),
        sa.Column("previous_until", sa.DateTime(), nullable=True),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("rests_until", sa.DateTime(), nullable=True),
        sa.Column("told_at", sa.DateTime(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(), nullable=True),
        sa.Column("problem_code", sa.String(60), nullable=True),
        sa.Column("problem_facts", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_webhook_endpoint_agency", "webhook_endpoint", ["agency"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("sequence", _COUNTER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("agency", sa.String(35), nullable=False),
        sa.Column("event", sa.String(24), nullable=False),
        sa.Column("subject", sa.String(19), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_outbox")),
        sa.UniqueConstraint("id", name=op.f("uq_outbox_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "webhook",
        sa.Column("message", sa.BigInteger(), nullable=False),
        sa.Column("endpoint", sa.String(19), nullable=False),
        sa.Column("subject", sa.String(19), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(), nullable=False),
        sa.Column("tried_at", sa.DateTime(), nullable=True),
        sa.Column("problem_code", sa.String(60), nullable=True),
        sa.Column("problem_facts", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["endpoint"], ["webhook_endpoint.id"], name=op.f("fk_webhook_endpoint")),
        sa.ForeignKeyConstraint(["message"], ["outbox.sequence"], name=op.f("fk_webhook_message")),
        sa.PrimaryKeyConstraint("message", "endpoint", name=op.f("pk_webhook")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_webhook_state_next_at", "webhook", ["state", "next_at"], unique=False)
    op.create_index("ix_webhook_endpoint_subject", "webhook", ["endpoint", "subject", "state", "message"], unique=False)


def _changed(*columns: str) -> str:
    return " OR ".join(f"NEW.{c} <> OLD.{c}" for c in columns)


def _set_once(*columns: str) -> str:
    return " OR ".join(f"(OLD.{c} IS NOT NULL AND (NEW.{c} IS NULL OR NEW.{c} <> OLD.{c}))" for c in columns)


_BATCH_CHANGES = " OR ".join(
    [
        _changed("sequence", "id", "agency", "profile", "origin", "idempotency_key", "root", "size"),
        _changed("submitted_at", "submitted_by"),
        _set_once("authorised_at", "authorised_by", "cancelled_at", "cancelled_by", "finished_at"),
    ]
)
_ITEM_CHANGES = _changed("batch_id", "position", "idempotency_key", "digest", "part")
_AUTHORISED = "EXISTS (SELECT 1 FROM batch WHERE id = NEW.batch_id AND authorised_at IS NOT NULL)"
_TRIGGERS: list[Trigger] = [
    ("batch_update", "BEFORE UPDATE ON batch", _BATCH_CHANGES, "what was submitted and authorised never changes"),
    ("batch_delete", "BEFORE DELETE ON batch", "1", "batch is never deleted"),
    (
        "batch_replace",
        "BEFORE INSERT ON batch",
        "EXISTS (SELECT 1 FROM batch WHERE id = NEW.id OR sequence = NEW.sequence)",
        "batch is never replaced",
    ),
    ("batch_item_update", "BEFORE UPDATE ON batch_item", _ITEM_CHANGES, "what a batch holds never changes"),
    ("batch_item_delete", "BEFORE DELETE ON batch_item", "1", "batch_item is never deleted"),
    (
        "batch_item_replace",
        "BEFORE INSERT ON batch_item",
        "EXISTS (SELECT 1 FROM batch_item WHERE batch_id = NEW.batch_id AND position = NEW.position)",
        "batch_item is never replaced",
    ),
    ("batch_item_late", "BEFORE INSERT ON batch_item", _AUTHORISED, "nothing joins a batch that is authorised"),
    ("outbox_update", "BEFORE UPDATE ON outbox", "1", "what is told never changes"),
    (
        "outbox_replace",
        "BEFORE INSERT ON outbox",
        "EXISTS (SELECT 1 FROM outbox WHERE id = NEW.id OR sequence = NEW.sequence)",
        "outbox is never replaced",
    ),
    ("webhook_update", "BEFORE UPDATE ON webhook", _changed("message", "endpoint", "subject"), "webhook never moves"),
]
_REPLACING = ("batch_replace", "batch_item_replace", "outbox_replace")
_TABLES = ("webhook", "outbox", "webhook_endpoint", "batch_item", "batch", "worker", "task")


def downgrade() -> None:
    """Forgets tries, which begin anew; batches and messages on their way would be lost, so there must be none."""
    refuse_to_lose(
        revision,
        batches="SELECT 1 FROM batch",
        webhooks="SELECT 1 FROM webhook WHERE state = 'pending'",
        endpoints="SELECT 1 FROM webhook_endpoint",
    )
    drop_triggers(*(name for name, *_ in _TRIGGERS), "batch_truncate", "batch_item_truncate")
    for table in _TABLES:
        op.drop_table(table)
