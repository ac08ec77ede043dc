"""Whether the agency's key may follow: the competent person's signature, checked before the agency signs.

The agency signs only what already carries the signature of the competent person (NĐ 30/2020 Đ.32.2.d), and a records
clerk refuses what is not sound, saying why. In this order, the first that fails is said:

1. the file holds a person's signature, and the agency has not signed yet;
2. every signature is intact: format, digest, value, strong algorithms (EN 319 102-1 §5.2);
3. what was signed is what was prepared, and nothing was added since but signatures and validation data;
4. each certificate is valid, leads to an anchor and is not revoked (NĐ 68/2024 Đ.31, Đ.32);
5. the signature was not made later than now;
6. the table of authorities lets this person sign this procedure for this agency, on that day and today.

What was let pass and what could not be checked is in `Approval.notices`, for the record.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from esign.authority import Authority, AuthorityTable, public_key_sha256
from esign.codes import AgencyCode, ProcedureCode
from esign.errors import InputError, SigningError
from esign.pades.fields import AGENCY_FIELD
from esign.pades.history import ChangeKind, SignedRevision, changes_since, signed_revisions
from esign.pades.inspect import inspect_signatures
from esign.profile import VIETNAM
from esign.reasons import Reason
from esign.report import Check, Integrity, Outcome, SignatureKind, SignatureReport
from esign.trust import TrustStore

__all__ = ["Approval", "check_person_signature"]

_CLOCKS = timedelta(minutes=5)
"""How much two honest clocks may differ."""
_ZONE = timedelta(hours=7)
"""What a tool is ahead that writes Vietnamese time and calls it UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person's signature that the agency may follow."""

    report: SignatureReport
    """The competent person's signature; the first certificate is the person's."""
    authority: Authority | None
    """Under which grant it was made; None where no table was given, and the notices say so."""
    notices: tuple[Reason, ...]
    """What was let pass or could not be checked, for the record."""


def check_person_signature(  # noqa: PLR0913 - each is a fact of its own, and most have one source
    pdf: bytes,
    *,
    trust: TrustStore,
    authority: AuthorityTable | None,
    agency: AgencyCode,
    procedure: ProcedureCode | None,
    at: datetime,
    expected_prefix: bytes | None = None,
    person_field: str | None = None,
    agency_certificate: bytes | None = None,
    received: datetime | None = None,
    require_revocation: bool = False,
) -> Approval:
    """Refuse to let the agency sign `pdf`, or return the person's signature that it follows.

    `pdf` is the file as the person handed it over, before a salt or a release is added. `expected_prefix` is the
    document that was prepared for the person; None adopts a file that was signed elsewhere. Without `person_field`
    the last signature counts that the table allows. `agency_certificate` tells the agency's own signature from a
    person's. `received` is when the register durably took the signature in: the grant must hold on that day, not on
    the day of `at`. An unknown revocation is a notice, and with `require_revocation` a refusal.

    Raises:
        SigningError: The first thing that is wrong; see the list of this module.
    """
    found = inspect_signatures(pdf, trust=trust, at=at)
    if found.integrity is Integrity.UNREADABLE:
        raise SigningError("person-file-unreadable", problem=_first_reason(found.checks))
    persons = [s for s in found.signatures if s.kind is SignatureKind.SIGNATURE]
    if not persons:
        raise SigningError("person-signature-missing")
    _check_order(persons, agency_certificate)
    revisions = _by_name(signed_revisions(pdf), found.signatures)
    for report in found.signatures:
        _check_sound(report, revisions)
    _check_whole(found.checks)
    prepared = 0
    if expected_prefix is not None:
        prepared = len(expected_prefix)
        _check_prepared(pdf, expected_prefix, revisions)
    candidates = [p for p in persons if revisions[p.field_name].end > prepared and person_field in {None, p.field_name}]
    if not candidates:
        raise SigningError("person-signature-missing")
    noted = [(p, n) for p in persons for n in _check_trusted(p, require_revocation=require_revocation)]
    known = received or at
    person, granted = _authorised(candidates, revisions, authority, agency, procedure, known)
    _check_nothing_added(pdf, revisions[person.field_name], revisions)
    _, of_time = _signed_at(person, revisions, known)
    notices = [n for p, n in noted if not (of_time and p is person and n.code in _OF_TIME)]
    notices += [Reason("timestamp-not-validated")] if len(found.signatures) > len(persons) else []
    notices += [Reason("several-persons-signed", {"count": len(persons)})] if len(persons) > 1 else []
    notices += [Reason("authority-not-checked")] if authority is None else []
    return Approval(report=person, authority=granted, notices=tuple(_once((*notices, *of_time))))


def _check_order(persons: Sequence[SignatureReport], agency_certificate: bytes | None) -> None:
    """(1) The agency comes last; its renewed certificate is still the agency's."""
    agency_key = public_key_sha256(agency_certificate) if agency_certificate else ""
    for person in persons:
        own = bool(person.certificates) and _key(person.certificates[0]) == agency_key
        if own or person.field_name == AGENCY_FIELD:
            raise SigningError("agency-signed-first", field=_shown(person.field_name))


def _key(certificate: bytes) -> str:
    try:
        return public_key_sha256(certificate)
    except InputError:  # of a malformed certificate, which the chain refuses later
        return "-"


def _by_name(revisions: Sequence[SignedRevision], reports: Sequence[SignatureReport]) -> dict[str, SignedRevision]:
    """The extent of each signature; a name that two fields share would name the wrong one."""
    for names in ([r.field_name for r in revisions], [r.field_name for r in reports]):
        for name, count in Counter(names).items():
            if count > 1:
                raise SigningError("person-signature-broken", field=_shown(name), problem=Reason("field-twice"))
    return {r.field_name: r for r in revisions}


_INTACT = ("format", "byte-range", "contents", "digest", "signature", "signing-certificate")


def _check_sound(report: SignatureReport, revisions: dict[str, SignedRevision]) -> None:
    """(2) Intact, permitted changes only, strong."""
    failed = {c.name: c for c in report.checks if c.outcome is Outcome.FAILED}
    field = _shown(report.field_name)
    for name in _INTACT:
        if name in failed:
            raise SigningError("person-signature-broken", field=field, problem=_reason(failed[name]))
    if "modifications" in failed:
        raise SigningError("person-document-changed", field=field, problem=_reason(failed["modifications"]))
    if "algorithms" in failed:
        raise SigningError("person-signature-weak", field=field, problem=_reason(failed["algorithms"]))
    if report.field_name not in revisions:
        raise SigningError("person-signature-broken", field=field, problem=Reason("byte-range-shape"))


def _check_whole(checks: Sequence[Check]) -> None:
    """(3) What the inspection says of the file as a whole: release fields that somebody filled and nobody locked."""
    failed = [c for c in checks if c.outcome is Outcome.FAILED]
    if failed:  # the headline comes first, what is behind it later
        raise SigningError("person-document-changed", field="-", problem=_reason(failed[-1]))


def _check_prepared(pdf: bytes, prefix: bytes, revisions: dict[str, SignedRevision]) -> None:
    """(3) The file goes on from what was prepared, and what was added are signatures."""
    changes = changes_since(pdf, len(prefix)) if pdf.startswith(prefix) else None
    later = {name for name, r in revisions.items() if r.end > len(prefix)}
    if changes is None or changes.kind is ChangeKind.OTHER or not changes.fields <= later:
        raise SigningError("person-document-changed", field="-", problem=Reason("differs-from-prepared"))


def _check_nothing_added(pdf: bytes, person: SignedRevision, revisions: dict[str, SignedRevision]) -> None:
    """(3) Behind the competent person's signature stand other signatures and validation data, nothing else."""
    changes = changes_since(pdf, person.end)
    later = {name for name, r in revisions.items() if r.end > person.end}
    if changes.kind is ChangeKind.OTHER or not changes.fields <= later:
        field = _shown(person.field_name)
        raise SigningError("person-document-changed", field=field, problem=Reason("added-after-person"))


_CHAIN = {
    "certificate-expired": "person-certificate-expired",
    "certificate-not-yet-valid": "person-certificate-not-yet-valid",
    "certificate-revoked": "person-certificate-revoked",
    "revocation-unknown": "person-revocation-unknown",
}


# What the inspection says of a time that was written in the wrong zone; `_signed_at` says it better.
_OF_TIME = {"signing-time-late", "signing-time-local"}


def _check_trusted(report: SignatureReport, *, require_revocation: bool) -> list[Reason]:
    """(4) Validity, chain, revocation; what is worth a note."""
    field = _shown(report.field_name)
    notices = [Reason("person-signed-pkcs7", {"field": field})] if report.level == "PKCS7-B" else []
    for check in report.checks:
        reason = _reason(check)
        let_pass = reason.code == "revocation-unknown" and not require_revocation
        if check.outcome is Outcome.NOTED or let_pass:
            notices.append(reason)
        elif check.outcome is not Outcome.PASSED:
            raise SigningError(_CHAIN.get(reason.code, "person-not-trusted"), field=field, problem=reason)
    return notices


def _authorised(
    candidates: Sequence[SignatureReport],
    revisions: dict[str, SignedRevision],
    table: AuthorityTable | None,
    agency: AgencyCode,
    procedure: ProcedureCode | None,
    known: datetime,
) -> tuple[SignatureReport, Authority | None]:
    """(5) and (6) The last signature whose signer may sign this, and the grant of the day on which it was made."""
    refused: SigningError | None = None
    for person in reversed(candidates):
        try:
            claimed, _ = _signed_at(person, revisions, known)
            if table is None:
                return person, None
            # The claim is all that the file says of its day, and proves nothing: that it exists is known by `known`.
            days = (claimed, known) if claimed else (known,)
            certificate = person.certificates[0]
            grants = [table.may_sign(certificate, agency=agency, procedure=procedure, at=day) for day in days]
        except SigningError as e:
            refused = refused or e
        else:
            return person, grants[0]
    assert refused is not None
    raise refused


def _signed_at(
    person: SignatureReport, revisions: dict[str, SignedRevision], known: datetime
) -> tuple[datetime | None, list[Reason]]:
    """(5) When the signature says that it was made, and what is odd about that.

    Some tools write Vietnamese time and call it UTC: seven hours ahead of the clock, or of the other of their two
    times. That is noted; the claim in the file stays what it is.
    """
    claimed = person.signing_time
    if claimed is None:
        return None, [Reason("signing-time-missing")]
    revision = revisions[person.field_name]
    times = [t for t in (revision.dictionary_time, revision.attribute_time) if t is not None]
    apart = max(times) - min(times) if times else timedelta()
    disagree = abs(apart - _ZONE) <= _CLOCKS
    ahead = known + _CLOCKS < claimed <= known + _ZONE + _CLOCKS
    made, notices = claimed, []
    if disagree or ahead:
        made = min(times) if disagree else claimed - _ZONE
        printed = f"{claimed.astimezone(VIETNAM):%d.%m.%Y %H:%M:%S} +07:00"
        notices = [Reason("signing-time-as-utc", {"claimed": printed})]
    if made > known + _CLOCKS:
        raise SigningError("person-signed-in-future", field=_shown(person.field_name))
    return made, notices


def _reason(check: Check) -> Reason:
    return check.reason or Reason("chain-invalid")


def _first_reason(checks: Sequence[Check]) -> Reason:
    return next((c.reason for c in checks if c.reason is not None), Reason("document-altered"))


def _shown(name: str) -> str:
    """A field's name comes from the file: short and printable where it ends up in messages and logs."""
    return "".join(c if c.isprintable() else "\ufffd" for c in name[:60]) or "-"


def _once(reasons: Sequence[Reason]) -> list[Reason]:
    return [r for i, r in enumerate(reasons) if r not in reasons[:i]]
