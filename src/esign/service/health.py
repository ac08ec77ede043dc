"""Whether it lives, and whether it can issue.

`/livez` says that the process answers; a failing one is to be started again. `/readyz` says whether results can be
issued now; where it says no, starting again helps nobody, and other machines should be asked. Why, and at which
agency, is said inside: at the port of the figures (`esign.service.inside`).
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from esign.api.health import Health
from esign.service.checkup import Checkup, for_strangers
from esign.service.openapi import answering
from esign.service.trail import for_everybody

__all__ = ["router"]

router = APIRouter(tags=["health"])


@router.get("/livez", summary="Whether the process answers", response_model=Health)
@for_everybody
async def livez() -> Response:
    """Says nothing of tokens and databases: starting again would not bring them back."""
    return answering(Health(ready=True))


@router.get(
    "/readyz",
    summary="Whether results can be issued",
    response_model=Health,
    responses={503: {"model": Health, "description": "They cannot; the checks say what is missing."}},
)
@for_everybody
async def readyz(request: Request) -> Response:
    """The state of token, database, certificates, clock, disk and anchors; the worst, where there are several."""
    checkup: Checkup = request.app.state.health
    health = for_strangers(await checkup.look())
    return answering(health, status=200 if health.ready else 503)
