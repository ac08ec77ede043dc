"""Codes that move: a holder shows a result on a phone, and the code works once, for half a minute.

Only its digest is stored, so nobody who reads the database can show a result (docs/spec/presentation.md §2).
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, ForeignKey, String, delete, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from esign.codes import ResultId
from esign.errors import RegistryError
from esign.registry.audit import note
from esign.registry.intents import row
from esign.registry.models import Base, UTCDateTime
from esign.registry.values import IntentState

__all__ = ["Presentation", "PresentationRow", "Presented", "present", "presented", "redeem"]

_HANDLE_DIGITS, _CODE_DIGITS = 15, 5
_HANDLES, _CODES = 1 << 48, 1 << 16
_MOST_TRIES = 5
_KEPT = timedelta(days=1)
"""So long a code that was used or has expired is told from one that never was."""


class PresentationRow(Base):
    """A code that shows an issued result once; gone a day after it has expired."""

    __tablename__ = "presentation"

    handle: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    result_id: Mapped[str] = mapped_column(ForeignKey("intent.id"))
    digest: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    tries: Mapped[int]

    __table_args__ = ({"sqlite_with_rowid": False},)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """A code with which the holder shows a result now."""

    digits: str = field(repr=False)
    """Twenty digits: the handle and the code."""
    expires: datetime
    """From when on it shows nothing."""

    def url(self, host: str) -> str:
        """What the phone shows as a QR (docs/spec/presentation.md §2)."""
        return f"https://{host}/p#{self.digits}"


def present(session: Session, id: ResultId, *, at: datetime, lifetime: timedelta) -> Presentation:  # noqa: A002
    """A new code for the issued result `id`; codes given before stay good until they expire.

    Raises:
        NotRegistered: `not-registered`.
        RegistryError: `presentation-not-issued`.
    """
    found = row(session, id)
    if found.state is not IntentState.ISSUED:
        raise RegistryError("presentation-not-issued", id=str(id), state=found.state.word)
    session.execute(delete(PresentationRow).where(PresentationRow.expires_at < at - _KEPT))
    handle = secrets.randbelow(_HANDLES)
    while session.get(PresentationRow, handle) is not None:
        handle = secrets.randbelow(_HANDLES)
    digits = f"{handle:0{_HANDLE_DIGITS}}{secrets.randbelow(_CODES):0{_CODE_DIGITS}}"
    session.execute(
        insert(PresentationRow).values(
            handle=handle, result_id=str(id), digest=_digest(digits), made_at=at, expires_at=at + lifetime, tries=0
        )
    )
    note(session, "presentation.made", at=at, agency=found.agency, object=id)
    return Presentation(digits=digits, expires=at + lifetime)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What a whole, right code shows."""

    result_id: ResultId
    """Which result."""
    expires: datetime
    """From when on it shows nothing."""
    used_at: datetime | None
    """When it was used up, if the register knows."""


def presented(session: Session, digits: str) -> Presented | None:
    """What the code shows, read and not used up; None for everything but the whole, right code."""
    if not _well_formed(digits):
        return None
    found = session.scalar(select(PresentationRow).filter_by(handle=int(digits[:_HANDLE_DIGITS])))
    right = hmac.compare_digest(found.digest if found else _digest(""), _digest(digits))
    if found is None or not right or found.tries >= _MOST_TRIES:
        return None
    return Presented(result_id=ResultId.parse(found.result_id), expires=found.expires_at, used_at=found.used_at)


def redeem(session: Session, digits: str, *, at: datetime) -> ResultId | RegistryError:
    """Use a code up and say which result it shows, or why it does not.

    The refusal is returned: a wrong guess is counted, and an exception would take that back. Nothing is said of a code
    but to who has all of it.
    """
    unknown = RegistryError("presentation-unknown")
    if not _well_formed(digits):
        return unknown
    handle = int(digits[:_HANDLE_DIGITS])
    found = session.scalar(select(PresentationRow).filter_by(handle=handle).with_for_update())  # used once
    right = hmac.compare_digest(found.digest if found else _digest(""), _digest(digits))
    if found is None or found.tries >= _MOST_TRIES:
        return unknown
    if not right:
        session.execute(update(PresentationRow).filter_by(handle=found.handle).values(tries=PresentationRow.tries + 1))
        return unknown
    if found.used_at is not None:
        return RegistryError("presentation-used", at=found.used_at.isoformat(timespec="seconds"))
    if at >= found.expires_at:
        return RegistryError("presentation-expired", at=found.expires_at.isoformat(timespec="seconds"))
    found.used_at = at
    return ResultId.parse(found.result_id)


def _well_formed(digits: str) -> bool:
    return len(digits) == _HANDLE_DIGITS + _CODE_DIGITS and digits.isascii() and digits.isdigit()


def _digest(digits: str) -> str:
    return hashlib.sha256(digits.encode()).hexdigest()
