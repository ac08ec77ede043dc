"""The tables of the keys of access, of the approvals, and of the PINs that were tried; see `esign.registry.models`."""

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from esign.pin_state import Trying
from esign.registry.models import Base, UTCDateTime, one_of

__all__ = ["AccessKeyRow", "ApprovalRow", "PinGuardRow"]


class AccessKeyRow(Base):
    """A key of access: its digest, whose it is, what it opens and until when."""

    __tablename__ = "access_key"

    id: Mapped[str] = mapped_column(String(10), primary_key=True)
    name: Mapped[str] = mapped_column(String(60), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    grants: Mapped[list[list[str]]] = mapped_column(JSON)
    person: Mapped[str | None] = mapped_column(String(60))
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_used: Mapped[date | None]

    __table_args__ = (CheckConstraint("expires_at > made_at", name="lifetime"),)


class ApprovalRow(Base):
    """What somebody decided about exactly these prepared bytes."""

    __tablename__ = "approval"

    result_id: Mapped[str] = mapped_column(ForeignKey("intent.id"), primary_key=True)
    prepared_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    by: Mapped[str] = mapped_column(String(200), primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    approved: Mapped[bool]
    why: Mapped[str] = mapped_column(Text)


class PinGuardRow(Base):
    """What is known of the PINs that were tried with a token that several hosts use."""

    __tablename__ = "pin_guard"

    serial: Mapped[str] = mapped_column(String(64), primary_key=True)
    trying: Mapped[Trying] = mapped_column(one_of(Trying))
    attended: Mapped[bool]
    unattended: Mapped[bool]
    attempt: Mapped[str] = mapped_column(String(32))
