"""The tables of what is to be told, and of its way to each who is told; see `esign.registry.models`."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from esign.registry.models import Base, Counter, UTCDateTime

__all__ = ["MessageRow", "WebhookRow"]


class MessageRow(Base):
    """Something that happened and is to be told; written with the change itself, and never changed."""

    __tablename__ = "outbox"

    sequence: Mapped[int] = mapped_column(Counter, primary_key=True, autoincrement=True)
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
    problem_facts: Mapped[Mapping[str, object] | None] = mapped_column(JSON(none_as_null=True))

    __table_args__ = (
        Index("ix_webhook_state_next_at", "state", "next_at"),
        Index("ix_webhook_endpoint_subject", "endpoint", "subject", "state", "message"),
        {"sqlite_with_rowid": False},
    )
