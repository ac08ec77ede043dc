"""What the service is made of: an office for each agency, and what all of them share.

Everything is given; the service opens no file, no key and no connection by itself (`esign_cli.serving` builds it).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from fastapi import APIRouter
from starlette.requests import HTTPConnection, Request

from esign.codes import AgencyCode, ResultId
from esign.document import Agency
from esign.errors import NotRegistered, ServiceError
from esign.issuance import Issuer
from esign.line import Line
from esign.registry import Intent, Registry
from esign.service.access import Principal
from esign.service.checkup import Checkup
from esign.service.desk import Desk
from esign.service.in_flight import InFlight
from esign.service.metrics import Metrics
from esign.verification import Verifier
from esign.webhooks import WebhookDesk
from esign.work import BatchSpool

__all__ = ["Authenticator", "Limits", "Office", "Parts", "parts_of"]


class Authenticator(Protocol):
    """Says who asks."""

    async def authenticate(self, request: HTTPConnection) -> Principal:
        """Whoever asks.

        Raises:
            ServiceError: `not-authenticated`, or why what was shown does not count.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a request may cost."""

    body: int = 1 << 20
    """Bytes of a body that holds no file."""
    upload: int = 64 << 20
    """Bytes of one that does."""
    body_time: timedelta = timedelta(seconds=60)
    """So long a whole body may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """One agency at work."""

    agency: Agency
    """Who issues."""
    profile: str
    """The issuance profile's name."""
    line: Line
    """Issues with the agency's key what is asked for at the same time, together."""
    registry: Registry
    """What was issued; several offices may share one."""
    verifier: Verifier
    """Looks at documents."""
    seal_host: str = ""
    """The host that QR codes open; empty where there are none."""
    batches: BatchSpool | None = None
    """Where requests of batches wait; None takes no batches."""
    webhooks: WebhookDesk | None = None
    """Where those who are told of results are looked after; None tells nobody."""
    persons: bool = False
    """Whether a decision counts only where a person stands behind everybody who asked and decided."""

    @property
    def code(self) -> AgencyCode:
        """The agency's."""
        return self.agency.code

    @property
    def issuer(self) -> Issuer:
        """Issues with the agency's key."""
        return self.line.issuer

    def entry(self, result_id: ResultId) -> Intent:
        """The entry `result_id` of this agency; another agency's is not there.

        Raises:
            NotRegistered: `not-registered`.
        """
        intent = self.registry.get(result_id)
        if intent.agency != self.code:
            raise NotRegistered("not-registered", id=str(result_id))
        return intent

    def entry_of(self, idempotency_key: str) -> Intent:
        """The entry that a request with this key made.

        Raises:
            NotRegistered: `not-registered`.
        """
        intent = self.registry.by_key(idempotency_key)
        if intent is None or intent.agency != self.code:
            raise NotRegistered("not-registered", id="-")
        return intent


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """All that the service consists of."""

    offices: Mapping[AgencyCode, Office]
    """By the agency's code."""
    authenticator: Authenticator
    """Who asks."""
    now: Callable[[], datetime]
    """The clock."""
    issuing: Desk
    """Where results are made."""
    reading: Desk
    """Where the register is asked, and changed."""
    verifying: Desk
    """Where documents are looked at."""
    limits: Limits = field(default_factory=Limits)
    """What a request may cost."""
    health: Checkup = field(default_factory=Checkup)
    """Looks at what issuing needs."""
    metrics: Metrics = field(default_factory=Metrics)
    """Counts."""
    in_flight: InFlight = field(default_factory=InFlight)
    """What is being worked on."""
    routers: Sequence[APIRouter] = ()
    """What else is served below /v1."""
    public: APIRouter | None = None
    """The public side, where it is served beside the rest."""

    def office(self, code: AgencyCode) -> Office:
        """The office of an agency.

        Raises:
            ServiceError: `agency-unknown`.
        """
        found = self.offices.get(code)
        if found is None:
            raise ServiceError("agency-unknown")
        return found


def parts_of(request: HTTPConnection | Request) -> Parts:
    """The parts of the service that answers `request`."""
    parts: Parts = request.app.state.parts
    return parts
