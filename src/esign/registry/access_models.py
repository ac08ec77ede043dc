"""The tables of the audit chain, its anchors, the keys of access and the approvals; see `esign.registry.models`."""

from datetime import date, datetime

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from esign.registry.models import Base, UTCDateTime

__all__ = ["AccessKeyRow", "AnchorRow", "ApprovalRow", "AuditRow"]


class AuditRow(Base):
    """An entry of the audit chain, every value as it is hashed."""

    __tablename__ = "audit"

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(27))
    actor: Mapped[str] = mapped_column(String(200))
    request: Mapped[str] = mapped_column(String(64))
    act: Mapped[str] = mapped_column(String(40))
    agency: Mapped[str] = mapped_column(String(35))
    object: Mapped[str] = mapped_column(String(120), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(60))
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    __table_args__ = (CheckConstraint("sequence >= 0", name="counts"),)


class AnchorRow(Base):
    """A signature of the agency's key over the chain as far as an entry."""

    __tablename__ = "audit_anchor"

    sequence: Mapped[int] = mapped_column(ForeignKey("audit.sequence"), primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    content: Mapped[str] = mapped_column(Text)
    signature: Mapped[bytes] = mapped_column(LargeBinary)


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
