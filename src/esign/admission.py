"""What is examined before anything is recorded, and before a key follows another one.

    a request     everything that could fail, on a proof with a placeholder for the number
    a key         its certificate is valid now, leads to an anchor and is not revoked
    a person      the competent person's signature is sound, theirs to make, and permits the agency's

Nothing here records anything or signs; what is let pass is given back as notices, for the record.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from esign.codes import DocumentNumber
from esign.composition import Composer
from esign.document import Agency, Person, ResultMetadata
from esign.errors import InputError, SigningError
from esign.keys import Mechanism, SigningKey
from esign.layout import Layout
from esign.pades.fields import AGENCY_FIELD, PERSON_FIELD
from esign.pades.inspect import inspect_signatures
from esign.pades.sign import choose_mechanism, mechanism_for, prepare
from esign.profile import IssuanceProfile
from esign.reasons import Reason
from esign.registry import Intent
from esign.request import Adopted, Request
from esign.trust import TrustStore, check_before_signing
from esign.trust.certificate import parse_certificate

if TYPE_CHECKING:
    from esign.approval import Approval
    from esign.authority import AuthorityTable

__all__ = ["Admission"]

_LAST_EXPIRY = datetime(2106, 1, 1, tzinfo=UTC)
"""A seal has 32 bits for it (docs/spec/seal.md)."""


class Admission:
    """Examines the requests, keys and people of one agency under one profile."""

    def __init__(
        self,
        *,
        agency: Agency,
        profile: IssuanceProfile,
        key: SigningKey | None,
        composer: Composer,
        trust: TrustStore,
        authority: "AuthorityTable | None",
        now: Callable[[], datetime],
    ) -> None:
        """Raises `SigningError` where the key cannot sign under this profile."""
        self._agency = agency
        self._person_profile = profile.person_signature or profile.signature
        self._key = key
        self._mechanism = None if key is None else choose_mechanism(profile.signature, key)
        self._composer = composer
        self._trust = trust
        self._allowed: dict[tuple[bytes, ...], tuple[datetime, tuple[Reason, ...]]] = {}
        self._authority = authority
        self._now = now

    def request(self, request: Request, *, number: DocumentNumber | None = None) -> Layout:
        """Everything that could fail; the proof on which it was tried, with the `number` that it will probably get.

        Raises:
            PreflightError, InputError, SigningError: It cannot be issued.
        """
        if request.metadata is not None:
            self._expiry(request.metadata.expires)
        if self._key is not None:
            self.key(self._key)
        if request.person is not None:
            self.person(request.person)
        if isinstance(request.content, Adopted):
            self._signed(request.content.pdf, request.metadata, field_name=None)
        layout = self._composer.proof(
            request, certificate=self._key.certificates[0] if self._key else None, number=number
        )
        if isinstance(request.content, Adopted):
            self._permits_another(request.content.pdf, layout)
        return layout

    def agency_key(self) -> tuple[SigningKey, Mechanism]:
        """The agency's key, and how it signs.

        Raises:
            SigningError: `agency-key-missing`: this process prepares what persons sign, and no more.
        """
        if self._key is None or self._mechanism is None:
            raise SigningError("agency-key-missing")
        return self._key, self._mechanism

    def key(self, key: SigningKey) -> tuple[Reason, ...]:
        """The key may sign now, as far as its certificates say.

        Raises:
            SigningError: It may not.
        """
        return self._may_sign(key.certificates)

    def person(self, person: Person) -> Mechanism:
        """The person's certificate may sign now, and how; found before anybody is asked to sign.

        Raises:
            InputError: `certificate-unreadable`.
            SigningError: It may not.
        """
        try:
            for certificate in person.certificates:
                parse_certificate(certificate)
        except ValueError as e:
            raise InputError("certificate-unreadable", problem="DER") from e
        self._may_sign(person.certificates)
        return mechanism_for(self._person_profile, person.certificates[0])

    def _expiry(self, expires: datetime | None) -> None:
        """Nothing is issued that is over already, or that no seal can say the end of."""
        if expires is not None and not self._now() < expires < _LAST_EXPIRY:
            raise InputError("expiry-invalid", last=_LAST_EXPIRY.date())

    def _may_sign(self, certificates: tuple[bytes, ...]) -> tuple[Reason, ...]:
        """Validity and revocation are told in whole seconds (RFC 5280 §4.1.2.5): in one second nothing changes."""
        at = self._now()
        second = at.replace(microsecond=0)
        known = self._allowed.get(certificates)
        if known is None or known[0] != second:
            known = second, check_before_signing(certificates, trust=self._trust, at=at)
            self._allowed[certificates] = known
        return known[1]

    def approved(self, intent: Intent, request: Request, approved: bytes) -> "Approval":
        """The agency's key follows a sound signature of somebody who may make it, or it does not sign.

        Raises:
            SigningError: The person's signature is missing, not sound, or not theirs to make.
        """
        ours = None if isinstance(request.content, Adopted) else PERSON_FIELD
        return self._signed(approved, request.metadata, field_name=ours, received=intent.approved_at)

    def _signed(
        self, pdf: bytes, metadata: ResultMetadata | None, *, field_name: str | None, received: datetime | None = None
    ) -> "Approval":
        from esign.approval import check_person_signature  # noqa: PLC0415  # late: where a person signs first

        return check_person_signature(
            pdf,
            trust=self._trust,
            authority=self._authority,
            agency=self._agency.code,
            procedure=metadata.procedure if metadata else None,
            at=self._now(),
            person_field=field_name,
            agency_certificate=self._key.certificates[0] if self._key else None,
            received=received,
        )

    def _permits_another(self, pdf: bytes, layout: Layout) -> None:
        """Try on a proof whether the signatures that are there permit another one (DocMDP, FieldMDP)."""
        if self._key is None or self._mechanism is None:
            return
        proof = prepare(
            pdf,
            certificates=self._key.certificates,
            mechanism=self._mechanism,
            signing_time=self._now(),
            field_name=AGENCY_FIELD,
            appearance=self._composer.appearance(
                layout.signature_place, certificate=self._key.certificates[0], signing_time=self._now()
            ),
        )
        before = len(inspect_signatures(pdf, trust=TrustStore(), at=self._now()).signatures)
        found = inspect_signatures(proof.document, trust=TrustStore(), at=self._now())
        if not all(s.intact for s in found.signatures[:before]):
            raise SigningError("adopted-forbids-signing")
