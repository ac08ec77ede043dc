"""The application: routers over the two workflows and the register, with everything that guards them around it.

>>> app = create_app(parts)     # for portals and offices; run it with `esign.service.server`
>>> app = create_public_app(public, checkup=checkup, metrics=metrics)     # for everybody
"""

from collections.abc import Sequence
from datetime import timedelta
from importlib.metadata import version

from fastapi import APIRouter, FastAPI

from esign.service import (
    access_keys,
    approvals,
    audit,
    batches,
    documents,
    health,
    officials,
    problems,
    reference,
    results,
    standing,
    verifications,
    webhooks,
    work,
)
from esign.service.bodies import BodyGuard
from esign.service.checkup import Checkup
from esign.service.logs import Observed
from esign.service.metrics import Metrics
from esign.service.offices import Limits, Parts
from esign.service.openapi import describe
from esign.service.public import Public
from esign.service.shield import Shield
from esign.service.trail import AuditTrail, refuse_undeclared

__all__ = ["create_app", "create_public_app"]

_DESCRIPTION = """\
Issue administrative results as signed and sealed PDFs, look after their standing, and verify documents.

Every refusal is a problem (RFC 9457) with a stable `code` and with what to do next, in Vietnamese and English.
Repeat any POST with the same `Idempotency-Key` as often as you need to: it is done once.
"""
_PUBLIC = """\
Whether a result is in force, for whoever holds its paper: by its printed id, or by what its holder's phone shows.
"""
_PUBLIC_LIMITS = Limits(body=4096, body_time=timedelta(seconds=10))
_ROUTERS: Sequence[APIRouter] = (
    results.router,
    standing.router,
    officials.router,
    documents.router,
    verifications.router,
    approvals.router,
    access_keys.router,
    audit.router,
    batches.router,
    webhooks.router,
    work.router,
)


def create_app(parts: Parts) -> FastAPI:
    """The service for portals and offices."""
    app = _app(summary="Issue, sign, seal and verify administrative results", description=_DESCRIPTION)
    app.state.parts = parts
    app.state.health = parts.health
    for router in (*_ROUTERS, *parts.routers):
        app.include_router(router, prefix="/v1")
    app.include_router(reference.router)
    if parts.public is not None:
        app.include_router(parts.public)
    app.add_middleware(BodyGuard, limits=parts.limits)
    app.add_middleware(AuditTrail, parts=parts)
    return _finished(app, parts.metrics)


def create_public_app(public: Public, *, checkup: Checkup, metrics: Metrics) -> FastAPI:
    """The public side alone: no token, no PIN, and a register that it only reads."""
    app = _app(summary="Look administrative results up", description=_PUBLIC)
    app.state.health = checkup
    app.include_router(public.router(front=True))
    app.add_middleware(BodyGuard, limits=_PUBLIC_LIMITS)
    return _finished(app, metrics)


def _app(*, summary: str, description: str) -> FastAPI:
    """An application without the framework's own pages, which fetch scripts from elsewhere."""
    return FastAPI(
        title="esign",
        version=version("esign"),
        summary=summary,
        description=description,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )


def _finished(app: FastAPI, metrics: Metrics) -> FastAPI:
    """With what every application has: health, problems, and the outer layers."""
    app.include_router(health.router)
    app.include_router(reference.problem_router)
    refuse_undeclared(app)
    problems.install(app)
    describe(app)
    app.add_middleware(Shield)
    app.add_middleware(Observed, metrics=metrics)
    return app
