"""The audit chain, for the auditor of an agency; that somebody read it is recorded as well."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from esign.api.audit import AuditEntry, AuditPage
from esign.registry import Entry
from esign.service.access import Act
from esign.service.permission import Asked, permitted

__all__ = ["router"]

router = APIRouter(tags=["audit"])


@router.get("/agencies/{agency}/audit", summary="The entries of the audit chain that concern this agency")
async def entries(
    asked: Annotated[Asked, Depends(permitted(Act.AUDIT))],
    *,
    after: Annotated[int, Query(ge=-1, lt=1 << 63, description="The `next` of the page before.")] = -1,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    object: Annotated[str | None, Query(max_length=120, description="Only those about this id.")] = None,  # noqa: A002
) -> AuditPage:
    """Oldest first. That nothing is missing is for `esign audit verify` to say, which sees the whole chain."""
    found = await asked.parts.reading.run(
        asked.office.registry.audit.entries,
        after=after,
        limit=limit + 1,
        agency=str(asked.office.code),
        object=object,
    )
    page = found[:limit]
    return AuditPage(
        entries=[_shown(entry) for entry in page], next=str(page[-1].sequence) if len(found) > limit else None
    )


def _shown(entry: Entry) -> AuditEntry:
    return AuditEntry(
        sequence=entry.sequence,
        at=entry.at,
        actor=entry.actor,
        request=entry.request,
        act=entry.act,
        agency=entry.agency,
        object=entry.object,
        digest=entry.digest,
        outcome=entry.outcome,
        previous=entry.previous,
        hash=entry.hash,
    )
