"""The table of who is told of what happens; see `esign.registry.models`."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import JSON, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from esign.registry.models import Base, UTCDateTime

__all__ = ["EndpointRow"]


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
    problem_facts: Mapped[Mapping[str, object] | None] = mapped_column(JSON(none_as_null=True))

    __table_args__ = ({"sqlite_with_rowid": False},)
