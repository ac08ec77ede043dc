"""The tables of the audit chain and of its anchors; see `esign.registry.models`."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from esign.registry.models import Base, UTCDateTime

__all__ = ["AnchorRow", "AuditRow"]


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
