"""What was answered to a request that is done once and is no intent: a change of standing, a release, a withdrawal.

The row is written before the work begins: from then on its key stands for that request alone. The answer is added when
the work is done; a crash between the two leaves a row without answer, and the same request goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import String, Text, Update, delete, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from esign.codes import AgencyCode
from esign.errors import RequestConflict
from esign.registry.locking import alone
from esign.registry.models import Base, UTCDateTime
from esign.registry.store import Store

__all__ = ["Answer", "Recalled", "RequestKey", "RequestRow", "Requests", "done", "mark_done"]

_KEPT = timedelta(days=7)
"""A portal that repeats a request does so within hours; what was done stays done after that as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKey:
    """A request that a caller may repeat."""

    scope: AgencyCode
    """To whom the caller's keys belong."""
    key: str
    """SHA-256 of the caller's key, hexadecimal: the key itself may say something of a person."""
    digest: str
    """SHA-256 of what is asked for, hexadecimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered."""

    status: int
    """The HTTP status."""
    body: str
    """JSON."""


class Recalled(Enum):
    """What is known of a request that has no answer."""

    NEW = "new"
    """Nobody made it before."""
    UNANSWERED = "unanswered"
    """It was made before; whether its work was done is for the work itself to find out."""


class RequestRow(Base):
    """One request; gone a week later."""

    __tablename__ = "request"

    scope: Mapped[str] = mapped_column(String(60), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    status: Mapped[int | None]
    answer: Mapped[str | None] = mapped_column(Text)

    __table_args__ = ({"sqlite_with_rowid": False},)


class Requests:
    """The memory of a register; safe to use from several threads and processes."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def recall(self, asked: RequestKey) -> Answer | Recalled:
        """The answer that this request had; else whether it was made before. From now on its key stands for it.

        Raises:
            RequestConflict: `request-key-in-use`.
        """
        at = self._now()
        with self._store.write() as session:
            _alone(session, asked)
            session.execute(delete(RequestRow).where(RequestRow.made_at < at - _KEPT))
            known = _row(session, asked)
            if known is None:
                values = {"scope": str(asked.scope), "key": asked.key, "digest": asked.digest, "made_at": at}
                session.execute(insert(RequestRow).values(values))
                return Recalled.NEW
            if known.digest != asked.digest:
                raise RequestConflict("request-key-in-use")
            if known.status is None or known.answer is None:
                return Recalled.UNANSWERED
            return Answer(status=known.status, body=known.answer)

    def answered(self, asked: RequestKey, answer: Answer) -> None:
        """Keep the answer."""
        with self._store.write() as session:
            session.execute(_its_row(asked).values(status=answer.status, answer=answer.body))


def done(session: Session, asked: RequestKey) -> bool:
    """Whether its work is done, although nobody may have learned of it; nobody else does it until we have."""
    _alone(session, asked)
    known = _row(session, asked)
    return known is not None and known.done_at is not None


def mark_done(session: Session, asked: RequestKey, *, at: datetime) -> None:
    """In the transaction of the work itself: both are there, or neither."""
    session.execute(_its_row(asked).values(done_at=at))


def _alone(session: Session, asked: RequestKey) -> None:
    alone(session, f"request {asked.scope} {asked.key}")


def _its_row(asked: RequestKey) -> Update:
    return update(RequestRow).filter_by(scope=str(asked.scope), key=asked.key)


def _row(session: Session, asked: RequestKey) -> RequestRow | None:
    return session.scalar(select(RequestRow).filter_by(scope=str(asked.scope), key=asked.key))
