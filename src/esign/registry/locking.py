"""Deciding alone: what a transaction locks before it writes what follows from what it read.

SQLite's writers are alone anyway, so there these do nothing.
"""

import hashlib
from collections.abc import Sequence

from sqlalchemy import ARRAY, BigInteger, Row, func, literal, select
from sqlalchemy.orm import Session

from esign.codes import ResultId
from esign.registry.models import IntentRow
from esign.registry.values import IntentState

__all__ = ["alone", "lock_key", "lock_row", "lock_rows"]


def lock_key(name: str) -> int:
    """The advisory lock that stands for `name`: 64 bits, signed as PostgreSQL has them."""
    return int.from_bytes(hashlib.sha256(f"esign {name}".encode()).digest()[:8], signed=True)


def alone(session: Session, *names: str) -> None:
    """Until the transaction ends, nobody else is past this call with one of the same `names`.

    For decisions that rest on what is *not* there: the next free number, the first row of its kind. Several are taken
    in one order by everybody, so that nobody waits in a circle.
    """
    if names and _has_company(session):
        keys = literal(sorted(map(lock_key, names)), ARRAY(BigInteger))
        session.execute(select(func.pg_advisory_xact_lock(func.unnest(keys))))


def lock_row(session: Session, id: ResultId | str, *, against_change: bool = False) -> None:  # noqa: A002
    """Until the transaction ends, nobody else changes the intent `id`; what is read of it afterwards stays true.

    With `against_change` others may hold it likewise at the same moment: for a main result that only must stay as it
    is. Rows that refer to it can always be added.
    """
    if _has_company(session):
        # A statement of its own: one that waited would go on with what stood in other tables when it began.
        query = select(IntentRow.sequence).where(IntentRow.id == str(id))
        locked = query.with_for_update(read=True) if against_change else query.with_for_update(key_share=True)
        session.execute(locked)
        session.expire_all()


def lock_rows(session: Session, ids: Sequence[ResultId]) -> Sequence[Row[str, str, IntentState]]:
    """`lock_row` for many: id, agency and state of those that there are."""
    query = (
        select(IntentRow.id, IntentRow.agency, IntentRow.state)
        .where(IntentRow.id.in_([str(id) for id in ids]))  # noqa: A001
        .order_by(IntentRow.sequence)
    )
    if _has_company(session):
        query = query.with_for_update(key_share=True)
    return session.connection().execute(query).all()


def _has_company(session: Session) -> bool:
    return session.get_bind().dialect.name != "sqlite"
