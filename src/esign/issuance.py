"""Issue a result: the way of a document from a request to a signed, sealed and registered file.

    check      everything that could fail, before anything is recorded
    reserve    a durable intent with id, number and status number           RESERVED
    prepare    the page, the QR seal, an empty signature: all bytes fixed   PREPARED
    sign       the key signs, a time-stamp is taken where the profile waits for one, the file is stored   SIGNED
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
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from esign.admission import Admission
from esign.archive import sha256
from esign.authority import AuthorityTable
from esign.codes import AgencyCode, DocumentNumber, ResultId
from esign.completion import Completion
from esign.composition import Composer, Layout
from esign.consent import Consent
from esign.delivery import Delivery
from esign.document import Agency, CopyForm, SignerRole
from esign.equipment import Equipment
from esign.errors import (
    DuplicateNumber,
    Error,
    InputError,
    KeyStoreError,
    NotRegistered,
    RegistryError,
    RequestConflict,
    SigningError,
)
from esign.files import Files
from esign.foresight import next_number
from esign.issued import Issued
from esign.keys import SigningKey
from esign.pades.sign import PreparedSignature, complete
from esign.pdf.render import Renderer
from esign.pending import Pending
from esign.preparation import Fixed, Preparation
from esign.profile import VIETNAM, IssuanceProfile, Numbering
from esign.reasons import Reason
from esign.registry import (
    Intent,
    IntentKind,
    IntentState,
    NewIntent,
    NextNumber,
    Presentation,
    Registry,
)
from esign.request import Adopted, Attached, Copied, Given, Request, digest_of
from esign.steps import OnStep, Step
from esign.trust import TrustStore
from esign.workbench import Record, Workbench

if TYPE_CHECKING:
    from esign.pades.augment import Augmenter  # brings the network along, which most signatures are made without

__all__ = ["Equipment", "Issued", "Issuer", "Resumed", "Step"]

_logger = logging.getLogger(__name__)


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
        key: SigningKey | None = None,
        seal_key: SigningKey | None = None,
        registry: Registry,
        spool: Files,
        archive: Files,
        now: Callable[[], datetime],
        trust: TrustStore | None = None,
        augmenter: "Augmenter | None" = None,
        authority: AuthorityTable | None = None,
        consent: Consent | None = None,
        delivery: Delivery | None = None,
        renderer: Renderer | None = None,
        on_step: OnStep = lambda _step, _intent: None,
    ) -> None:
        """`spool` holds what is being made, `archive` the signed files; `on_step` hears of every finished step.

        `key` is the agency's; a process that only prepares what persons sign does without. `authority` says who may
        sign what; without it the record of each result says that this was not checked. `consent` is asked right before
        the agency's key signs. `augmenter` is needed where the profile waits for time-stamps.

        Raises:
            SigningError: The key cannot sign under this profile, or it wants time-stamps and there is nobody to ask.
        """
        self._agency = agency
        self._profile = profile
        self._registry = registry
        self._now = now
        self._consent = consent
        self._delivery = delivery
        self._on_step = on_step
        self._bench = Workbench(spool=spool, archive=archive, profile=profile.name)
        self._composer = Composer(
            agency=agency,
            profile=profile,
            seal_key=seal_key,
            renderer=renderer or Renderer(),
            now=now,
            salt=registry.salt,
        )
        self._admission = Admission(
            agency=agency,
            profile=profile,
            key=key,
            composer=self._composer,
            trust=trust or TrustStore(),
            authority=authority,
            now=now,
        )
        self._preparation = Preparation(
            profile=profile, composer=self._composer, admission=self._admission, now=now, on_step=on_step
        )
        self._completion = Completion(profile=profile, augmenter=augmenter, bench=self._bench, now=now, on_step=on_step)

    @property
    def agency(self) -> AgencyCode:
        """For whom it issues."""
        return self._agency.code

    @cached_property
    def equipment(self) -> Equipment:
        """What it works with."""
        return Equipment(
            profile=self._profile,
            registry=self._registry,
            bench=self._bench,
            composer=self._composer,
            admission=self._admission,
            preparation=self._preparation,
            completion=self._completion,
            consent=self._consent,
            delivery=self._delivery,
            now=self._now,
            on_step=self._on_step,
        )

    def issue(self, request: Request) -> Issued:
        """Issue one result; the same request again gives the same document, and signs nothing.

        Raises:
            PreflightError, InputError: It cannot be issued; nothing was recorded or signed.
            DuplicateNumber: The given number is taken.
            RequestConflict: The idempotency key stands for another request.
            RequestInFlight: The same request is being worked on elsewhere right now.
            KeyStoreError: The token cannot sign now; the intent is kept, `issue` again or `resume` goes on.
            TimestampError: No time-stamp is to be had now, and the profile waits for one; the same holds.
        """
        intent, proof = self._accepted(request)
        with self._registry.claim(intent.id):
            return self._advance(self._registry.get(intent.id), proof)

    def accept(self, request: Request) -> Intent:
        """Record a request to be issued later, by `go_on` or `resume`; the same request again gives the same intent.

        Raises:
            As `issue`, before any key is used.
        """
        return self._accepted(request)[0]

    def go_on(self, result_id: ResultId) -> Intent:
        """Take an unfinished intent as far as it goes without people; `resume` does this for all of them.

        Raises:
            As `issue`; RequestInFlight: somebody works on it right now. NotRegistered.
        """
        self._go_on(self._registry.get(result_id))
        return self._registry.get(result_id)

    def sign(self, pdf: bytes, *, idempotency_key: str) -> Issued:
        """Sign a file that is no result of its own: recorded like one, without number, seal and standing."""
        return self.issue(Request(idempotency_key=idempotency_key, content=Given(pdf=pdf)))

    def attach(self, main: ResultId, pdf: bytes, *, idempotency_key: str) -> Issued:
        """Sign an appendix that is a file of its own, linked to its main result by register, number and seal.

        Raises:
            As `issue`; RegistryError: The main result is void, has no number yet, or is not issued.
        """
        result = self._registry.get(main)
        if result.number is None:
            raise RegistryError("main-not-numbered", id="-", main=str(main))
        content = Attached(pdf=pdf, main=main)
        metadata = result.metadata and replace(result.metadata, expires=None)
        request = Request(idempotency_key=idempotency_key, content=content, metadata=metadata, number=result.number)
        return self.issue(request)

    def copy(self, pdf: bytes, *, form: CopyForm, idempotency_key: str, scanned: bool = True) -> Issued:
        """Certify a copy: SAO Y, SAO LỤC or TRÍCH SAO, with the agency's signature top right on page 1.

        Raises:
            As `issue`; PreflightError also where a scan is not in colour or below 200 dpi.
        """
        content = Copied(pdf=pdf, form=form, scanned=scanned)
        return self.issue(Request(idempotency_key=idempotency_key, content=content))

    def submit(self, request: Request) -> Pending:
        """Prepare a result for the competent person's signature, which may be made anywhere, and later.

        The same request again gives the same document to sign.

        Raises:
            As `issue`; SigningError: `not-awaiting`: the person has signed already.
        """
        if request.person is None:
            raise InputError("person-missing")
        intent, proof = self._reserve(request)
        with self._registry.claim(intent.id):
            self._to_the_person(self._registry.get(intent.id), proof)
        return self.pending(intent.id)

    def adopt(self, request: Request) -> Intent:
        """Take in a file that the competent person signed in other software; `release` goes on from there.

        Raises:
            As `issue`; SigningError: The person's signature is not sound, or not theirs to make.
        """
        if not isinstance(request.content, Adopted):
            raise InputError("person-missing")
        intent, proof = self._reserve(request)
        with self._registry.claim(intent.id):
            return self._to_the_person(self._registry.get(intent.id), proof)

    def pending(self, result_id: ResultId) -> Pending:
        """What the competent person is to sign.

        Raises:
            SigningError: `not-awaiting`: nobody's signature is waited for.
        """
        intent = self._registry.get(result_id)
        if intent.state is not IntentState.AWAITING or intent.expires_at is None:
            raise SigningError("not-awaiting", id=str(intent.id), state=intent.state.value)
        prepared = self._bench.for_person(intent)
        return Pending(id=intent.id, role=SignerRole.PERSON, expires=intent.expires_at, prepared=prepared)

    def complete(self, result_id: ResultId, signature: bytes) -> Intent:
        """Hand in the person's signature over `Pending.to_be_signed`.

        Raises:
            SigningError: `signature-mismatch`: it is another's, or over something else; nothing is lost, hand in the
                right one. `pending-expired`: the result is void. `not-awaiting`.
            TimestampError: No time-stamp is to be had for it now; hand the same signature in again later.
        """
        with self._registry.claim(result_id):
            prepared = self.pending(result_id).prepared
            intent = self._registry.get(result_id)
            if intent.expires_at is not None and self._now() > intent.expires_at:
                with self._voiding(intent):
                    raise SigningError("pending-expired", id=str(intent.id))
            token = self._completion.stamp(intent, prepared, signature)
            signed = complete(prepared, signature, timestamp=token)
            return self._approve(intent, signed)

    def release(
        self,
        result_id: ResultId,
        *,
        number: DocumentNumber | NextNumber | None = None,
        issue_date: date | None = None,
    ) -> Issued:
        """The records clerk's act (phát hành): check the person's signature, number, date, seal and sign.

        Without `number` a result that has none yet takes the next one of its book, and without `issue_date` today.
        Once released, it gives the same document again.

        Raises:
            SigningError: The person's signature is missing, not sound, or not theirs to make; nothing was signed.
            DuplicateNumber, KeyStoreError: As `issue`.
        """
        with self._registry.claim(result_id):
            intent = self._registry.get(result_id)
            if intent.state is IntentState.APPROVED:
                self._prepare_release(intent, number, issue_date)
            elif intent.state in {IntentState.RESERVED, IntentState.AWAITING}:
                raise SigningError("person-signature-missing")
            return self._advance(self._registry.get(result_id))

    def check(self, request: Request) -> None:
        """Whether `issue`, `submit` or `adopt` would take `request`: nothing is recorded and no key is touched.

        Raises:
            As those; PreflightError, InputError: It cannot be issued.
        """
        self._proof(request)

    def check_release(self, result_id: ResultId) -> tuple[Reason, ...]:
        """Whether `release` would follow the person's signature, and what it would let pass; no key is touched.

        Raises:
            SigningError: The person's signature is missing, not sound, or not theirs to make; the result is void.
        """
        intent = self._registry.get(result_id)
        if intent.state is IntentState.VOID:
            raise SigningError("request-voided", why=intent.void_reason or intent.void_why)
        if intent.state in {IntentState.RESERVED, IntentState.AWAITING}:
            raise SigningError("person-signature-missing")
        if intent.state is not IntentState.APPROVED:
            return ()
        return self._admission.approved(intent, self._bench.request(intent), self._bench.approved(intent)).notices

    def prepared(self, result_id: ResultId) -> bytes:
        """What the agency's key is about to sign, for whoever has to approve it: page, seal and an empty signature.

        Raises:
            NotRegistered: `not-registered`.
            SigningError: `not-prepared`; `prepared-damaged`: the stored file is not what was recorded.
        """
        intent = self._registry.get(result_id)
        if intent.state is not IntentState.PREPARED:
            raise SigningError("not-prepared", id=str(intent.id), state=intent.state.word)
        return self._bench.prepared(intent).document

    def withdraw(self, result_id: ResultId, *, why: str) -> Intent:
        """Take back what was not issued yet; its number stays explained. Issued results have a standing instead.

        Raises:
            RegistryError: `intent-state`: it is issued.
        """
        with self._registry.claim(result_id):
            intent = self._registry.void(result_id, reason=Reason("taken-back"), why=why)
            self._bench.forget(intent, archived=True)
            return intent

    def present(self, result_id: ResultId) -> Presentation:
        """A code with which the holder shows an issued result once, within 30 s (docs/spec/presentation.md §2).

        The portal that calls this has made sure who the holder is, and draws `url(host)`.

        Raises:
            NotRegistered: `not-registered`.
            RegistryError: `presentation-not-issued`.
        """
        return self._registry.present(result_id)

    def resume(self) -> Iterator[Resumed]:
        """Finish, or void with a reason, every intent that a crash left, oldest first."""
        unfinished = self._registry.unfinished()
        waiting = self._registry.waiting()
        self._bench.sweep((*unfinished, *waiting))
        for intent in unfinished:
            if intent.profile != self._profile.name or intent.agency != self._agency.code:
                continue
            try:
                self._go_on(intent)
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

    # --- reserve -----------------------------------------------------------------------------------------------

    def _accepted(self, request: Request) -> tuple[Intent, Layout | None]:
        """Recorded, where nobody signs before the agency."""
        alone = isinstance(request.content, Attached | Copied) or request.metadata is None
        if request.two_signatures or (self._profile.person and not alone):
            raise InputError("person-signs-first")
        return self._reserve(request)

    def _reserve(self, request: Request) -> tuple[Intent, Layout | None]:
        """Recorded, and the proof on which it was examined; None where it was recorded before."""
        stored = request.to_bytes()
        digest = digest_of(stored, profile=self._profile.name)
        proof = None
        if self._registry.by_key(request.idempotency_key) is None:
            proof = self._proof(request)
            self._bench.put_request(digest, stored)
        try:
            intent = self._registry.reserve(self.new_intent(request, digest))
        except (InputError, DuplicateNumber, RequestConflict):
            self._bench.drop_request(digest)  # nothing was recorded, so nothing will ever need it
            raise
        if intent.agency != self._agency.code:
            # Another agency of the same register: its number must not come to stand on our page.
            raise RequestConflict("request-conflict", id=str(intent.id))
        return intent, proof

    def _proof(self, request: Request) -> Layout:
        """Everything that could fail, tried on a page; it is the result's own, if its book gives what it would now."""
        number = None
        if isinstance(request.number, NextNumber) and not self._composer.late(request):
            day = request.issue_date or self._now().astimezone(VIETNAM).date()
            number = next_number(self._registry, self._agency.code, request.number, day)
        proof = self._admission.request(request, number=number)
        self._on_step(Step.CHECKED, None)
        return proof

    def new_intent(self, request: Request, digest: str) -> NewIntent:
        """What the register is asked to record for `request`."""
        late = self._composer.late(request)
        attached = isinstance(request.content, Attached)
        return NewIntent(
            kind=_kind(request),
            main=request.content.main if isinstance(request.content, Attached) else None,
            agency=self._agency.code,
            idempotency_key=request.idempotency_key,
            request_digest=digest,
            profile=self._profile.name,
            metadata=request.metadata,
            masked_holder=str(self._composer.masked_holder(request) or ""),
            number=None if late or attached else request.number,
            numbering=Numbering.AT_RELEASE if late else Numbering.RESERVED,
            person=request.two_signatures,
            allow_list=self._profile.seal is not None and self._profile.seal.allow_list,
            duplicates=self._profile.duplicates,
            issue_date=request.issue_date,
        )

    def _go_on(self, intent: Intent) -> None:
        """As far as it goes without people."""
        with self._registry.claim(intent.id):
            intent = self._registry.get(intent.id)
            if intent.state is IntentState.RESERVED and intent.person:
                self._to_the_person(intent)
            else:
                self._advance(intent)

    def _advance(self, intent: Intent, proof: Layout | None = None) -> Issued:
        """From wherever it stands to its end; one worker at a time, with a claim."""
        if intent.state is IntentState.RESERVED:
            self._on_step(Step.RESERVED, intent)
            intent = self._prepare(intent, proof)
        if intent.state is IntentState.PREPARED:
            intent = self._sign(intent)
        if intent.state is IntentState.SIGNED:
            intent = self._register(intent)
        if intent.state is IntentState.VOID:
            raise SigningError("request-voided", why=intent.void_reason or intent.void_why)
        return self._issued(self._deliver(intent))

    # --- the person ----------------------------------------------------------------------------------------------

    def _to_the_person(self, intent: Intent, proof: Layout | None = None) -> Intent:
        """RESERVED → AWAITING: fix every byte that the person will sign; or → APPROVED, for an adopted file."""
        if intent.state is not IntentState.RESERVED:
            return intent
        self._on_step(Step.RESERVED, intent)
        with self._voiding(intent):
            request = self._bench.request(intent)
            layout = self._preparation.lay_out(intent, request, proof=proof)
            if isinstance(request.content, Adopted):
                self._bench.put_record(intent, Record.of(layout))
                return self._approve(intent, request.content.pdf)
            assert request.person is not None
            fixed = self._preparation.for_person(intent, request, request.person, layout)
        self._registry.still_claimed(intent.id)
        self._bench.put_for_person(intent, fixed.prepared, fixed.record, digest=fixed.sha256)
        intent = self._registry.awaiting(
            intent.id,
            prepared_sha256=fixed.sha256,
            to_be_signed_sha256=sha256(fixed.prepared.to_be_signed),
            signing_time=fixed.signing_time,
            expires=fixed.signing_time + self._profile.person_within,
        )
        self._on_step(Step.AWAITING, intent)
        return intent

    def _approve(self, intent: Intent, signed: bytes) -> Intent:
        """AWAITING or RESERVED → APPROVED: keep the file with the person's signature."""
        self._registry.still_claimed(intent.id)
        self._bench.put_approved(intent, signed)
        intent = self._registry.approved(intent.id, sha256=sha256(signed))
        self._on_step(Step.APPROVED, intent)
        return intent

    def _prepare_release(
        self, intent: Intent, number: DocumentNumber | NextNumber | None, issue_date: date | None
    ) -> None:
        """APPROVED → PREPARED: the person's signature is checked before the agency's key is anywhere near."""
        request, approved, record = (
            self._bench.request(intent),
            self._bench.approved(intent),
            self._bench.record(intent),
        )
        approval = self._admission.approved(intent, request, approved)
        key, _ = self._admission.agency_key()
        notices = (*approval.notices, *self._admission.key(key))
        if intent.number is None:
            chosen = number or request.number
            assert chosen is not None
            today = self._now().astimezone(VIETNAM).date()
            intent = self._registry.assign_number(
                intent.id,
                chosen,
                issue_date=issue_date or request.issue_date or today,
                duplicates=self._profile.duplicates,
            )
        elif number is not None and number != intent.number:
            raise SigningError("number-is-given", number=intent.number)
        with self._voiding(intent):
            fixed = self._preparation.for_release(intent, request, approved, record, notices)
        self._put_prepared(intent, fixed)

    # --- prepare -----------------------------------------------------------------------------------------------

    def _prepare(self, intent: Intent, proof: Layout | None) -> Intent:
        """RESERVED → PREPARED, where the agency signs alone."""
        with self._voiding(intent):
            request = self._bench.request(intent)
            layout = self._preparation.lay_out(intent, request, proof=proof)
            fixed = self._preparation.for_agency(intent, request, layout)
        return self._put_prepared(intent, fixed)

    def _put_prepared(self, intent: Intent, fixed: Fixed) -> Intent:
        self._registry.still_claimed(intent.id)
        self._bench.put_prepared(intent, fixed.prepared, fixed.record, digest=fixed.sha256)
        intent = self._registry.prepared(
            intent.id,
            prepared_sha256=fixed.sha256,
            to_be_signed_sha256=sha256(fixed.prepared.to_be_signed),
            signing_time=fixed.signing_time,
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
            signature = self._bench.signature(intent, prepared) or self._use_key(intent, prepared)
            token = self._completion.stamp(intent, prepared, signature)
            with self._voiding(intent):
                signed = complete(prepared, signature, timestamp=token)
            signed = self._completion.augment(intent, prepared, signed)
            signed = self._bench.keep(intent, prepared, signed)
        intent = self._registry.signed(intent.id, sha256=sha256(signed))
        self._on_step(Step.SIGNED, intent)
        return intent

    def _use_key(self, intent: Intent, prepared: PreparedSignature) -> bytes:
        key, _ = self._admission.agency_key()
        if prepared.certificates[0] != key.certificates[0]:
            raise KeyStoreError("prepared-for-other-key", id=str(intent.id))
        if self._consent is not None:
            self._consent.check(intent)
        self._registry.still_claimed(intent.id)
        signature = key.sign(prepared.to_be_signed, mechanism=prepared.mechanism)
        if prepared.timestamp_room:
            self._bench.put_signature(intent, signature)  # the wait for its time-stamp may be long, and in vain
        self._on_step(Step.KEY_USED, intent)
        return signature

    # --- read back, register -----------------------------------------------------------------------------------

    def _register(self, intent: Intent) -> Intent:
        """SIGNED → ISSUED: look at what was made as a stranger would, then register it."""
        with self._voiding(intent):
            signed = self._bench.signed(intent)
            prepared, record = self._bench.prepared(intent), self._bench.record(intent)
            registration = self._completion.registration(intent, signed, prepared=prepared, record=record)
        self._on_step(Step.READ_BACK, intent)
        with self._voiding(intent):
            intent = self._registry.issued(intent.id, registration)
        self._on_step(Step.ISSUED, intent)
        return intent

    # --- deliver -----------------------------------------------------------------------------------------------

    def _deliver(self, intent: Intent) -> Intent:
        """Hand the file over, then forget what was only needed to make it."""
        if intent.delivered_at is None:
            where = self.equipment.deliver(self._issued(intent))
            intent = self._registry.delivered(intent.id, at=self._now(), where=where)
            self._on_step(Step.DELIVERED, intent)
        self._bench.forget(intent)
        return intent

    def _issued(self, intent: Intent) -> Issued:
        if intent.state is not IntentState.ISSUED:
            raise NotRegistered("not-issued", id=str(intent.id), state=intent.state.value)
        return Issued.of(intent, self._bench.archive.version(intent))

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


def _kind(request: Request) -> IntentKind:
    if isinstance(request.content, Attached):
        return IntentKind.ATTACHMENT
    if isinstance(request.content, Copied):
        return IntentKind.COPY
    return IntentKind.SIGNATURE if request.metadata is None else IntentKind.RESULT
