"""The steps of intents: each is taken once, and only from a state before it, for one intent or for many at a time.

The states and why they are these: docs/adr/0003-intents.md. A step is a compare-and-set on the state that the intent
had when it was read. Many intents take it with one statement: all of them, or the transaction is undone. What an intent
is afterwards is what it was before with what the step wrote, so nobody reads it again.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import NoReturn, cast

from sqlalchemy import Table, bindparam, func, insert, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import Update

from esign.codes import ResultId
from esign.errors import InputError, NotRegistered, RegistryError
from esign.profile import Numbering
from esign.reasons import Reason
from esign.registry import status, versions
from esign.registry.audit import Actor, actor, note
from esign.registry.intents import attachments, one, row
from esign.registry.locking import lock_rows
from esign.registry.models import DeliveryRow, IntentRow
from esign.registry.plain import plain
from esign.registry.values import FOR_CODE, FOR_PEOPLE, Intent, IntentState, aware
from esign.registry.write_rows import write_rows

__all__ = ["Change", "check_digest", "deliver", "prepare", "refuse", "take", "void"]

_SHA256 = re.compile("[0-9a-f]{64}")
_INTENT, _DELIVERY = cast("Table", IntentRow.__table__), cast("Table", DeliveryRow.__table__)
_DELIVERED = (
    update(_INTENT)
    .where(_INTENT.c.id == bindparam("this"), _INTENT.c.delivered_at.is_(None))
    .values(delivered_at=bindparam("new_at", type_=_INTENT.c.delivered_at.type))
)
_DELIVER = insert(_DELIVERY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a step writes of one intent."""

    intent: Intent
    """As it was read."""
    columns: Mapping[str, object]
    """What is written; all that take a step together write the same columns."""
    becomes: Mapping[str, object] | None = None
    """The fields of `Intent` that change thereby, where they are others than `columns`."""
    by: Actor | None = None
    """Who takes the step; None: whoever acts here."""


def take(
    session: Session, changes: Sequence[Change], *, expected: tuple[IntentState, ...], to: IntentState
) -> list[Intent]:
    """Go from one of the `expected` states to `to`, if nobody was faster.

    Raises:
        NotRegistered: `not-registered`.
        RegistryError: `intent-state`: one of them is in another state.
    """
    if not changes:
        return []
    for change in changes:
        check_digest(*(str(v) for k, v in change.columns.items() if k.endswith("sha256") and v is not None))
        if change.intent.state not in expected:
            refuse(change.intent, expected)
    session.flush()
    names = {name: f"new_{name}" for name in changes[0].columns}
    rows = [
        {"this": str(c.intent.id), "was": c.intent.state, **{names[n]: value for n, value in c.columns.items()}}
        for c in sorted(changes, key=lambda c: c.intent.sequence)  # so that nobody waits in a circle for these rows
    ]
    changed = write_rows(session.connection(), _change(to, tuple(names)), rows)
    session.expire_all()
    if changed != len(changes):
        _refuse_others(session, [change.intent for change in changes], expected, to)
    taken = []
    for change in changes:
        fields = {n: _as_kept(v) for n, v in (change.becomes or change.columns).items()}
        now_is = replace(change.intent, state=to, **fields)  # type: ignore[arg-type]  # the fields are those of Intent
        _note(session, now_is, numbered="numbered_at" in change.columns, by=change.by or actor())
        taken.append(now_is)
    return taken


@lru_cache(maxsize=64)
def _change(to: IntentState, names: tuple[str, ...]) -> Update:
    """The statement of one kind of step; SQLAlchemy takes longer to put it together than SQLite to run it."""
    columns = _INTENT.c
    return (
        update(_INTENT)
        .where(columns.id == bindparam("this"), columns.state == bindparam("was", type_=columns.state.type))
        .values(state=to, **{name: bindparam(f"new_{name}", type_=columns[name].type) for name in names})
    )


def refuse(found: Intent, expected: tuple[IntentState, ...]) -> NoReturn:
    """Say that `found` is in none of the `expected` states."""
    raise RegistryError("intent-state", id=str(found.id), expected=_either(expected), found=found.state.word)


def _refuse_others(
    session: Session, intents: Sequence[Intent], expected: tuple[IntentState, ...], to: IntentState
) -> NoReturn:
    """Say which of `intents` did not go `to`; the transaction is undone for all of them."""
    found = [one(session, intent.id) for intent in intents]
    refuse(next((each for each in found if each.state is not to), found[0]), expected)


def _either(states: tuple[IntentState, ...]) -> Reason:
    first, *others = states
    return Reason("either", {"one": first.word, "other": _either(tuple(others))}) if others else first.word


def _as_kept(value: object) -> object:
    """A time as it comes back from the database."""
    return aware(value).astimezone(UTC) if isinstance(value, datetime) else value


def check_digest(*digests: str | None) -> None:
    """Raise `digest-invalid` where one is no SHA-256 in small hexadecimal digits."""
    for digest in digests:
        if digest is not None and not _SHA256.fullmatch(digest):
            raise InputError("digest-invalid", length=len(digest))


# What each state says when it was reached, and about which bytes.
_RECORDS = {
    IntentState.AWAITING: ("awaiting_at", "person_prepared_sha256"),
    IntentState.APPROVED: ("approved_at", "approved_sha256"),
    IntentState.PREPARED: ("prepared_at", "prepared_sha256"),
    IntentState.SIGNED: ("signed_at", "signed_sha256"),
    IntentState.ISSUED: ("issued_at", "signed_sha256"),
    IntentState.VOID: ("voided_at", "request_digest"),
}


def _note(session: Session, now_is: Intent, *, numbered: bool, by: Actor) -> None:
    when, which = _RECORDS[now_is.state]
    note(
        session,
        "intent.numbered" if numbered else f"intent.{now_is.state.value}",
        at=getattr(now_is, "numbered_at" if numbered else when),
        agency=str(now_is.agency),
        object=now_is.id,
        digest=getattr(now_is, which),
        by=by,
    )


def prepare(session: Session, changes: Sequence[Change]) -> list[Intent]:
    """Go to PREPARED: from APPROVED, or from RESERVED where no person signs first.

    Raises:
        NotRegistered: `not-registered`.
        RegistryError: `intent-state`, `intent-not-numbered` or `main-not-numbered`.
    """
    for found in (change.intent for change in changes):
        if found.person and found.state is IntentState.RESERVED:
            refuse(found, (IntentState.APPROVED,))
        if found.state in {IntentState.RESERVED, IntentState.APPROVED} and found.number is None:
            if found.numbering is Numbering.AT_RELEASE:
                raise RegistryError("intent-not-numbered", id=str(found.id))
            if found.main is not None:  # whose number it prints
                raise RegistryError("main-not-numbered", id=str(found.id), main=str(found.main))
    before = (IntentState.RESERVED, IntentState.APPROVED)
    return take(session, changes, expected=before, to=IntentState.PREPARED)


def void(session: Session, id: ResultId, *, reason: Reason, why: str, at: datetime) -> Intent:  # noqa: A002
    """Give up; the number, the status number and the idempotency key stay taken for ever.

    What is attached goes with it: none of that can be issued, because its main result is not.
    """
    given_up = _give_up(session, id, reason=reason, why=why, at=at)
    attached = [a for a in attachments(session, id) if not a.state.final]
    for each in attached:
        _give_up(session, each.id, reason=Reason("main-void", {"main": str(id)}), why=why, at=at)
    status.mark(session, *(row(session, each.id) for each in (given_up, *attached)))
    return given_up


def _give_up(session: Session, id: ResultId, *, reason: Reason, why: str, at: datetime) -> Intent:  # noqa: A002
    facts = plain(reason.facts)
    change = Change(
        intent=one(session, id),
        columns={"voided_at": at, "void_code": reason.code, "void_facts": facts, "void_why": why},
        becomes={"voided_at": at, "void_reason": Reason(reason.code, facts), "void_why": why},
    )
    return take(session, [change], expected=(*FOR_CODE, *FOR_PEOPLE), to=IntentState.VOID)[0]


def deliver(
    session: Session, places: Mapping[ResultId, str], *, at: datetime, by: Mapping[ResultId, Actor] | None = None
) -> None:
    """Record that files reached their places; several places are several entries.

    Raises:
        NotRegistered: `not-registered`.
        RegistryError: `intent-state`: one of them is not ISSUED.
    """
    if not places:
        return
    found = {r.id: r for r in lock_rows(session, list(places))}
    for id in places:  # noqa: A001
        if str(id) not in found:
            raise NotRegistered("not-registered", id=str(id))
        if found[str(id)].state is not IntentState.ISSUED:
            refuse(one(session, id), (IntentState.ISSUED,))
    connection, before = session.connection(), _delivered_before(session, list(found))
    entries = [
        {"result_id": str(id), "position": before.get(str(id), 0), "at": at, "where": where}
        for id, where in places.items()  # noqa: A001
    ]
    write_rows(connection, _DELIVERED, [{"this": this, "new_at": at} for this in found])
    write_rows(connection, _DELIVER, entries)
    versions.delivered(session, list(found), at=at)
    for id in places:  # noqa: A001
        note(session, "intent.delivered", at=at, agency=found[str(id)].agency, object=id, by=by[id] if by else None)
    session.expire_all()


def _delivered_before(session: Session, ids: Sequence[str]) -> dict[str, int]:
    """How often each was delivered already, where it was."""
    counted = select(_DELIVERY.c.result_id, func.count().label("times")).where(_DELIVERY.c.result_id.in_(ids))
    found = session.connection().execute(counted.group_by(_DELIVERY.c.result_id))
    return {r.result_id: r.times for r in found}
