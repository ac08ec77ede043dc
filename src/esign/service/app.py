"""The application: routers over the two workflows and the register, with everything that guards them around it.

>>> app = create_app(parts)     # run it with any ASGI server; `esign serve` uses uvicorn
"""

from collections.abc import Sequence
from importlib.metadata import version

from fastapi import APIRouter, FastAPI

from esign.service import (
    access_keys,
    approvals,
    audit,
    documents,
    health,
    officials,
    problems,
    reference,
    results,
    standing,
    verifications,
)
from esign.service.bodies import BodyGuard
from esign.service.logs import Observed
from esign.service.offices import Parts
from esign.service.openapi import describe
from esign.service.shield import Shield
from esign.service.trail import AuditTrail, refuse_undeclared

__all__ = ["create_app"]

_DESCRIPTION = """\
Issue administrative results as signed and sealed PDFs, look after their standing, and verify documents.

Every refusal is a problem (RFC 9457) with a stable `code` and with what to do next, in Vietnamese and English.
Repeat any POST with the same `Idempotency-Key` as often as you need to: it is done once.
"""
_ROUTERS: Sequence[APIRouter] = (
    results.router,
    standing.router,
    officials.router,
    documents.router,
    verifications.router,
    approvals.router,
    access_keys.router,
    audit.router,
)


def create_app(parts: Parts) -> FastAPI:
    """The service for portals and offices."""
    app = FastAPI(
        title="esign",
        version=version("esign"),
        summary="Issue, sign, seal and verify administrative results",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    app.state.parts = parts
    for router in (*_ROUTERS, *parts.routers):
        app.include_router(router, prefix="/v1")
    app.include_router(health.router)
    app.include_router(reference.router)
    refuse_undeclared(app)
    problems.install(app)
    describe(app)
    app.add_middleware(BodyGuard, limits=parts.limits)
    app.add_middleware(AuditTrail, parts=parts)
    app.add_middleware(Shield)
    app.add_middleware(Observed, metrics=parts.metrics)
    return app
