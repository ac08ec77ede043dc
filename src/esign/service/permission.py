"""Whether whoever asks may do this here: every route of an agency declares its act; what declares none is not served.

>>> @router.get("/agencies/{agency}/results")
... async def results(asked: Annotated[Asked, Depends(permitted(Act.READ))]) -> ResultPage: ...
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Path, Request

from esign.codes import AgencyCode
from esign.errors import Error, ServiceError
from esign.registry import act_as
from esign.service.access import Act, Principal
from esign.service.offices import Office, Parts, parts_of
from esign.service.trail import attempt, request_id

__all__ = ["AgencyPath", "Asked", "permitted"]

AgencyPath = Annotated[
    str, Path(min_length=3, max_length=60, description="The agency's identifier (mã định danh).", examples=["H26.1.2"])
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that may be answered: by whom, and at which office."""

    principal: Principal
    """Whoever asks."""
    office: Office
    """The agency of the path."""
    parts: Parts
    """The service."""


def permitted(act: Act) -> Callable[[Request, str], Awaitable[Asked]]:
    """A dependency: who asks is known and may do `act` at the agency of the path.

    An agency where somebody is nothing is answered as one that is not there.
    """

    async def dependency(request: Request, agency: AgencyPath) -> Asked:
        parts = parts_of(request)
        try:
            code = AgencyCode.parse(agency)
        except Error:
            code = None
        tried = attempt(request.scope, act, agency=code)
        principal = await parts.authenticator.authenticate(request)
        tried.actor = principal.name
        # This coroutine runs in the request's own task: what the route does from here on is done by them.
        act_as(principal.name, request=request_id(request.scope))
        if code is None or not principal.roles.get(code):
            raise ServiceError("agency-unknown")
        office = parts.office(code)
        if not principal.may(act, code):
            raise ServiceError("not-permitted", act=act.value)
        return Asked(principal=principal, office=office, parts=parts)

    dependency.act = act  # type: ignore[attr-defined]  # for the table of routes and acts
    return dependency
