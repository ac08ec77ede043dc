"""What is done for one member of a group at a station: its bytes are fixed, judged, looked at (`esign.stations`).

The tools are those of `esign.issuance`; what a line knows already is not found out again (`esign.known`).
"""

from datetime import date
from functools import lru_cache

from esign.archive import sha256
from esign.document import Person
from esign.equipment import Equipment
from esign.errors import Error, SigningError
from esign.issuance import Issuer
from esign.issued import Issued
from esign.keys import SigningKey
from esign.known import Known
from esign.layout import Layout
from esign.member import Member
from esign.profile import VIETNAM
from esign.readback import Seen, compare, read_back
from esign.reasons import Reason
from esign.registry import NextNumber, Registration
from esign.request import Filled, Given, Request

__all__ = ["Handling"]

_LARGEST_FORM = 1 << 20
"""Larger pages are not remembered."""


class Handling:
    """Handles the members of one line."""

    def __init__(self, issuer: Issuer, *, person_key: SigningKey | None, known: Known) -> None:
        """`person_key` is the competent person's, where it is at hand."""
        self._issuer = issuer
        self._with: Equipment = issuer.equipment
        self._person_key = person_key
        self._known = known

    def fits(self, request: Request) -> bool:
        """Whether it can walk in a group.

        What is to be stamped, adopted, attached or copied goes the ordinary way, and so does what is refused there.
        """
        profile = self._with.profile
        if any(p is not None and p.timestamp_room for p in (profile.signature, profile.person_signature)):
            return False
        if not isinstance(request.content, Filled | Given):
            return False
        if request.person is None:
            return not profile.person or request.metadata is None
        return self._signs_for(request.person)

    def _signs_for(self, person: Person) -> bool:
        return self._person_key is not None and self._person_key.certificates[:1] == person.certificates[:1]

    def issue_date(self, request: Request) -> date:
        """The date that is asked for, or today."""
        return request.issue_date or self._with.now().astimezone(VIETNAM).date()

    def guessable(self, request: Request) -> tuple[NextNumber, date] | None:
        """The book whose next number it gets as soon as it is recorded; None where it gets none of a book then."""
        if isinstance(request.number, NextNumber) and not self._with.composer.late(request):
            return request.number, self.issue_date(request)
        return None

    def look(self, member: Member) -> Layout | Error:
        """Examine it, on a page with the number that it will probably get."""
        try:
            return self._with.admission.request(member.request, number=member.foreseen)
        except Error as e:
            return e

    def is_as_recorded(self, member: Member) -> bool:
        """Whether the page shows number and date that the register gave."""
        return member.laid_out is not None and member.laid_out.is_for(member.intent)

    def set_again(self, member: Member) -> Layout | None:
        """The page with number and date that the register gave; None where it cannot be set."""
        try:
            return self._with.preparation.lay_out(member.intent, member.request)
        except Error:
            return None

    def fix_for_person(self, member: Member) -> None:
        """Fix what the person signs."""
        assert member.request.person is not None
        member.prepared = self._with.preparation.for_person(
            member.intent, member.request, member.request.person, member.layout, sealed=member.sealed
        )

    def fix_for_agency(self, member: Member) -> None:
        """Fix what the agency signs, behind the person's signature where there is one."""
        preparation, admission = self._with.preparation, self._with.admission
        intent, request = member.intent, member.request
        if member.approved is None:
            member.prepared = preparation.for_agency(intent, request, member.layout, sealed=member.sealed)
            return
        key, _ = admission.agency_key()
        notices = (*self._approval(member, member.approved), *admission.key(key))
        member.prepared = preparation.for_release(intent, request, member.approved, member.fixed.record, notices)

    def _approval(self, member: Member, approved: bytes) -> tuple[Reason, ...]:
        """What is let pass of the person's signature.

        That it is sound and over what was prepared is known of each document: this process prepared it, and put in
        the signature that fits (`esign.pades.sign.complete`). Whether that person may sign such a document now is
        judged in full, on a document of each kind, once a second.
        """
        tools, request = self._with, member.request
        assert request.person is not None
        procedure = request.metadata.procedure if request.metadata else None
        return self._known.approval(
            (request.person.certificates, procedure, self._kind(member)),
            tools.now(),
            lambda: tools.admission.approved(member.intent, request, approved).notices,
        )

    def registration(self, member: Member) -> Registration:
        """Look at the signed file, and say what the register is to know of it.

        Raises:
            SigningError: `read-back-failed`.
        """
        fixed = member.fixed
        return self._with.completion.facts(
            member.intent,
            member.signed,
            seen=self._look_back(member),
            prepared=fixed.prepared,
            record=fixed.record,
        )

    def _look_back(self, member: Member) -> Seen:
        """As a stranger would, at the first of each kind; at all others byte by byte."""
        intent, prepared = member.intent, member.fixed.prepared
        kind = self._kind(member)
        sealed = self._with.profile.seal is not None and intent.number is not None
        if self._known.is_read(kind) and (member.order is not None) == sealed:
            person = member.request.person
            return compare(
                member.signed,
                intent=intent,
                prepared=prepared,
                approved=(member.approved, member.approved_sha256) if member.approved is not None else None,
                person=person.certificates[0] if person else None,
                order=member.order,
            )
        seen = read_back(
            member.signed,
            intent=intent,
            certificate=prepared.certificates[0],
            size=len(prepared.document),
            stamped=False,
            sealed=self._with.profile.seal is not None,
            at=self._with.now(),
        )
        self._known.add(kind)
        return seen

    def _kind(self, member: Member) -> object:
        """What makes two files alike in their structure: the template, or the given page; who signs; what is drawn."""
        content, layout = member.request.content, member.layout
        page = content.template if isinstance(content, Filled) else ""
        if isinstance(content, Given):
            page = _form(content.pdf) if len(content.pdf) <= _LARGEST_FORM else sha256(content.pdf)
        return page, layout.pages, layout.fonts, bool(layout.release), member.request.person is not None

    def ordinarily(self, member: Member) -> Issued | Error:
        """What becomes of a member that left its group: as `Issuer` does it, from wherever the register has it."""
        try:
            person = member.request.person
            if person is None or self._person_key is None or not self._signs_for(person):
                return self._issuer.issue(member.request)
            try:
                pending = self._issuer.submit(member.request)
            except SigningError as e:
                intent = self._with.registry.by_key(member.request.idempotency_key)
                if e.code != "not-awaiting" or intent is None:
                    raise
                return self._issuer.release(intent.id)
            signature = self._person_key.sign(pending.to_be_signed, mechanism=pending.mechanism)
            return self._issuer.release(self._issuer.complete(pending.id, signature).id)
        except Error as e:
            return e


@lru_cache(maxsize=16)
def _form(pdf: bytes) -> str:
    """The digest of a form that is given, which many results have in common."""
    return sha256(pdf)
