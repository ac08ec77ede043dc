"""Issue a result: the way of a document from a request to a signed, sealed and registered file.

    check      everything that could fail, before anything is recorded
    reserve    a durable intent with id, number and status number           RESERVED
    prepare    the page, the QR seal, an empty signature: all bytes fixed   PREPARED
    sign       the key signs; the signed file is stored                     SIGNED
    read back  our own inspection of what we just made
    register   digest, certificates, times                                  ISSUED
    deliver    to a folder, or wherever the portal wants it

Where a competent person signs first, perhaps elsewhere and days before, two steps come between:

    submit     the page is prepared for the person's signature              AWAITING
    complete   the person's signature is in, or the file was adopted        APPROVED
    release    the person is checked, number and date are given; then on as above from prepare

Nothing is signed that was not first recorded, and nothing leaves before it is registered (DESIGN law 1). Every step
starts from what the step before made durable, so `resume` is no other code: it goes on from where a crash stopped.

>>> issued = issuer.issue(Request(idempotency_key="dossier-17", content=Filled(template="quyet-dinh", data=...), ...))
>>> issued.number, len(issued.pdf)
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from esign.codes import DocumentNumber, ResultCode, ResultId
from esign.composition import Composer
from esign.delivery import Delivery
from esign.document import Agency, SignerRole
from esign.errors import (
    Error,
    KeyStoreError,
    NotRegistered,
    RegistryError,
    SigningError,
)
from esign.files import Folder
from esign.keys import SigningKey
from esign.pades.chain import check_before_signing, signer_facts
from esign.pades.inspect import inspect_signatures
from esign.pades.revision import ends_revision
from esign.pades.sign import PreparedSignature, choose_mechanism, complete, prepare
from esign.pdf.links import seal_links
from esign.pdf.render import Renderer
from esign.profile import IssuanceProfile
from esign.reasons import Reason
from esign.registry import (
    Intent,
    IntentKind,
    IntentState,
    NewIntent,
    Registration,
    Registry,
    SignerCertificate,
)
from esign.report import Integrity
from esign.request import Given, Request
from esign.seal import SealToken, binding
from esign.trust import TrustStore
from esign.workbench import Record, Workbench, sha256

__all__ = ["Issued", "Issuer", "Resumed", "Step"]

_logger = logging.getLogger(__name__)
_FIELD = "AgencySignature"


class Step(Enum):
    """The named steps of issuing, in order; each is reported once it is done and durable."""

    CHECKED = "checked"
    RESERVED = "reserved"
    LAID_OUT = "laid-out"
    SEALED = "sealed"
    PREPARED = "prepared"
    KEY_USED = "key-used"
    SIGNED = "signed"
    READ_BACK = "read-back"
    ISSUED = "issued"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A result that is registered; from now on it may be handed out."""

    id: ResultId
    """Printed under its QR seal."""
    number: DocumentNumber | None
    """Số, ký hiệu; None for a signed file that is no result."""
    result_code: ResultCode | None
    """`<dossier>-KQn`."""
    pdf: bytes = field(repr=False)
    """The signed file."""
    sha256: str
    """Of `pdf`, hex."""
    notices: tuple[Reason, ...]
    """What was let pass and must not be forgotten: an unchecked revocation, a duplicate number, …"""
    delivered: bool
    """Whether the delivery is done; `resume` catches up on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What became of one intent that a crash had left."""

    intent: Intent
    """As it stands now."""
    error: Error | None
    """Why it could not be finished yet; None where it is issued or void."""


class Issuer:
    """Issues results of one agency with one profile; safe to call from several threads and processes."""

    def __init__(  # noqa: PLR0913 - everything that issuing touches is given, nothing is found by itself
        self,
        *,
        agency: Agency,
        profile: IssuanceProfile,
        key: SigningKey,
        seal_key: SigningKey | None = None,
        registry: Registry,
        spool: Folder,
        archive: Folder,
        now: Callable[[], datetime],
        trust: TrustStore | None = None,
        delivery: Delivery | None = None,
        renderer: Renderer | None = None,
        on_step: Callable[[Step, Intent | None], None] = lambda _step, _intent: None,
    ) -> None:
        """`spool` holds what is being made, `archive` the signed files; `on_step` hears of every finished step.

        Raises:
            SigningError: The key cannot sign under this profile.
        """
        self._agency = agency
        self._profile = profile
        self._key = key
        self._registry = registry
        self._bench = Workbench(spool=spool, archive=archive, profile=profile.name)
        self._now = now
        self._trust = trust or TrustStore()
        self._delivery = delivery
        self._composer = Composer(
            agency=agency, profile=profile, seal_key=seal_key, renderer=renderer or Renderer(), now=now
        )
        self._on_step = on_step
        self._mechanism = choose_mechanism(profile.signature, key)

    def issue(self, request: Request) -> Issued:
        """Issue one result; the same request again gives the same document, and signs nothing.

        Raises:
            PreflightError, InputError: It cannot be issued; nothing was recorded or signed.
            DuplicateNumber: The given number is taken.
            RequestConflict: The idempotency key stands for another request.
            RequestInFlight: The same request is being worked on elsewhere right now.
            KeyStoreError: The token cannot sign now; the intent is kept, `issue` again or `resume` goes on.
        """
        digest = request.digest(self._profile.name)
        if self._registry.by_key(request.idempotency_key) is None:
            self._check(request)
            self._bench.put_request(digest, request)
        intent = self._registry.reserve(self._new_intent(request, digest))
        return self._finish(intent)

    def sign(self, pdf: bytes, *, idempotency_key: str) -> Issued:
        """Sign a file that is no result of its own: recorded like one, without number, seal and standing."""
        return self.issue(Request(idempotency_key=idempotency_key, content=Given(pdf=pdf)))

    def resume(self) -> Iterator[Resumed]:
        """Finish, or void with a reason, every intent that a crash left, oldest first."""
        unfinished = self._registry.unfinished()
        self._bench.sweep({i.request_digest for i in unfinished})
        for intent in unfinished:
            if intent.profile != self._profile.name or intent.agency != self._agency.code:
                continue
            try:
                self._finish(intent)
            except Error as error:
                now = self._registry.get(intent.id)
                yield Resumed(intent=now, error=None if now.state is IntentState.VOID else error)
            else:
                yield Resumed(intent=self._registry.get(intent.id), error=None)

    def document(self, result_id: ResultId) -> Issued:
        """The registered document itself.

        Raises:
            NotRegistered: There is none with this id, or it is not issued.
            SigningError: `archive-damaged`: the stored file is not what was registered.
        """
        return self._issued(self._registry.get(result_id))

    # --- check -------------------------------------------------------------------------------------------------

    def _check(self, request: Request) -> None:
        """Everything that could fail, on a proof with a placeholder for the number."""
        self._check_key()
        self._composer.proof(request)
        self._on_step(Step.CHECKED, None)

    def _check_key(self) -> tuple[Reason, ...]:
        return check_before_signing(self._key.certificates, trust=self._trust, at=self._now())

    # --- reserve -----------------------------------------------------------------------------------------------

    def _new_intent(self, request: Request, digest: str) -> NewIntent:
        return NewIntent(
            kind=IntentKind.SIGNATURE if request.metadata is None else IntentKind.RESULT,
            agency=self._agency.code,
            idempotency_key=request.idempotency_key,
            request_digest=digest,
            profile=self._profile.name,
            metadata=request.metadata,
            masked_holder=str(self._composer.masked_holder(request) or ""),
            number=request.number,
            duplicates=self._profile.duplicates,
            issue_date=request.issue_date,
        )

    def _finish(self, intent: Intent) -> Issued:
        """Take an intent from wherever it stands to its end; one worker at a time."""
        with self._registry.claim(intent.id):
            intent = self._registry.get(intent.id)
            if intent.state is IntentState.RESERVED:
                self._on_step(Step.RESERVED, intent)
                intent = self._prepare(intent)
            if intent.state is IntentState.PREPARED:
                intent = self._sign(intent)
            if intent.state is IntentState.SIGNED:
                intent = self._register(intent)
            if intent.state is IntentState.VOID:
                raise SigningError("request-voided", why=intent.void_reason or intent.void_why)
            return self._issued(self._deliver(intent))

    # --- prepare -----------------------------------------------------------------------------------------------

    def _prepare(self, intent: Intent) -> Intent:
        """RESERVED → PREPARED: fix every byte that will be signed."""
        with self._voiding(intent):
            request = self._bench.request(intent)
            layout = self._composer.lay_out(request, number=intent.number, issued=intent.issue_date)
            self._on_step(Step.LAID_OUT, intent)
            page = self._composer.seal(request, intent, layout)
            self._on_step(Step.SEALED, intent)
            signing_time = self._now()
            prepared = prepare(
                page,
                certificates=self._key.certificates,
                mechanism=self._mechanism,
                signing_time=signing_time,
                field_name=_FIELD,
                appearance=self._composer.appearance(
                    layout, certificate=self._key.certificates[0], signing_time=signing_time
                ),
                reason=self._profile.signature.reason,
            )
            record = Record.of(layout, *self._check_key())
        self._bench.put_prepared(intent, prepared, record)
        intent = self._registry.prepared(
            intent.id,
            prepared_sha256=sha256(prepared.document),
            to_be_signed_sha256=sha256(prepared.to_be_signed),
            signing_time=signing_time,
        )
        self._on_step(Step.PREPARED, intent)
        return intent

    # --- sign --------------------------------------------------------------------------------------------------

    def _sign(self, intent: Intent) -> Intent:
        """PREPARED → SIGNED: the only place where the signing key is used."""
        with self._voiding(intent):
            prepared = self._bench.prepared(intent)
        signed = self._bench.completed(intent, prepared)
        if signed is None:
            if prepared.certificates[0] != self._key.certificates[0]:
                raise KeyStoreError("prepared-for-other-key", id=intent.id)
            signature = self._key.sign(prepared.to_be_signed, mechanism=prepared.mechanism)
            self._on_step(Step.KEY_USED, intent)
            with self._voiding(intent):
                signed = complete(prepared, signature)
            self._bench.put_signed(intent, signed)
        intent = self._registry.signed(intent.id, sha256=sha256(signed))
        self._on_step(Step.SIGNED, intent)
        return intent

    # --- read back, register -----------------------------------------------------------------------------------

    def _register(self, intent: Intent) -> Intent:
        """SIGNED → ISSUED: look at what was made as a stranger would, then register it."""
        with self._voiding(intent):
            signed = self._bench.signed(intent, intent.signed_sha256)
            record, prepared = self._bench.record(intent), self._bench.prepared(intent)
            seal_sha256 = self._read_back(signed, prepared, intent)
        self._on_step(Step.READ_BACK, intent)
        assert intent.signing_time is not None
        registration = Registration(
            sha256=sha256(signed),
            size=len(signed),
            signers=(SignerCertificate(role=SignerRole.AGENCY, **signer_facts(prepared.certificates[0])),),
            signing_time=intent.signing_time,
            level=self._profile.signature.level,
            mechanism=prepared.mechanism,
            pages=record.pages,
            seal_token_sha256=seal_sha256,
            fonts=record.fonts,
            profile=self._profile.signature.name,
            notices=(*record.notices, *intent.notices),
        )
        with self._voiding(intent):
            intent = self._registry.issued(intent.id, registration)
        self._on_step(Step.ISSUED, intent)
        return intent

    def _read_back(self, signed: bytes, prepared: PreparedSignature, intent: Intent) -> str | None:
        """Inspect the signed file from its bytes alone; returns the seal token's SHA-256."""
        found = inspect_signatures(signed, trust=TrustStore(), at=self._now())
        certificate = sha256(prepared.certificates[0])
        ours = [s for s in found.signatures if s.certificate_sha256 == certificate and s.covers_whole_file]
        if found.integrity is not Integrity.INTACT or len(found.signatures) != 1 or not ours:
            raise SigningError("read-back-failed", what="signature")
        if self._profile.seal is None or intent.number is None:
            return None
        token = SealToken.from_url(next((link.url for link in seal_links(signed)), ""))
        offset = binding(signed, token.claims.digest)
        if offset is None or not ends_revision(signed, offset):
            raise SigningError("read-back-failed", what="seal binding")
        if token.claims.result_id != intent.id or token.claims.number != intent.number:
            raise SigningError("read-back-failed", what="seal claims")
        return sha256(bytes(token))

    # --- deliver -----------------------------------------------------------------------------------------------

    def _deliver(self, intent: Intent) -> Intent:
        """Hand the file over, then forget what was only needed to make it."""
        if intent.delivered_at is None:
            where = "caller"
            if self._delivery is not None:
                issued = self._issued(intent)
                where = self._delivery.deliver(result_id=intent.id, number=intent.number, pdf=issued.pdf)
            intent = self._registry.delivered(intent.id, at=self._now(), where=where)
            self._on_step(Step.DELIVERED, intent)
        self._bench.forget(intent)
        return intent

    def _issued(self, intent: Intent) -> Issued:
        if intent.state is not IntentState.ISSUED or intent.registration is None:
            raise NotRegistered("not-issued", id=intent.id, state=intent.state.value)
        return Issued(
            id=intent.id,
            number=intent.number,
            result_code=intent.metadata.result_code if intent.metadata else None,
            pdf=self._bench.signed(intent, intent.registration.sha256),
            sha256=intent.registration.sha256,
            notices=intent.registration.notices,
            delivered=intent.delivered_at is not None,
        )

    # --- failing -----------------------------------------------------------------------------------------------

    @contextmanager
    def _voiding(self, intent: Intent) -> Iterator[None]:
        """An error in here would come again each time: give the intent up, keep its number explained, say why.

        A token or a disk that fails is not such an error: that intent waits for the next attempt.
        """
        try:
            yield
        except Error as e:
            if isinstance(e, KeyStoreError | RegistryError) and e.code != "file-already-registered":
                raise
            _logger.warning("void %s: %s", intent.id, e.code)
            self._registry.void(intent.id, reason=Reason(e.code, e.reason.facts))
            self._bench.forget(intent, archived=True)
            raise
