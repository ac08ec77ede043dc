"""The tables beside the register itself: what workers go on with, batches, and what is to be told to others."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from esign.registry.models import Base, UTCDateTime

__all__ = ["BatchItemRow", "BatchRow", "EndpointRow", "MessageRow", "TaskRow", "WebhookRow", "WorkerRow"]

_Counter = BigInteger().with_variant(Integer, "sqlite")
_Facts = JSON(none_as_null=True)


class TaskRow(Base):
    """What became of the tries to go on with an intent; gone once it is finished."""

    __tablename__ = "task"

    result_id: Mapped[str] = mapped_column(ForeignKey("intent.id"), primary_key=True)
    tries: Mapped[int]
    repeats: Mapped[int]
    problem_code: Mapped[str | None] = mapped_column(String(60))
    problem_facts: Mapped[Mapping[str, object] | None] = mapped_column(_Facts)
    tried_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    next_at: Mapped[datetime] = mapped_column(UTCDateTime)
    set_aside_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    __table_args__ = (
        Index("ix_task_set_aside_at_next_at", "set_aside_at", "next_at"),
        {"sqlite_with_rowid": False},
    )


class WorkerRow(Base):
    """A process that works, as long as it says so."""

    __tablename__ = "worker"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    began_at: Mapped[datetime] = mapped_column(UTCDateTime)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    problem_code: Mapped[str | None] = mapped_column(String(60))
    problem_facts: Mapped[Mapping[str, object] | None] = mapped_column(_Facts)

    __table_args__ = ({"sqlite_with_rowid": False},)


class BatchRow(Base):
    """Many results under one authorisation; what was submitted and authorised never changes."""

    __tablename__ = "batch"

    sequence: Mapped[int] = mapped_column(_Counter, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(19), unique=True)
    agency: Mapped[str] = mapped_column(String(35))
    profile: Mapped[str] = mapped_column(String(100))
    origin: Mapped[str] = mapped_column(String(24))
    idempotency_key: Mapped[str] = mapped_column(String(255))
    root: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    submitted_at: Mapped[datetime] = mapped_column(UTCDateTime)
    submitted_by: Mapped[str] = mapped_column(Text)
    authorised_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    authorised_by: Mapped[str | None] = mapped_column(Text)
    cancelled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    cancelled_by: Mapped[str | None] = mapped_column(Text)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    __table_args__ = (
        CheckConstraint("size >= 1", name="size"),
        CheckConstraint(
            "(authorised_at IS NULL) = (authorised_by IS NULL) AND (cancelled_at IS NULL) = (cancelled_by IS NULL)",
            name="named",
        ),
        UniqueConstraint("agency", "idempotency_key"),
        Index("ix_batch_finished_at", "finished_at"),
        {"sqlite_autoincrement": True},
    )


class BatchItemRow(Base):
    """One request of a batch; the intent with its idempotency key says how far it has come."""

    __tablename__ = "batch_item"

    batch_id: Mapped[str] = mapped_column(ForeignKey("batch.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(String(255))
    digest: Mapped[str] = mapped_column(String(64))
    part: Mapped[int]
    tries: Mapped[int]
    refused_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    problem_code: Mapped[str | None] = mapped_column(String(60))
    problem_facts: Mapped[Mapping[str, object] | None] = mapped_column(_Facts)

    __table_args__ = (
        CheckConstraint("position >= 1", name="position"),
        UniqueConstraint("batch_id", "idempotency_key"),
        {"sqlite_with_rowid": False},
    )


class EndpointRow(Base):
    """Somebody who is told of events; their secret is derived, never stored."""

    __tablename__ = "webhook_endpoint"

    id: Mapped[str] = mapped_column(String(19), primary_key=True)
    agency: Mapped[str] = mapped_column(String(35), index=True)
    url: Mapped[str] = mapped_column(Text)
    events: Mapped[list[str]] = mapped_column(JSON)
    generation: Mapped[int]
    key_check: Mapped[str] = mapped_column(String(16))
    previous_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)
    made_by: Mapped[str] = mapped_column(Text)
    failures: Mapped[int]
    rests_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    told_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    problem_code: Mapped[str | None] = mapped_column(String(60))
    problem_facts: Mapped[Mapping[str, object] | None] = mapped_column(_Facts)

    __table_args__ = ({"sqlite_with_rowid": False},)


class MessageRow(Base):
    """Something that happened and is to be told; written with the change itself, and never changed."""

    __tablename__ = "outbox"

    sequence: Mapped[int] = mapped_column(_Counter, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    agency: Mapped[str] = mapped_column(String(35))
    event: Mapped[str] = mapped_column(String(24))
    subject: Mapped[str] = mapped_column(String(19))
    data: Mapped[dict[str, object]] = mapped_column(JSON)
    at: Mapped[datetime] = mapped_column(UTCDateTime)

    __table_args__ = ({"sqlite_autoincrement": True},)


class WebhookRow(Base):
    """One message on its way to one endpoint."""

    __tablename__ = "webhook"

    message: Mapped[int] = mapped_column(BigInteger, ForeignKey("outbox.sequence"), primary_key=True)
    endpoint: Mapped[str] = mapped_column(ForeignKey("webhook_endpoint.id"), primary_key=True)
    subject: Mapped[str] = mapped_column(String(19))
    state: Mapped[str] = mapped_column(String(24))
    tries: Mapped[int]
    next_at: Mapped[datetime] = mapped_column(UTCDateTime)
    tried_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    problem_code: Mapped[str | None] = mapped_column(String(60))
    problem_facts: Mapped[Mapping[str, object] | None] = mapped_column(_Facts)

    __table_args__ = (
        Index("ix_webhook_state_next_at", "state", "next_at"),
        Index("ix_webhook_endpoint_subject", "endpoint", "subject", "state", "message"),
        {"sqlite_with_rowid": False},
    )
