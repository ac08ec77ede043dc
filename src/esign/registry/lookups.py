"""What the public may learn of issued results, many at a time: a few narrow queries, whatever is found."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import RowMapping, Select, bindparam, func, select
from sqlalchemy.orm import Session, aliased

from esign.codes import AgencyCode, DocumentNumber, ProcedureCode, ResultId
from esign.document import Standing, StandingChange
from esign.registry import presentations
from esign.registry.models import IntentRow, StandingRow
from esign.registry.presentations import Presented
from esign.registry.shards import OtherResult
from esign.registry.standing import CurrentStanding, fold
from esign.registry.store import Store
from esign.registry.values import IntentKind, IntentState

__all__ = ["Lookups", "PublicEntry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicEntry:
    """An issued result as its paper shows it, and what holds of it."""

    id: ResultId
    """Printed below its QR."""
    agency: AgencyCode
    """Who issued it."""
    number: DocumentNumber | None
    """Số, ký hiệu."""
    issue_date: date
    """The date that it carries."""
    title: str
    """The kind of document."""
    masked_holder: str = field(repr=False)
    """Only what the profile stores."""
    procedure: ProcedureCode | None
    """The procedure that it ended."""
    profile: str
    """The issuance profile's name."""
    standing: CurrentStanding
    """What holds."""
    others: tuple[OtherResult, ...]
    """What corrects it, or the one that replaces it."""


class Lookups:
    """Reads results for the public; safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def issued(self, ids: Collection[str], *, at: datetime) -> Mapping[str, PublicEntry]:
        """Those of `ids`, as they are printed, that are issued results, attachments or copies."""
        with self._store.read() as session:
            rows = session.execute(_narrow_query(), {"ids": sorted(ids)}).mappings().all()
            changes = _changes(session, {row["owner"] for row in rows}, at=at)
            standings = {row["id"]: fold(changes.get(row["owner"], ()), _end(row), at) for row in rows}
            related = {id_ for standing in standings.values() for id_ in _related(standing)}
            numbers = _numbers(session, {str(id_) for id_ in related})
        return {row["id"]: _entry(row, standings[row["id"]], numbers) for row in rows}

    def presented(self, digits: str) -> Presented | None:
        """The result that a code of docs/spec/presentation.md shows, whether it was used up or not; None: none.

        For readers that cannot write: that a code works once is theirs to see to.
        """
        with self._store.read() as session:
            return presentations.presented(session, digits)


@cache
def _narrow_query() -> Select[Any]:
    """Only what is shown, with what an attachment has from its main result."""
    own, main = aliased(IntentRow), aliased(IntentRow)
    printed = (getattr(main, n) for n in ("number", "year", "symbol", "with_year", "issue_date"))
    return (
        select(
            own.id,
            func.coalesce(own.main, own.id).label("owner"),
            *(own.agency, own.title, own.masked_holder, own.procedure, own.profile, own.expires),
            *printed,
            main.expires.label("main_expires"),
        )
        .join(main, main.id == func.coalesce(own.main, own.id))
        .where(
            own.id.in_(bindparam("ids", expanding=True)),
            own.state == IntentState.ISSUED,
            own.kind != IntentKind.SIGNATURE,
        )
    )


def _changes(session: Session, owners: set[str], *, at: datetime) -> Mapping[str, Sequence[StandingChange]]:
    """What took effect by `at`, by result, in the order in which it was recorded."""
    found: defaultdict[str, list[StandingChange]] = defaultdict(list)
    if owners:
        columns = (StandingRow.result_id, StandingRow.standing, StandingRow.at, StandingRow.other)
        query = select(*columns).where(StandingRow.result_id.in_(owners)).order_by(StandingRow.position)
        for owner, standing, when, other in session.execute(query):
            if when <= at:
                id_ = ResultId.parse(other) if other else None
                found[owner].append(StandingChange(standing=standing, at=when, by="", why="", other=id_))
    return found


def _related(standing: CurrentStanding) -> tuple[ResultId, ...]:
    """What corrects it, or the one that replaces it."""
    if standing.replaced_by is not None:
        return (standing.replaced_by,)
    return standing.corrections if standing.standing is Standing.CORRECTED else ()


def _numbers(session: Session, ids: set[str]) -> Mapping[str, DocumentNumber | None]:
    if not ids:
        return {}
    columns = (IntentRow.id, IntentRow.number, IntentRow.year, IntentRow.with_year, IntentRow.symbol)
    found = session.execute(select(*columns).where(IntentRow.id.in_(ids)))
    return {id_: _number(number, year, with_year, symbol) for id_, number, year, with_year, symbol in found}


def _number(number: int | None, year: int, with_year: bool, symbol: str | None) -> DocumentNumber | None:  # noqa: FBT001
    if number is None or symbol is None:
        return None
    return DocumentNumber(number, year if with_year else None, symbol)


def _end(row: RowMapping) -> datetime | None:
    return min((end for end in (row["expires"], row["main_expires"]) if end is not None), default=None)


def _entry(row: RowMapping, standing: CurrentStanding, numbers: Mapping[str, DocumentNumber | None]) -> PublicEntry:
    return PublicEntry(
        id=ResultId.parse(row["id"]),
        agency=AgencyCode(row["agency"]),
        number=_number(row["number"], row["year"], row["with_year"], row["symbol"]),
        issue_date=row["issue_date"],
        title=row["title"],
        masked_holder=row["masked_holder"],
        procedure=ProcedureCode(row["procedure"]) if row["procedure"] else None,
        profile=row["profile"],
        standing=standing,
        others=tuple(OtherResult(id=id_, number=numbers.get(str(id_))) for id_ in _related(standing)),
    )
