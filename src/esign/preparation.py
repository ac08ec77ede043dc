"""Fix every byte that will be signed: the page, the QR seal, an empty signature.

    for_person     the page and, where the number is known, the seal; the person's empty signature
    for_agency     the page, the seal, the agency's empty signature, where it signs alone
    for_release    behind the person's signature: number, date and seal where they were blank, the agency's signature

Nothing here is stored or recorded; the seal's key is used, the keys of people and agency are not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from esign.admission import Admission
from esign.archive import sha256
from esign.composition import Composer
from esign.document import Person
from esign.layout import Layout
from esign.pades.fields import AGENCY_FIELD, PERSON_FIELD
from esign.pades.sign import PreparedSignature, prepare
from esign.profile import IssuanceProfile
from esign.reasons import Reason
from esign.registry import Fixation, Intent
from esign.request import Request
from esign.steps import OnStep, Step
from esign.workbench import Record

__all__ = ["Fixed", "Preparation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """Bytes that will be signed, and what the register will want to know of them."""

    prepared: PreparedSignature
    """The document with an empty signature."""
    record: Record
    """What only the preparing process knows."""
    signing_time: datetime
    """The time that the signature will claim."""
    sha256: str
    """Of the document with the empty signature, hex."""

    @property
    def fixation(self) -> Fixation:
        """As the register knows them."""
        to_be_signed = sha256(self.prepared.to_be_signed)
        return Fixation(prepared_sha256=self.sha256, to_be_signed_sha256=to_be_signed, signing_time=self.signing_time)

    @classmethod
    def of(cls, prepared: PreparedSignature, record: Record, signing_time: datetime) -> Self:
        """With the digest."""
        return cls(prepared=prepared, record=record, signing_time=signing_time, sha256=prepared.sha256)


class Preparation:
    """Prepares the documents of one agency under one profile."""

    def __init__(
        self,
        *,
        profile: IssuanceProfile,
        composer: Composer,
        admission: Admission,
        now: Callable[[], datetime],
        on_step: OnStep,
    ) -> None:
        self._profile = profile
        self._person_profile = profile.person_signature or profile.signature
        self._composer = composer
        self._admission = admission
        self._now = now
        self._on_step = on_step

    def lay_out(self, intent: Intent, request: Request, *, proof: Layout | None = None) -> Layout:
        """The first revision, with number and date where they are known; `proof`, where that shows the same.

        Raises:
            PreflightError, InputError: It cannot be issued.
        """
        layout = proof if proof is not None and proof.is_for(intent) else self._laid_out(intent, request)
        self._on_step(Step.LAID_OUT, intent)
        return layout

    def _laid_out(self, intent: Intent, request: Request) -> Layout:
        blank = intent.person and intent.number is None
        return self._composer.lay_out(request, number=intent.number, issued=None if blank else intent.issue_date)

    def for_person(
        self, intent: Intent, request: Request, person: Person, layout: Layout, *, sealed: bytes | None = None
    ) -> Fixed:
        """What the competent person is to sign; `sealed` is the page where its seal was drawn before.

        Raises:
            Error: As `Composer`, `Admission.person` and `prepare`.
        """
        signing_time = self._now()
        prepared = prepare(
            self._composer.for_person(request, intent, layout, sealed=sealed),
            certificates=person.certificates,
            mechanism=self._admission.person(person),
            signing_time=signing_time,
            field_name=PERSON_FIELD,
            appearance=self._composer.person_appearance(layout, person),
            timestamp_room=self._person_profile.timestamp_room,
        )
        return Fixed.of(prepared, Record.of(layout), signing_time)

    def for_agency(self, intent: Intent, request: Request, layout: Layout, *, sealed: bytes | None = None) -> Fixed:
        """What the agency signs, where nobody signed before; `sealed` as for the person.

        Raises:
            Error: As `Composer`, `Admission.key` and `prepare`.
        """
        key, mechanism = self._admission.agency_key()
        page = self._composer.seal(request, intent, layout) if sealed is None else sealed
        self._on_step(Step.SEALED, intent)
        signing_time = self._now()
        prepared = prepare(
            page,
            certificates=key.certificates,
            mechanism=mechanism,
            signing_time=signing_time,
            field_name=AGENCY_FIELD,
            appearance=self._composer.agency_appearance(
                request,
                intent,
                layout.signature_place,
                certificate=key.certificates[0],
                signing_time=signing_time,
            ),
            reason=self._profile.signature.reason,
            timestamp_room=self._profile.signature.timestamp_room,
        )
        record = Record.of(layout).noting(*self._admission.key(key))
        return Fixed.of(prepared, record, signing_time)

    def for_release(
        self, intent: Intent, request: Request, approved: bytes, record: Record, notices: tuple[Reason, ...]
    ) -> Fixed:
        """What the agency signs behind the person's signature; `notices` say what was let pass of that.

        Raises:
            Error: As `Composer` and `prepare`.
        """
        key, mechanism = self._admission.agency_key()
        signing_time = self._now()
        revision = self._composer.for_agency(
            request, intent, approved, record.places, certificate=key.certificates[0], at=signing_time
        )
        self._on_step(Step.SEALED, intent)
        prepared = prepare(
            revision.pdf,
            certificates=key.certificates,
            mechanism=mechanism,
            signing_time=signing_time,
            field_name=AGENCY_FIELD,
            appearance=revision.appearance,
            reason=self._profile.signature.reason,
            fill=revision.fill,
            lock=revision.lock,
            seal_url=revision.seal_url,
            timestamp_room=self._profile.signature.timestamp_room,
        )
        return Fixed.of(prepared, record.noting(*notices), signing_time)
