"""Four eyes: what somebody decided about exactly the bytes that the agency's key is to sign.

Who asked for a document is what the audit chain says: whoever recorded it, numbered it or had it prepared. None of them
approves it, and nobody behind whom the same person stands. A key of access that one of them made for somebody is no
second person, and neither is whoever made theirs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from esign.codes import AgencyCode, ResultId
from esign.errors import RegistryError
from esign.reasons import Reason
from esign.registry import intents
from esign.registry.access_models import AccessKeyRow, ApprovalRow
from esign.registry.audit import NOBODY, actor, note
from esign.registry.audit_models import AuditRow
from esign.registry.locking import lock_row
from esign.registry.models import IntentRow
from esign.registry.persons import PROGRAMS, is_same, name_of, person_of
from esign.registry.steps import void
from esign.registry.store import Store
from esign.registry.tasks import go_on_now
from esign.registry.values import Intent, IntentState

__all__ = ["Approvals", "Decision"]

_KEY = "key:"
_MAKING = ("intent.reserved", "intent.numbered", "intent.prepared")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One person's word on one prepared document."""

    by: str
    """Whose, as the audit names them."""
    at: datetime
    """When."""
    prepared_sha256: str
    """On which bytes."""
    approved: bool
    """Yes or no."""
    why: str
    """In their words."""


class Approvals:
    """The approvals of a register."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def decide(
        self,
        id: ResultId,  # noqa: A002  # the register's word
        *,
        prepared_sha256: str,
        approved: bool,
        why: str = "",
        persons: bool = False,
    ) -> Decision:
        """Record what whoever acts here decides; a refusal gives the intent up in the same moment.

        The same decision again is the same decision. With `persons` it counts only where everybody is a person.

        Raises:
            NotRegistered: `not-registered`.
            RegistryError: `approval-other-bytes`: it was prepared anew, or is another document; `approval-own`;
                `approval-person-missing`; `approval-decided`: they decided otherwise before; `intent-state`: it waits
                for nobody.
        """
        by, now = actor().name, self._now()
        with self._store.write() as session:
            lock_row(session, id)
            intent = intents.as_intent(intents.row(session, id))
            known = session.get(ApprovalRow, (str(id), prepared_sha256, by))
            if known is not None:
                if known.approved is not approved:
                    raise RegistryError("approval-decided", id=str(id))
                return _as_decision(known)
            if intent.state is not IntentState.PREPARED:
                expected = IntentState.PREPARED.word
                raise RegistryError("intent-state", id=str(id), expected=expected, found=intent.state.word)
            if intent.prepared_sha256 != prepared_sha256:
                raise RegistryError("approval-other-bytes", id=str(id))
            makers = _makers(session, id)
            if not _is_another(session, by, makers, intent.agency):
                raise RegistryError("approval-own", id=str(id))
            if persons and not _are_persons(by, *makers):
                raise RegistryError("approval-person-missing", id=str(id))
            values = {"prepared_sha256": prepared_sha256, "by": by, "at": now, "approved": approved, "why": why}
            session.execute(insert(ApprovalRow).values(result_id=str(id), **values))
            act = "approval.given" if approved else "approval.refused"
            note(session, act, at=now, agency=str(intent.agency), object=id, digest=prepared_sha256)
            if approved:
                go_on_now(session, id, at=now)
            else:
                void(session, id, reason=Reason("approval-refused"), why=why, at=now)
            return _as_decision(session.get_one(ApprovalRow, (str(id), prepared_sha256, by)))

    def given(self, intent: Intent, *, persons: bool = False) -> bool:
        """Whether somebody else than who asked approved the very bytes that `intent` was prepared as.

        With `persons` only where everybody is a person who is known.
        """
        query = select(ApprovalRow.by).filter_by(
            result_id=str(intent.id), prepared_sha256=intent.prepared_sha256, approved=True
        )
        with self._store.read() as session:
            makers = _makers(session, intent.id)
            return any(
                _is_another(session, by, makers, intent.agency) and (not persons or _are_persons(by, *makers))
                for by in session.scalars(query)
            )

    def of(self, id: ResultId) -> tuple[Decision, ...]:  # noqa: A002
        """Every decision on `id`, oldest first."""
        query = select(ApprovalRow).filter_by(result_id=str(id)).order_by(ApprovalRow.at, ApprovalRow.by)
        with self._store.read() as session:
            return tuple(map(_as_decision, session.scalars(query)))

    def waiting(self, agency: AgencyCode) -> tuple[Intent, ...]:
        """What is prepared and has no decision on these bytes, oldest first."""
        decided = select(ApprovalRow.result_id).where(
            ApprovalRow.result_id == IntentRow.id, ApprovalRow.prepared_sha256 == IntentRow.prepared_sha256
        )
        query = (
            select(IntentRow)
            .where(IntentRow.state == IntentState.PREPARED, IntentRow.agency == str(agency), ~decided.exists())
            .order_by(IntentRow.sequence)
        )
        with self._store.read() as session:
            return tuple(map(intents.as_intent, session.scalars(query)))


def _makers(session: Session, id: ResultId) -> set[str]:  # noqa: A002
    return set(session.scalars(select(AuditRow.actor).where(AuditRow.object == str(id), AuditRow.act.in_(_MAKING))))


def _is_another(session: Session, by: str, makers: set[str], agency: AgencyCode) -> bool:
    """Whether `by` is somebody else than `makers`, as far as the audit chain can tell."""
    behind = {maker for name in makers for maker in _key_makers(session, name, agency)}
    same = any(is_same(by, other) for other in makers | behind)
    return not same and not any(is_same(m, other) for m in _key_makers(session, by, agency) for other in makers)


def _are_persons(*actors: str) -> bool:
    """Whether a person stands behind each of them; the program itself only goes on with what somebody asked for."""
    return all(person_of(actor) for actor in actors if actor not in PROGRAMS)


def _key_makers(session: Session, actor: str, agency: AgencyCode) -> set[str]:
    """Who made the keys of access that somebody comes in with; another agency's keys of that name are others'."""
    name = name_of(actor)
    if not name.startswith(_KEY):
        return set()
    rows = session.scalars(select(AccessKeyRow).filter_by(name=name.removeprefix(_KEY)))
    keys = [row.id for row in rows if str(agency) in {where for where, _ in row.grants}]
    made = select(AuditRow.actor).where(
        AuditRow.object.in_(keys), AuditRow.act.in_(("access.issued", "access.rotated")), AuditRow.actor != NOBODY
    )
    return set(session.scalars(made))


def _as_decision(r: ApprovalRow) -> Decision:
    return Decision(by=r.by, at=r.at, prepared_sha256=r.prepared_sha256, approved=r.approved, why=r.why)
