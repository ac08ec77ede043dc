"""Writing the audit chain: what a transaction did stands in it when that transaction commits, or neither is there.

The functions that change the register say so with `note`; `Store.write` writes all notes of its transaction at the end
of it, so the chain is locked for a moment only. Who acts is said once, around a piece of work:

>>> with acting("key:portal", request="5f0c"):
...     issuer.issue(request)

A new thread starts without it: hand `contextvars.copy_context()` on where work changes threads.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from esign.registry.audit_models import AuditRow
from esign.registry.chain import Entry, chain_hash, moment, printable

__all__ = ["NOBODY", "Actor", "Note", "act_as", "acting", "actor", "append_many", "note", "write_noted"]

_NOTES = "esign.audit"
_LENGTHS = {"actor": 200, "request": 64, "act": 40, "agency": 35, "object": 120, "outcome": 60}

_AUDIT = AuditRow.__table__
_GENESIS = select(_AUDIT.c.sequence).where(_AUDIT.c.sequence == 0).with_for_update()
_HEAD = select(_AUDIT.c.sequence, _AUDIT.c.hash).order_by(_AUDIT.c.sequence.desc()).limit(1)
_APPEND = insert(AuditRow.__table__)  # type: ignore[arg-type]  # SQLAlchemy types __table__ as FromClause


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts; no personal data."""

    name: str
    """As entries record it."""
    request: str = ""
    """The request of the service that it belongs to."""


NOBODY = "local"
"""Who acts where nobody said it."""
_NOBODY = Actor(NOBODY)
_actor: ContextVar[Actor] = ContextVar("esign_actor", default=_NOBODY)


def actor() -> Actor:
    """Who acts here; `local` where nobody said."""
    return _actor.get()


def act_as(name: str, *, request: str = "") -> Token[Actor]:
    """From here on, in this context: for frameworks that call us in pieces; elsewhere `acting`."""
    return _actor.set(Actor(name, request))


@contextmanager
def acting(name: str, *, request: str = "") -> Iterator[None]:
    """What is done inside is done by `name`."""
    token = act_as(name, request=request)
    try:
        yield
    finally:
        _actor.reset(token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What will be an entry once its transaction ends."""

    at: datetime
    """When."""
    act: str
    """What."""
    agency: str = ""
    """Where."""
    object: str = ""
    """To what."""
    digest: str = ""
    """SHA-256 of the document concerned."""
    outcome: str = "ok"
    """`ok`, or a reason code."""
    by: Actor
    """Who."""


def note(
    session: Session,
    act: str,
    *,
    at: datetime,
    agency: str = "",
    object: object = "",  # noqa: A002
    digest: str | None = "",
    outcome: str = "ok",
    by: Actor | None = None,
) -> None:
    """Let the transaction of `session` leave this entry; `by` is whoever acts here, where nobody is named."""
    noted = Note(
        at=at, act=act, agency=agency, object=str(object), digest=digest or "", outcome=outcome, by=by or _actor.get()
    )
    session.info.setdefault(_NOTES, []).append(noted)


def write_noted(session: Session) -> None:
    """Append what was noted in `session`; `Store.write` calls it as the last thing before it commits."""
    noted = session.info.pop(_NOTES, None)
    if noted:
        append_many(session, noted)


def append_many(session: Session, notes: Sequence[Note]) -> tuple[Entry, ...]:
    """Append entries in one go, inside the transaction of `session`."""
    session.flush()
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        # One writer at a time: whoever has locked the first entry appends. SQLite's BEGIN IMMEDIATE has done that.
        connection.execute(_GENESIS).one()
    sequence, previous = connection.execute(_HEAD).one()
    entries = []
    for each in notes:
        sequence += 1
        fields = {
            "sequence": sequence,
            "at": moment(each.at),
            "actor": each.by.name,
            "request": each.by.request,
            "act": each.act,
            "agency": each.agency,
            "object": each.object,
            "digest": each.digest,
            "outcome": each.outcome,
            "previous": previous,
        }
        fields |= {name: printable(fields[name], most=most) for name, most in _LENGTHS.items()}
        previous = chain_hash(**fields)
        entries.append(fields | {"hash": previous})
    connection.execute(_APPEND, entries)
    return tuple(Entry(**e) for e in entries)
