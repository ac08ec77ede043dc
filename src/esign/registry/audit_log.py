"""The audit chain as people and the service use it: record what changed nothing, read it, keep its anchors."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import insert, select

from esign.errors import RegistryError
from esign.registry.audit import Note, actor, append_many, note
from esign.registry.audit_models import AnchorRow, AuditRow
from esign.registry.chain import Entry
from esign.registry.models import IssuedRow
from esign.registry.store import Store

__all__ = ["Anchor", "AuditLog"]

_PAGE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A signature of the agency's key over the chain as far as an entry (docs/spec/audit.md §4)."""

    sequence: int
    """Of the entry."""
    at: datetime
    """When it was signed, by our clock."""
    content: str
    """What is signed."""
    signature: bytes = field(repr=False)
    """A detached CMS."""


class AuditLog:
    """The audit chain of a register."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def record(
        self,
        act: str,
        *,
        agency: str = "",
        object: object = "",  # noqa: A002  # the entry's own word
        digest: str = "",
        outcome: str = "ok",
    ) -> None:
        """Append an entry for what changed nothing: a refusal, a document that was read. It is durable on return.

        Raises:
            RegistryError: `audit-not-writable`: then nothing may be answered that it would have recorded.
        """
        try:
            with self._store.write() as session:
                note(session, act, at=self._now(), agency=agency, object=object, digest=digest, outcome=outcome)
        except RegistryError as e:
            raise RegistryError("audit-not-writable", problem=e.reason) from e

    def entries(
        self,
        *,
        after: int = -1,
        limit: int = 100,
        agency: str | None = None,
        object: str | None = None,  # noqa: A002
    ) -> tuple[Entry, ...]:
        """Entries in order, from the one behind `after` on."""
        query = select(AuditRow).where(AuditRow.sequence > after).order_by(AuditRow.sequence).limit(limit)
        if agency is not None:
            query = query.where(AuditRow.agency == agency)
        if object is not None:
            query = query.where(AuditRow.object == object)
        with self._store.read() as session:
            return tuple(map(_as_entry, session.scalars(query)))

    def latest(self, act: str, *, object: str) -> Entry | None:  # noqa: A002
        """The newest entry that says `act` of `object`; None where there is none."""
        query = select(AuditRow).where(AuditRow.object == object, AuditRow.act == act)
        with self._store.read() as session:
            found = session.scalar(query.order_by(AuditRow.sequence.desc()).limit(1))
            return _as_entry(found) if found else None

    def all(self) -> Iterator[Entry]:
        """The whole chain in order, read in pieces; what is appended meanwhile comes along."""
        last = -1
        while page := self.entries(after=last, limit=_PAGE):
            yield from page
            last = page[-1].sequence

    def head(self) -> Entry | None:
        """The newest entry; None where somebody has emptied the table."""
        with self._store.read() as session:
            found = session.scalar(select(AuditRow).order_by(AuditRow.sequence.desc()).limit(1))
            return _as_entry(found) if found else None

    def begin_anchor(self) -> Entry:
        """Append the entry that the next anchor signs, before the key is asked (DESIGN law 1)."""
        with self._store.write() as session:
            return append_many(session, [Note(at=self._now(), act="audit.anchor", by=actor())])

    def keep(self, anchor: Anchor) -> None:
        """Store an anchor; never changed, never deleted."""
        values = {"sequence": anchor.sequence, "content": anchor.content, "signature": anchor.signature}
        with self._store.write() as session:
            session.execute(insert(AnchorRow).values(at=anchor.at, **values))

    def anchors(self) -> tuple[Anchor, ...]:
        """All anchors that are stored here, in order."""
        with self._store.read() as session:
            return tuple(map(_as_anchor, session.scalars(select(AnchorRow).order_by(AnchorRow.sequence))))

    def last_anchor(self, *, before: Entry | None = None) -> Anchor | None:
        """The newest one, or the newest for an entry that came before `before`."""
        query = select(AnchorRow).order_by(AnchorRow.sequence.desc()).limit(1)
        if before is not None:
            query = query.where(AnchorRow.sequence < before.sequence)
        with self._store.read() as session:
            found = session.scalar(query)
            return _as_anchor(found) if found else None

    def unaudited(self) -> tuple[str, ...]:
        """Results and keys of access that the register has and no entry tells of.

        What was issued before the chain began is told of by its first entry, all together.
        """
        from esign.registry.access_models import AccessKeyRow  # noqa: PLC0415  # late: who issues has no use for it

        told = select(AuditRow.sequence)
        issued = select(IssuedRow.id, IssuedRow.sha256).where(
            ~told.where(
                AuditRow.object == IssuedRow.id, AuditRow.act == "intent.issued", AuditRow.digest == IssuedRow.sha256
            ).exists()
        )
        granted = ("access.issued", "access.rotated")
        keys = select(AccessKeyRow.id).where(
            ~told.where(AuditRow.object == AccessKeyRow.id, AuditRow.act.in_(granted)).exists()
        )
        with self._store.read() as session:
            quiet = {sha256: id_ for id_, sha256 in session.execute(issued)}
            first = session.scalar(select(AuditRow.digest).filter_by(sequence=0))
            if quiet and hashlib.sha256("\n".join(sorted(quiet)).encode()).hexdigest() == first:
                quiet = {}
            return (*quiet.values(), *session.scalars(keys))


def _as_entry(r: AuditRow) -> Entry:
    return Entry(
        sequence=r.sequence,
        at=r.at,
        actor=r.actor,
        request=r.request,
        act=r.act,
        agency=r.agency,
        object=r.object,
        digest=r.digest,
        outcome=r.outcome,
        previous=r.previous,
        hash=r.hash,
    )


def _as_anchor(r: AnchorRow) -> Anchor:
    return Anchor(sequence=r.sequence, at=r.at, content=r.content, signature=r.signature)
