"""Places in the status lists, and which of them are news; `shards` reads what stands there (docs/spec/status.md).

A shard counts every change of its documents in the transaction that makes it, so a publisher sees at one glance what
is news; and it knows which of its documents ever stood otherwise than they began, so it need not look at all of them.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, cast

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from esign.codes import ResultId
from esign.errors import RegistryError
from esign.registry.models import IntentRow, ShardRow, StatusExceptionRow
from esign.registry.values import Intent

__all__ = ["mark", "mark_issued", "status_numbers"]

SHARD_SIZE = 1 << 17
"""Documents in a shard (DESIGN §7)."""
SHARD_LIMIT = SHARD_SIZE * 3 // 4
"""A new shard begins here: a random index is then found in four tries on average, and indexes tell no order."""


def status_numbers(session: Session, count: int, at: datetime, *, allow_list: bool) -> list[int]:
    """Free places in open shards: random indexes, so that neighbours in time are none in the list.

    Raises:
        RegistryError: `status-numbers-used-up` after 2^32 · ¾ documents.
    """
    found: list[int] = []
    while len(found) < count:
        shard, room = _open_shard(session, at, allow_list=allow_list)
        places = _free_places(session, shard, min(count - len(found), room))
        session.connection().execute(_USE, {"this": shard, "more": len(places)})
        found += places
    return found


def _open_shard(session: Session, at: datetime, *, allow_list: bool) -> tuple[int, int]:
    """The newest shard of this kind, or a new one where that is full; and how many more it takes."""
    connection = session.connection()
    newest = connection.execute(_NEWEST_OF, {"allowed": allow_list}).first()
    if newest is not None and newest.used < SHARD_LIMIT:
        return newest.shard, SHARD_LIMIT - newest.used
    last = connection.execute(_NEWEST).first()
    shard = 0 if last is None else last.shard + 1
    if shard * SHARD_SIZE > 0xFFFF_FFFF:
        raise RegistryError("status-numbers-used-up")
    opened = {"shard": shard, "used": 0, "opened_at": at, "allow_list": allow_list, "counter": 0}
    connection.execute(insert(_SHARD), opened)
    return shard, SHARD_LIMIT


def _free_places(session: Session, shard: int, count: int) -> list[int]:
    free: dict[int, None] = {}  # in the order in which they were drawn
    while len(free) < count:
        drawn = {shard * SHARD_SIZE + secrets.randbelow(SHARD_SIZE) for _ in range(count - len(free))} - free.keys()
        taken = set(session.connection().execute(_TAKEN, {"numbers": list(drawn)}).scalars())
        free |= dict.fromkeys(drawn - taken)
    return list(free)


_SHARD = cast("Table", ShardRow.__table__)
_NEWEST = select(_SHARD.c.shard, _SHARD.c.used).order_by(_SHARD.c.shard.desc()).limit(1)
_NEWEST_OF = _NEWEST.where(_SHARD.c.allow_list == bindparam("allowed"))
_TAKEN = select(IntentRow.status_number).where(IntentRow.status_number.in_(bindparam("numbers", expanding=True)))
_USE = update(_SHARD).where(_SHARD.c.shard == bindparam("this")).values(used=_SHARD.c.used + bindparam("more"))
_ALLOW_LISTS = select(_SHARD.c.shard).where(
    _SHARD.c.shard.in_(bindparam("these", expanding=True)), _SHARD.c.allow_list.is_(True)
)


class _Placed(Protocol):
    """An intent, or its row."""

    @property
    def id(self) -> object: ...
    @property
    def status_number(self) -> int: ...


def mark(session: Session, *intents: _Placed) -> None:
    """Note that the entries of `intents` may be others from now on."""
    for intent in sorted(intents, key=lambda i: i.status_number):  # in one order, so that nobody waits in a circle
        number = intent.status_number
        # The counter first: whoever marks in this shard at the same moment waits here, and then sees what we noted.
        session.execute(
            update(ShardRow)
            .where(ShardRow.shard == number // SHARD_SIZE)
            .values(counter=ShardRow.counter + 1)
            .execution_options(synchronize_session=False)
        )
        if session.scalar(select(StatusExceptionRow.id).filter_by(status_number=number)) is None:
            session.execute(insert(StatusExceptionRow).values(status_number=number, id=str(intent.id)))


def mark_issued(session: Session, intents: Sequence[Intent]) -> None:
    """Note it for documents that have just been issued: where that is news, or a main result has changed already."""
    shards = {intent.status_number // SHARD_SIZE for intent in intents}
    listed = set(session.connection().execute(_ALLOW_LISTS, {"these": list(shards)}).scalars())
    mark(
        session,
        *(i for i in intents if i.status_number // SHARD_SIZE in listed or (i.main and _has_changed(session, i.main))),
    )


def _has_changed(session: Session, main: ResultId) -> bool:
    place = select(IntentRow.status_number).where(IntentRow.id == str(main)).scalar_subquery()
    return session.scalar(select(StatusExceptionRow.id).where(StatusExceptionRow.status_number == place)) is not None
