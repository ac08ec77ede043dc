"""What an issued file became by appending, and the levels that are still to be reached."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from esign.codes import ResultId
from esign.errors import RegistryError
from esign.profile import Level
from esign.reasons import Reason
from esign.registry import events
from esign.registry.audit import note
from esign.registry.locking import alone, lock_row
from esign.registry.models import IntentRow, IssuedRow, UpgradeRow, VersionRow
from esign.registry.plain import plain
from esign.registry.registration import FileVersion, Upgrade
from esign.registry.values import IntentState

__all__ = ["add", "delivered", "failed", "known_as", "promise", "undelivered", "upgrades"]


_ISSUED, _VERSION = cast("Table", IssuedRow.__table__), cast("Table", VersionRow.__table__)
_UPGRADE = cast("Table", UpgradeRow.__table__)
_ISSUED_AS = select(_ISSUED.c.id).where(_ISSUED.c.sha256.in_(bindparam("these", expanding=True))).limit(1)
_GREW_TO = select(_VERSION.c.result_id).where(_VERSION.c.sha256.in_(bindparam("these", expanding=True))).limit(1)


def promise(session: Session, wanted: Mapping[ResultId, Upgrade]) -> None:
    """Record levels for later, with the registrations."""
    if wanted:
        session.connection().execute(
            insert(_UPGRADE),
            [
                {"result_id": str(id), "level": u.level, "due": u.due, "alarm": u.alarm, "tries": u.tries}
                for id, u in wanted.items()  # noqa: A001
            ],
        )


def add(session: Session, found: IntentRow, version: FileVersion, *, at: datetime, after: str | None = None) -> None:
    """Register a version of an ISSUED file, made from the one with the digest `after`; its level ends the promise.

    Raises:
        RegistryError: `intent-state`, `file-already-registered`, `version-overtaken`, `version-not-longer`.
    """
    alone(session, f"file {version.sha256}")
    lock_row(session, found.id)
    if found.state is not IntentState.ISSUED or found.issued is None:
        raise RegistryError("intent-state", id=found.id, expected=IntentState.ISSUED.word, found=found.state.word)
    other = known_as(session, version.sha256)
    if other is not None:
        raise RegistryError("file-already-registered", id=found.id, other=other)
    newest = found.issued.versions[-1].sha256 if found.issued.versions else found.issued.sha256
    if after not in (None, newest):
        raise RegistryError("version-overtaken", id=found.id)
    longest = max([found.issued.size, *(v.size for v in found.issued.versions)])
    if version.size <= longest:
        raise RegistryError("version-not-longer", id=found.id, size=version.size, before=longest)
    session.execute(
        insert(VersionRow).values(
            result_id=found.id,
            position=len(found.issued.versions) + 1,
            sha256=version.sha256,
            size=version.size,
            level=version.level,
            at=at,
            notices=[{"code": n.code, "facts": plain(n.facts)} for n in version.notices],
        )
    )
    note(session, "version.added", at=at, agency=found.agency, object=found.id, digest=version.sha256)
    events.version_added(session, found, version, number=len(found.issued.versions) + 1, at=at)
    levels = list(Level)
    promised = found.issued.upgrade
    if (
        promised is not None
        and promised.done_at is None
        and levels.index(version.level) >= levels.index(promised.level)
    ):
        session.execute(
            update(UpgradeRow)
            .where(UpgradeRow.result_id == found.id)
            .values(done_at=at)
            .execution_options(synchronize_session=False)
        )
    session.expire_all()


def failed(session: Session, id: ResultId, problem: Reason, *, at: datetime) -> None:  # noqa: A002
    """Record a try in vain; when it was promised does not move."""
    session.execute(
        update(UpgradeRow)
        .where(UpgradeRow.result_id == str(id), UpgradeRow.done_at.is_(None))
        .values(
            tries=UpgradeRow.tries + 1,
            tried_at=at,
            problem_code=problem.code,
            problem_facts=plain(problem.facts),
        )
        .execution_options(synchronize_session=False)
    )
    session.expire_all()


def delivered(session: Session, ids: Sequence[str], *, at: datetime) -> None:
    """All versions of these results that are there reached a receiver: the newest holds the others."""
    session.execute(
        update(VersionRow)
        .where(VersionRow.result_id.in_(ids), VersionRow.delivered_at.is_(None))
        .values(delivered_at=at)
        .execution_options(synchronize_session=False)
    )


def known_as(session: Session, *digests: str) -> str | None:
    """The id of a result that has, or had, one of these files."""
    connection, these = session.connection(), {"these": digests}
    found: str | None = connection.execute(_ISSUED_AS, these).scalar() or connection.execute(_GREW_TO, these).scalar()
    return found


def upgrades(session: Session, *, due_by: datetime | None, limit: int | None) -> list[IntentRow]:
    """The results with an open promise, the most urgent first."""
    query = (
        select(IntentRow)
        .join(UpgradeRow, UpgradeRow.result_id == IntentRow.id)
        .where(UpgradeRow.done_at.is_(None))
        .order_by(UpgradeRow.due, IntentRow.sequence)
    )
    if due_by is not None:
        query = query.where(UpgradeRow.due <= due_by)
    return list(session.scalars(query.limit(limit)))


def undelivered(session: Session) -> list[IntentRow]:
    """The results with a version that did not reach its receiver yet."""
    versions = select(VersionRow.result_id).where(VersionRow.delivered_at.is_(None))
    query = select(IntentRow).where(IntentRow.id.in_(versions)).order_by(IntentRow.sequence)
    return list(session.scalars(query))
