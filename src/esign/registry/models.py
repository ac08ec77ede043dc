"""The tables of what every issue writes; other modules speak of them only inside a transaction.

Tables of other subjects stand beside them (`esign.registry.tables` has all), so that who issues does not wait for them.

Names of constraints are fixed here, so that the migrations can name them too. Triggers stand in the
migrations: they are SQL of the database and no part of the mapping.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
    false,
    text,
)
from sqlalchemy import Enum as EnumType
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from esign.document import SignerRole, Standing
from esign.keys import Mechanism
from esign.profile import Level, Numbering
from esign.registry.values import IntentKind, IntentState, NumberSource, aware

__all__ = [
    "Base",
    "BookRow",
    "Counter",
    "DeliveryRow",
    "IntentRow",
    "IssuedRow",
    "ShardRow",
    "SignerRow",
    "StandingRow",
    "StatusExceptionRow",
    "UTCDateTime",
    "UpgradeRow",
    "VersionRow",
    "one_of",
]

Counter = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts INTEGER PRIMARY KEY only under that exact name; elsewhere a register may pass 2^31."""


class UTCDateTime(TypeDecorator[datetime]):
    """Aware UTC times outside, naive ones in the database, whose own types forget the zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """To the database."""
        return None if value is None else aware(value).astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else value.replace(tzinfo=UTC)


def one_of(kind: type[Enum], *, length: int = 24) -> EnumType:
    """The column type of an enumeration."""
    # The values are what an operator reads in the database, so they are stored, not the Python names.
    return EnumType(kind, native_enum=False, length=length, values_callable=lambda e: [member.value for member in e])


class Base(DeclarativeBase):
    """All tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class BookRow(Base):
    """How far a number book has counted."""

    __tablename__ = "number_book"

    agency: Mapped[str] = mapped_column(String(35), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(String(60), primary_key=True)
    with_year: Mapped[bool] = mapped_column(primary_key=True)
    first: Mapped[int]
    last: Mapped[int]

    __table_args__ = (CheckConstraint("first >= 1 AND last >= first - 1", name="counts"),)


class ShardRow(Base):
    """How full a shard of the status lists is, and how often its documents have changed."""

    __tablename__ = "status_shard"

    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    used: Mapped[int]
    opened_at: Mapped[datetime] = mapped_column(UTCDateTime)
    allow_list: Mapped[bool] = mapped_column(server_default=false())
    counter: Mapped[int] = mapped_column(BigInteger, server_default="0")

    __table_args__ = (CheckConstraint("shard BETWEEN 0 AND 32767 AND used BETWEEN 0 AND 131072", name="size"),)


class StatusExceptionRow(Base):
    """A place in the status lists whose entry is, or once was, another than the one that it began with."""

    __tablename__ = "status_exception"

    status_number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(ForeignKey("intent.id"))

    __table_args__ = ({"sqlite_with_rowid": False},)


class IntentRow(Base):
    """An intent, in whatever state."""

    __tablename__ = "intent"

    sequence: Mapped[int] = mapped_column(Counter, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(19), unique=True)
    state: Mapped[IntentState] = mapped_column(one_of(IntentState))
    kind: Mapped[IntentKind] = mapped_column(one_of(IntentKind))
    agency: Mapped[str] = mapped_column(String(35))
    main: Mapped[str | None] = mapped_column(ForeignKey("intent.id"))
    person: Mapped[bool] = mapped_column(server_default=false())
    idempotency_key: Mapped[str] = mapped_column(String(255), unique=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    profile: Mapped[str] = mapped_column(String(100))

    procedure: Mapped[str | None] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    dossier: Mapped[str | None] = mapped_column(String(60))
    ordinal: Mapped[int]
    masked_holder: Mapped[str] = mapped_column(Text)
    expires: Mapped[datetime | None] = mapped_column(UTCDateTime)

    issue_date: Mapped[date] = mapped_column(Date)
    year: Mapped[int]
    symbol: Mapped[str | None] = mapped_column(String(60))
    with_year: Mapped[bool]
    number: Mapped[int | None]
    numbering: Mapped[Numbering] = mapped_column(one_of(Numbering), server_default=Numbering.RESERVED.value)
    number_source: Mapped[NumberSource | None] = mapped_column(one_of(NumberSource))
    duplicate_of: Mapped[str | None] = mapped_column(ForeignKey("intent.id"))
    status_number: Mapped[int] = mapped_column(BigInteger, unique=True)

    reserved_at: Mapped[datetime] = mapped_column(UTCDateTime)
    awaiting_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    person_prepared_sha256: Mapped[str | None] = mapped_column(String(64))
    person_to_be_signed_sha256: Mapped[str | None] = mapped_column(String(64))
    person_signing_time: Mapped[datetime | None] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    approved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    approved_sha256: Mapped[str | None] = mapped_column(String(64))
    numbered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    prepared_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    prepared_sha256: Mapped[str | None] = mapped_column(String(64))
    to_be_signed_sha256: Mapped[str | None] = mapped_column(String(64))
    signing_time: Mapped[datetime | None] = mapped_column(UTCDateTime)
    signed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    signed_sha256: Mapped[str | None] = mapped_column(String(64))
    issued_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    voided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    void_code: Mapped[str | None] = mapped_column(String(60))
    void_facts: Mapped[Mapping[str, object] | None] = mapped_column(JSON(none_as_null=True))
    void_why: Mapped[str] = mapped_column(Text)

    issued: Mapped["IssuedRow | None"] = relationship(lazy="joined", viewonly=True)
    main_row: Mapped["IntentRow | None"] = relationship(
        remote_side="IntentRow.id", foreign_keys="IntentRow.main", viewonly=True
    )

    __table_args__ = (
        CheckConstraint(
            "(number IS NULL) = (symbol IS NULL) AND (number IS NULL) = (number_source IS NULL)",
            name="number_whole",
        ),
        CheckConstraint("status_number BETWEEN 0 AND 4294967295", name="status_u32"),
        # A number is had once; a given number that the profile lets pass with a warning stands beside it.
        Index(
            "uq_intent_number",
            "agency",
            "year",
            "symbol",
            "with_year",
            "number",
            unique=True,
            # PostgreSQL's condition is the same and stands in the migrations: to say it here loads that dialect.
            sqlite_where=text("duplicate_of IS NULL"),
        ),
        Index("ix_intent_numbers", "agency", "year", "symbol", "number"),
        Index("ix_intent_unfinished", "state", "delivered_at"),
        Index("ix_intent_dossier", "dossier"),
        Index("ix_intent_main", "main"),
        {"sqlite_autoincrement": True},
    )


class IssuedRow(Base):
    """The facts of an issued file; written once."""

    __tablename__ = "issued"

    id: Mapped[str] = mapped_column(ForeignKey("intent.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    size: Mapped[int] = mapped_column(BigInteger)
    signing_time: Mapped[datetime] = mapped_column(UTCDateTime)
    level: Mapped[Level] = mapped_column(one_of(Level))
    mechanism: Mapped[Mechanism] = mapped_column(one_of(Mechanism))
    pages: Mapped[int]
    seal_token_sha256: Mapped[str | None] = mapped_column(String(64))
    profile: Mapped[str] = mapped_column(String(100))
    fonts: Mapped[list[str]] = mapped_column(JSON)
    notices: Mapped[list[dict[str, object]]] = mapped_column(JSON)

    signers: Mapped[list["SignerRow"]] = relationship(lazy="selectin", viewonly=True, order_by="SignerRow.position")
    versions: Mapped[list["VersionRow"]] = relationship(lazy="selectin", viewonly=True, order_by="VersionRow.position")
    upgrade: Mapped["UpgradeRow | None"] = relationship(lazy="selectin", viewonly=True)

    __table_args__ = ({"sqlite_with_rowid": False},)


class SignerRow(Base):
    """One certificate of an issued file; written once."""

    __tablename__ = "signer"

    result_id: Mapped[str] = mapped_column(ForeignKey("issued.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    certificate_sha256: Mapped[str] = mapped_column(String(64), index=True)
    issuer: Mapped[str] = mapped_column(Text)
    serial: Mapped[str] = mapped_column(String(80))
    role: Mapped[SignerRole] = mapped_column(one_of(SignerRole), server_default=SignerRole.AGENCY.value)

    # Without a rowid, because INSERT OR REPLACE with a chosen rowid would replace another row.
    __table_args__ = ({"sqlite_with_rowid": False},)


class VersionRow(Base):
    """A later state of an issued file, which only added to the one before; written once, and delivered once."""

    __tablename__ = "file_version"

    result_id: Mapped[str] = mapped_column(ForeignKey("issued.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    size: Mapped[int] = mapped_column(BigInteger)
    level: Mapped[Level] = mapped_column(one_of(Level))
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    notices: Mapped[list[dict[str, object]]] = mapped_column(JSON)
    delivered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    __table_args__ = (
        CheckConstraint("position >= 1", name="position"),
        Index("ix_file_version_delivered_at", "delivered_at"),
        {"sqlite_with_rowid": False},
    )


class UpgradeRow(Base):
    """A level that a result is still to reach, and what became of it."""

    __tablename__ = "upgrade"

    result_id: Mapped[str] = mapped_column(ForeignKey("issued.id"), primary_key=True)
    level: Mapped[Level] = mapped_column(one_of(Level))
    due: Mapped[datetime] = mapped_column(UTCDateTime)
    alarm: Mapped[datetime] = mapped_column(UTCDateTime)
    tries: Mapped[int]
    tried_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    problem_code: Mapped[str | None] = mapped_column(String(60))
    problem_facts: Mapped[Mapping[str, object] | None] = mapped_column(JSON(none_as_null=True))
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    __table_args__ = (
        CheckConstraint("alarm >= due", name="grace"),
        Index("ix_upgrade_done_at_due", "done_at", "due"),
        {"sqlite_with_rowid": False},
    )


class DeliveryRow(Base):
    """One delivery; entries are only added."""

    __tablename__ = "delivery"

    result_id: Mapped[str] = mapped_column(ForeignKey("intent.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    where: Mapped[str] = mapped_column(Text)

    __table_args__ = ({"sqlite_with_rowid": False},)


class StandingRow(Base):
    """One change of a result's standing; entries are only added."""

    __tablename__ = "standing_change"

    result_id: Mapped[str] = mapped_column(ForeignKey("intent.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    standing: Mapped[Standing] = mapped_column(one_of(Standing))
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    by: Mapped[str] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text)
    other: Mapped[str | None] = mapped_column(ForeignKey("intent.id"))
    recorded_at: Mapped[datetime] = mapped_column(UTCDateTime)

    __table_args__ = (
        CheckConstraint("standing <> 'expired'", name="stored"),
        CheckConstraint("(other IS NOT NULL) = (standing IN ('corrected', 'replaced'))", name="other"),
        {"sqlite_with_rowid": False},
    )
