"""Where two officials sign: what happens before the agency's signature, which `esign.issuance` goes on with.

    submit     the page is prepared for the competent person's signature    RESERVED → AWAITING
    complete   the person's signature is in                                 AWAITING → APPROVED
    submit     a file that the person signed elsewhere is taken in          RESERVED → APPROVED
    fix        the person is checked, number and date are given             APPROVED, all bytes fixed for the agency

The person may sign anywhere, and days later. Whoever takes one of these steps has claimed the intent.
"""

from datetime import date

from esign.archive import sha256
from esign.codes import DocumentNumber
from esign.document import SignerRole
from esign.equipment import Equipment
from esign.errors import SigningError
from esign.layout import Layout
from esign.pades.sign import complete
from esign.pending import Pending
from esign.preparation import Fixed
from esign.profile import VIETNAM
from esign.reasons import Reason
from esign.registry import Intent, IntentState, NextNumber
from esign.request import Adopted
from esign.steps import Step
from esign.workbench import Record

__all__ = ["Officials"]


class Officials:
    """Takes the steps between the competent person and the agency."""

    def __init__(self, equipment: Equipment) -> None:
        self._with = equipment

    def submit(self, intent: Intent, page: Layout | None = None) -> Intent:
        """RESERVED → AWAITING: fix every byte that the person will sign; or → APPROVED, for an adopted file.

        `page` is the one on which the request was examined. What has gone further stays as it is.

        Raises:
            Error: It cannot be prepared; the intent is void.
        """
        if intent.state is not IntentState.RESERVED:
            return intent
        tools = self._with
        tools.on_step(Step.RESERVED, intent)
        with tools.voiding(intent):
            request = tools.bench.request(intent)
            layout = tools.preparation.lay_out(intent, request, proof=page)
            if isinstance(request.content, Adopted):
                tools.bench.put_record(intent, Record.of(layout))
                return self._approve(intent, request.content.pdf)
            assert request.person is not None
            fixed = tools.preparation.for_person(intent, request, request.person, layout)
        tools.registry.still_claimed(intent.id)
        tools.bench.put_for_person(intent, fixed.prepared, fixed.record, digest=fixed.sha256)
        intent = tools.registry.awaiting(
            intent.id,
            prepared_sha256=fixed.sha256,
            to_be_signed_sha256=sha256(fixed.prepared.to_be_signed),
            signing_time=fixed.signing_time,
            expires=fixed.signing_time + tools.profile.person_within,
        )
        tools.on_step(Step.AWAITING, intent)
        return intent

    def pending(self, intent: Intent) -> Pending:
        """What the person is to sign.

        Raises:
            SigningError: `not-awaiting`: nobody's signature is waited for.
        """
        if intent.state is not IntentState.AWAITING or intent.expires_at is None:
            raise SigningError("not-awaiting", id=str(intent.id), state=intent.state.value)
        prepared = self._with.bench.for_person(intent)
        return Pending(id=intent.id, role=SignerRole.PERSON, expires=intent.expires_at, prepared=prepared)

    def complete(self, intent: Intent, signature: bytes) -> Intent:
        """AWAITING → APPROVED: put the person's signature in.

        Raises:
            SigningError: `signature-mismatch`, `not-awaiting`; `pending-expired`: the intent is void.
            TimestampError: No time-stamp is to be had for it now.
        """
        tools, pending = self._with, self.pending(intent)
        if tools.now() > pending.expires:
            with tools.voiding(intent):
                raise SigningError("pending-expired", id=str(intent.id))
        token = tools.completion.stamp(intent, pending.prepared, signature)
        return self._approve(intent, complete(pending.prepared, signature, timestamp=token))

    def _approve(self, intent: Intent, signed: bytes) -> Intent:
        """→ APPROVED: keep the file with the person's signature."""
        tools = self._with
        tools.registry.still_claimed(intent.id)
        tools.bench.put_approved(intent, signed)
        intent = tools.registry.approved(intent.id, sha256=sha256(signed))
        tools.on_step(Step.APPROVED, intent)
        return intent

    def check(self, intent: Intent) -> tuple[Reason, ...]:
        """Whether the agency would follow the person's signature, and what it would let pass; nothing is recorded.

        Raises:
            SigningError: The person's signature is missing, not sound, or not theirs to make.
        """
        if intent.state in {IntentState.RESERVED, IntentState.AWAITING}:
            raise SigningError("person-signature-missing")
        if intent.state is not IntentState.APPROVED:
            return ()
        bench = self._with.bench
        return self._with.admission.approved(intent, bench.request(intent), bench.approved(intent)).notices

    def fix(
        self, intent: Intent, *, number: DocumentNumber | NextNumber | None, issue_date: date | None
    ) -> tuple[Intent, Fixed]:
        """What the agency is to sign behind the person's signature, checked before the key is anywhere near.

        The intent is given back with its number; what has none yet takes `number`, else what was asked for.

        Raises:
            SigningError: The person's signature is not sound, or not theirs to make; `number-is-given`.
            DuplicateNumber: The number is taken.
        """
        tools = self._with
        request, approved = tools.bench.request(intent), tools.bench.approved(intent)
        record = tools.bench.record(intent)
        approval = tools.admission.approved(intent, request, approved)
        key, _ = tools.admission.agency_key()
        notices = (*approval.notices, *tools.admission.key(key))
        if intent.number is None:
            chosen = number or request.number
            assert chosen is not None
            today = tools.now().astimezone(VIETNAM).date()
            intent = tools.registry.assign_number(
                intent.id,
                chosen,
                issue_date=issue_date or request.issue_date or today,
                duplicates=tools.profile.duplicates,
            )
        elif number is not None and number != intent.number:
            raise SigningError("number-is-given", number=intent.number)
        with tools.voiding(intent):
            fixed = tools.preparation.for_release(intent, request, approved, record, notices)
        return intent, fixed
