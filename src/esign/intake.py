"""What becomes of a request before anything is made of it: it is examined, kept, and recorded with its id and numbers.

    examine    everything that could fail, on a page
    reserve    what was asked for is kept, then a durable intent is recorded    RESERVED

The same request again is the same intent: it was examined then, and is not examined again.
"""

from collections.abc import Callable
from datetime import datetime

from esign.admission import Admission
from esign.codes import AgencyCode
from esign.composition import Composer
from esign.errors import DuplicateNumber, InputError, RequestConflict
from esign.foresight import next_number
from esign.layout import Layout
from esign.profile import VIETNAM, IssuanceProfile, Numbering
from esign.registry import Intent, IntentKind, NewIntent, NextNumber, Registry
from esign.request import Attached, Copied, Request
from esign.steps import OnStep, Step
from esign.workbench import Workbench

__all__ = ["Intake"]


class Intake:
    """Takes in the requests of one agency under one profile."""

    def __init__(
        self,
        *,
        agency: AgencyCode,
        profile: IssuanceProfile,
        registry: Registry,
        bench: Workbench,
        composer: Composer,
        admission: Admission,
        now: Callable[[], datetime],
        on_step: OnStep,
    ) -> None:
        self._agency = agency
        self._profile = profile
        self._registry = registry
        self._bench = bench
        self._composer = composer
        self._admission = admission
        self._now = now
        self._on_step = on_step

    def examine(self, request: Request) -> Layout:
        """Everything that could fail, tried on a page; it is the result's own, if its book gives what it would now.

        Raises:
            PreflightError, InputError, SigningError: It cannot be issued.
        """
        number = None
        if isinstance(request.number, NextNumber) and not self._composer.late(request):
            day = request.issue_date or self._now().astimezone(VIETNAM).date()
            number = next_number(self._registry, self._agency, request.number, day)
        page = self._admission.request(request, number=number)
        self._on_step(Step.CHECKED, None)
        return page

    def reserve(self, request: Request) -> tuple[Intent, Layout | None]:
        """RESERVED: the intent, and the page on which it was examined; None where it was recorded before.

        Raises:
            As `examine`; nothing is recorded then. DuplicateNumber: The given number is taken. RequestConflict: The
            idempotency key stands for another request.
        """
        digest = request.digest(self._profile.name)
        page = None
        if self._registry.by_key(request.idempotency_key) is None:
            page = self.examine(request)
            self._bench.put_request(digest, request.to_bytes())
        try:
            intent = self._registry.reserve(self.new_intent(request, digest))
        except (InputError, DuplicateNumber, RequestConflict):
            self._bench.drop_request(digest)  # nothing was recorded, so nothing will ever need it
            raise
        if intent.agency != self._agency:
            # Another agency of the same register: its number must not come to stand on our page.
            raise RequestConflict("request-conflict", id=str(intent.id))
        return intent, page

    def new_intent(self, request: Request, digest: str) -> NewIntent:
        """What the register is asked to record for `request`, which is kept under `digest`."""
        content, late = request.content, self._composer.late(request)
        return NewIntent(
            kind=_kind(request),
            main=content.main if isinstance(content, Attached) else None,
            agency=self._agency,
            idempotency_key=request.idempotency_key,
            request_digest=digest,
            profile=self._profile.name,
            metadata=request.metadata,
            masked_holder=str(self._composer.masked_holder(request) or ""),
            number=None if late or isinstance(content, Attached) else request.number,
            numbering=Numbering.AT_RELEASE if late else Numbering.RESERVED,
            person=request.two_signatures,
            allow_list=self._profile.seal is not None and self._profile.seal.allow_list,
            duplicates=self._profile.duplicates,
            issue_date=request.issue_date,
        )


def _kind(request: Request) -> IntentKind:
    if isinstance(request.content, Attached):
        return IntentKind.ATTACHMENT
    if isinstance(request.content, Copied):
        return IntentKind.COPY
    return IntentKind.SIGNATURE if request.metadata is None else IntentKind.RESULT
