"""The tables of what workers go on with, and of batches; see `esign.registry.models`."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from esign.registry.models import Base, Counter, UTCDateTime

__all__ = ["BatchItemRow", "BatchRow", "TaskRow", "WorkerRow"]

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

    sequence: Mapped[int] = mapped_column(Counter, primary_key=True, autoincrement=True)
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
