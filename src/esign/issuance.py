"""Issue a result: the way of a document from a request to a signed, sealed and registered file.

    check      everything that could fail, before anything is recorded
    reserve    a durable intent with id, number and status number           RESERVED
    prepare    the page, the QR seal, an empty signature: all bytes fixed   PREPARED
    sign       the key signs, a time-stamp is taken where the profile waits for one, the file is stored   SIGNED
    read back  our own inspection of what we just made
    register   digest, certificates, times                                  ISSUED
    deliver    to a folder, or wherever the portal wants it

Where a competent person signs first, perhaps elsewhere and days before, two steps come between (`esign.officials`):

    submit     the page is prepared for the person's signature              AWAITING
    complete   the person's signature is in, or the file was adopted        APPROVED
    release    the person is checked, number and date are given; then on as above from prepare

Nothing is signed that was not first recorded, and nothing leaves before it is registered (DESIGN law 1). Every step
starts from what the step before made durable, so `resume` is no other code: it goes on from where a crash stopped.

>>> issued = issuer.issue(Request(idempotency_key="dossier-17", content=Filled(template="quyet-dinh", data=...), ...))
>>> issued.number, len(issued.pdf)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from esign.admission import Admission
from esign.archive import sha256
from esign.codes import AgencyCode, DocumentNumber, ResultId
from esign.completion import Completion
from esign.composition import Composer
from esign.consent import Consent
from esign.delivery import Delivery
from esign.document import Agency, CopyForm
from esign.equipment import Equipment
from esign.errors import Error, InputError, KeyStoreError, NotRegistered, RegistryError, SigningError
from esign.files import Files
from esign.intake import Intake
from esign.issued import Issued
from esign.keys import SigningKey
from esign.layout import GivenFiles, Layout
from esign.officials import Officials
from esign.pades.sign import PreparedSignature, complete
from esign.pdf.render import Renderer
from esign.pending import Pending
from esign.preparation import Fixed, Preparation
from esign.profile import IssuanceProfile
from esign.reasons import Reason
from esign.registry import Intent, IntentState, NextNumber, Registry
from esign.request import Adopted, Attached, Copied, Given, Request
from esign.steps import OnStep, Step
from esign.trust import TrustStore
from esign.workbench import Workbench

if TYPE_CHECKING:
    from esign.authority import AuthorityTable
    from esign.pades.augment import Augmenter  # brings the network along, which most signatures are made without
    from esign.registry import Presentation

__all__ = ["Issuer", "Resumed"]


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
        authority: "AuthorityTable | None" = None,
        consent: Consent | None = None,
        delivery: Delivery | None = None,
        renderer: Renderer | None = None,
        given: GivenFiles | None = None,
        on_step: OnStep = lambda _step, _intent: None,
    ) -> None:
        """`spool` holds what is being made, `archive` the signed files; `on_step` hears of every finished step.

        `key` is the agency's; a process that only prepares what persons sign does without. `authority` says who may
        sign what; without it the record of each result says that this was not checked. `consent` is asked right before
        the agency's key signs. `augmenter` is needed where the profile waits for time-stamps. Issuers that share
        `given` examine a file once: one without keys that plans, and one that signs.

        Raises:
            SigningError: The key cannot sign under this profile, or it wants time-stamps and there is nobody to ask.
        """
        bench = Workbench(spool=spool, archive=archive, profile=profile.name)
        composer = Composer(
            agency=agency,
            profile=profile,
            seal_key=seal_key,
            renderer=renderer or Renderer(),
            given=given,
            now=now,
            salt=registry.salt,
        )
        admission = Admission(
            agency=agency,
            profile=profile,
            key=key,
            composer=composer,
            trust=trust or TrustStore(),
            authority=authority,
            now=now,
        )
        self._agency = agency.code
        self._registry = registry
        self._bench = bench
        self._on_step = on_step
        self.equipment = Equipment(
            profile=profile,
            registry=registry,
            bench=bench,
            composer=composer,
            admission=admission,
            intake=Intake(
                agency=agency.code,
                profile=profile,
                registry=registry,
                bench=bench,
                composer=composer,
                admission=admission,
                now=now,
                on_step=on_step,
            ),
            preparation=Preparation(profile=profile, composer=composer, admission=admission, now=now, on_step=on_step),
            completion=Completion(profile=profile, augmenter=augmenter, bench=bench, now=now, on_step=on_step),
            consent=consent,
            delivery=delivery,
            now=now,
            on_step=on_step,
        )
        """What it works with."""
        self._officials = Officials(self.equipment)

    @property
    def agency(self) -> AgencyCode:
        """For whom it issues."""
        return self._agency

    # --- one result, from the request to the delivered file ------------------------------------------------------

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
        intent, page = self._reserve(request)
        with self._registry.claim(intent.id):
            return self._advance(self._registry.get(intent.id), request, page)

    def _reserve(self, request: Request) -> tuple[Intent, Layout | None]:
        """→ RESERVED, where nobody signs before the agency; with the page on which the request was examined."""
        alone = isinstance(request.content, Attached | Copied) or request.metadata is None
        if request.two_signatures or (self.equipment.profile.person and not alone):
            raise InputError("person-signs-first")
        return self.equipment.intake.reserve(request)

    def _advance(self, intent: Intent, request: Request | None = None, page: Layout | None = None) -> Issued:
        """From wherever it stands to its end, one worker at a time, with a claim; `request` where it is at hand."""
        if intent.state is IntentState.RESERVED:
            self._on_step(Step.RESERVED, intent)
            intent = self._prepare(intent, request, page)
        if intent.state is IntentState.PREPARED:
            intent = self._sign(intent)
        if intent.state is IntentState.SIGNED:
            intent = self._register(intent)
        if intent.state is IntentState.VOID:
            raise _voided(intent)
        return self._issued(self._deliver(intent))

    def _prepare(self, intent: Intent, request: Request | None, page: Layout | None) -> Intent:
        """RESERVED → PREPARED, where the agency signs alone: the page, the QR seal, an empty signature."""
        preparation = self.equipment.preparation
        with self.equipment.voiding(intent):
            request = request or self._bench.request(intent)
            layout = preparation.lay_out(intent, request, proof=page)
            fixed = preparation.for_agency(intent, request, layout)
        return self._prepared(intent, fixed)

    def _prepared(self, intent: Intent, fixed: Fixed) -> Intent:
        """→ PREPARED: all bytes that the agency's key will sign are fixed."""
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

    def _sign(self, intent: Intent) -> Intent:
        """PREPARED → SIGNED: the only place where the signing key is used."""
        completion = self.equipment.completion
        with self.equipment.voiding(intent):
            prepared = self._bench.prepared(intent)
        signed = self._bench.completed(intent, prepared)
        if signed is None:
            signature = self._bench.signature(intent, prepared) or self._use_key(intent, prepared)
            token = completion.stamp(intent, prepared, signature)
            with self.equipment.voiding(intent):
                signed = complete(prepared, signature, timestamp=token)
            signed = completion.augment(intent, prepared, signed)
        # What a crash left too: whoever stored it may not have come so far that it is durable.
        signed = self._bench.keep(intent, prepared, signed)
        intent = self._registry.signed(intent.id, sha256=sha256(signed))
        self._on_step(Step.SIGNED, intent)
        return intent

    def _use_key(self, intent: Intent, prepared: PreparedSignature) -> bytes:
        key, _ = self.equipment.admission.agency_key()
        if prepared.certificates[0] != key.certificates[0]:
            raise KeyStoreError("prepared-for-other-key", id=str(intent.id))
        if self.equipment.consent is not None:
            self.equipment.consent.check(intent)
        self._registry.still_claimed(intent.id)
        signature = key.sign(prepared.to_be_signed, mechanism=prepared.mechanism)
        if prepared.timestamp_room:
            self._bench.put_signature(intent, signature)  # the wait for its time-stamp may be long, and in vain
        self._on_step(Step.KEY_USED, intent)
        return signature

    def _register(self, intent: Intent) -> Intent:
        """SIGNED → ISSUED: look at what was made as a stranger would, then register it."""
        with self.equipment.voiding(intent):
            signed = self._bench.signed(intent)
            prepared, record = self._bench.prepared(intent), self._bench.record(intent)
            registration = self.equipment.completion.registration(intent, signed, prepared=prepared, record=record)
        self._on_step(Step.READ_BACK, intent)
        with self.equipment.voiding(intent):
            intent = self._registry.issued(intent.id, registration)
        self._on_step(Step.ISSUED, intent)
        return intent

    def _deliver(self, intent: Intent) -> Intent:
        """Hand the file over, then forget what was only needed to make it."""
        if intent.delivered_at is None:
            where = self.equipment.deliver(self._issued(intent))
            intent = self._registry.delivered(intent.id, at=self.equipment.now(), where=where)
            self._on_step(Step.DELIVERED, intent)
        self._bench.forget(intent)
        return intent

    def _issued(self, intent: Intent) -> Issued:
        if intent.state is not IntentState.ISSUED:
            raise NotRegistered("not-issued", id=str(intent.id), state=intent.state.value)
        return Issued.of(intent, self._bench.archive.version(intent))

    # --- what else the agency signs alone ------------------------------------------------------------------------

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

    # --- where a competent person signs first --------------------------------------------------------------------

    def submit(self, request: Request) -> Pending:
        """Prepare a result for the competent person's signature, which may be made anywhere, and later.

        The same request again gives the same document to sign.

        Raises:
            As `issue`; SigningError: `not-awaiting`: the person has signed already.
        """
        if request.person is None:
            raise InputError("person-missing")
        return self._officials.pending(self._submit(request))

    def adopt(self, request: Request) -> Intent:
        """Take in a file that the competent person signed in other software; `release` goes on from there.

        Raises:
            As `issue`; SigningError: The person's signature is not sound, or not theirs to make.
        """
        if not isinstance(request.content, Adopted):
            raise InputError("person-missing")
        return self._submit(request)

    def _submit(self, request: Request) -> Intent:
        intent, page = self.equipment.intake.reserve(request)
        with self._registry.claim(intent.id):
            return self._officials.submit(self._registry.get(intent.id), page)

    def pending(self, result_id: ResultId) -> Pending:
        """What the competent person is to sign.

        Raises:
            SigningError: `not-awaiting`: nobody's signature is waited for.
        """
        return self._officials.pending(self._registry.get(result_id))

    def complete(self, result_id: ResultId, signature: bytes) -> Intent:
        """Hand in the person's signature over `Pending.to_be_signed`.

        Raises:
            SigningError: `signature-mismatch`: it is another's, or over something else; nothing is lost, hand in the
                right one. `pending-expired`: the result is void. `not-awaiting`.
            TimestampError: No time-stamp is to be had for it now; hand the same signature in again later.
        """
        with self._registry.claim(result_id):
            return self._officials.complete(self._registry.get(result_id), signature)

    def check_release(self, result_id: ResultId) -> tuple[Reason, ...]:
        """Whether `release` would follow the person's signature, and what it would let pass; no key is touched.

        Raises:
            SigningError: The person's signature is missing, not sound, or not theirs to make; the result is void.
        """
        intent = self._registry.get(result_id)
        if intent.state is IntentState.VOID:
            raise _voided(intent)
        return self._officials.check(intent)

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
            if intent.state in {IntentState.RESERVED, IntentState.AWAITING}:
                raise SigningError("person-signature-missing")
            if intent.state is IntentState.APPROVED:
                intent = self._prepared(*self._officials.fix(intent, number=number, issue_date=issue_date))
            return self._advance(intent)

    # --- what is recorded, and finished later --------------------------------------------------------------------

    def check(self, request: Request) -> None:
        """Whether `issue`, `submit` or `adopt` would take `request`: nothing is recorded and no key is touched.

        Raises:
            As those; PreflightError, InputError: It cannot be issued.
        """
        self.equipment.intake.examine(request)

    def accept(self, request: Request) -> Intent:
        """Record a request to be issued later, by `go_on` or `resume`; the same request again gives the same intent.

        Raises:
            As `issue`, before any key is used.
        """
        return self._reserve(request)[0]

    def go_on(self, result_id: ResultId) -> Intent:
        """Take an unfinished intent as far as it goes without people; `resume` does this for all of them.

        Raises:
            As `issue`; RequestInFlight: somebody works on it right now. NotRegistered.
        """
        with self._registry.claim(result_id):
            intent = self._registry.get(result_id)
            if intent.state is IntentState.RESERVED and intent.person:
                self._officials.submit(intent)
            else:
                self._advance(intent)
        return self._registry.get(result_id)

    def resume(self) -> Iterator[Resumed]:
        """Finish, or void with a reason, every intent that a crash left, oldest first."""
        unfinished = self._registry.unfinished()
        waiting = self._registry.waiting()
        self._bench.sweep((*unfinished, *waiting))
        for intent in unfinished:
            if intent.profile != self.equipment.profile.name or intent.agency != self._agency:
                continue
            try:
                yield Resumed(intent=self.go_on(intent.id), error=None)
            except Error as error:
                now = self._registry.get(intent.id)
                yield Resumed(intent=now, error=None if now.state is IntentState.VOID else error)

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

    def document(self, result_id: ResultId) -> Issued:
        """The registered document itself.

        Raises:
            NotRegistered: There is none with this id, or it is not issued.
            SigningError: `archive-damaged`: the stored file is not what was registered.
        """
        return self._issued(self._registry.get(result_id))

    def present(self, result_id: ResultId) -> "Presentation":
        """A code with which the holder shows an issued result once, within 30 s (docs/spec/presentation.md §2).

        The portal that calls this has made sure who the holder is, and draws `url(host)`.

        Raises:
            NotRegistered: `not-registered`.
            RegistryError: `presentation-not-issued`.
        """
        return self._registry.present(result_id)


def _voided(intent: Intent) -> SigningError:
    return SigningError("request-voided", why=intent.void_reason or intent.void_why)
