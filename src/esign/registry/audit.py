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
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from esign.registry.audit_models import AuditRow
from esign.registry.chain import Entry, chain_hash, moment, printable
from esign.registry.write_rows import write_rows

__all__ = ["NOBODY", "Actor", "Note", "act_as", "acting", "actor", "append_many", "note", "write_noted"]

_NOTES = "esign.audit"

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


def append_many(session: Session, notes: Sequence[Note]) -> Entry:
    """Append entries in one go, inside the transaction of `session`; the last of them."""
    session.flush()
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        # One writer at a time: whoever has locked the first entry appends. SQLite's BEGIN IMMEDIATE has done that.
        connection.execute(_GENESIS).one()
    last, previous = connection.execute(_HEAD).one()
    entries: list[dict[str, Any]] = []
    for sequence, each in enumerate(notes, start=last + 1):
        entry = {
            "sequence": sequence,
            "at": moment(each.at),
            "actor": printable(each.by.name, most=200),
            "request": printable(each.by.request, most=64),
            "act": printable(each.act, most=40),
            "agency": printable(each.agency, most=35),
            "object": printable(each.object, most=120),
            "digest": each.digest,
            "outcome": printable(each.outcome, most=60),
            "previous": previous,
        }
        previous = entry["hash"] = chain_hash(**entry)
        entries.append(entry)
    write_rows(connection, _APPEND, entries)
    return Entry(**entries[-1])
