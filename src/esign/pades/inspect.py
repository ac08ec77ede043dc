"""Read the signatures of a PDF: what each covers, whether it is sound, who made it when, and what changed afterwards.

Every byte string ends in a result (DESIGN laws 5 and 9). The process is that of EN 319 102-1 for signatures with time
and long-term validation data (§5.5, §5.6), with what only PDF has before it:

    (1) the file, its signatures and what became of it since        `integrity`       ISO 32000-2 §7.5, §12.8
    (2) each signature in itself: form, certificate, value          `cryptographic`   §5.2.2, §5.2.3, §5.2.7
    (3) what the document brings along as evidence                  `dss`             EN 319 142-1 §5.4
    (4) document time-stamps, the outermost first: each proves      `_Proofs`         §5.6.2.3, §5.6.3
        everything that it covers
    (5) time-stamps inside signatures                               `times`           §5.4
    (6) certificate, algorithms and time of each signature          `acceptance`      §5.2.6, §5.2.8, §5.5.4, §5.6.2
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from esign.cms import EmbeddedCertificate
from esign.cms.algorithms import Unsupported, digest
from esign.cms.attributes import SignaturePolicy, signature_policy
from esign.cms.ber import Malformed
from esign.names import subject_parts
from esign.pades.acceptance import Acceptance, Constraints, accept, first_failure
from esign.pades.cryptographic import Examined, check, examine
from esign.pades.digests import CoveredBytes, Prefixes
from esign.pades.dss import evidence_of, read_stores
from esign.pades.integrity import SignatureIntegrity
from esign.pades.integrity import examine as examine_file
from esign.pades.levels import Proofs, level_of
from esign.pades.release import release_checks
from esign.pades.signature_dictionary import SignatureDictionary
from esign.pades.times import Stamp, claim_checks, claimed_time, judge_stamp, order_checks, stamp_checks, stamps_of
from esign.reasons import Reason
from esign.report import (
    Block,
    Check,
    Indication,
    Integrity,
    Outcome,
    SignatureKind,
    SignatureReport,
    SubIndication,
    TimestampKind,
    TimestampReport,
)
from esign.syntax import File, SyntaxProblem, read
from esign.trust import Evidence, ProofsOfExistence, Purpose, TrustStore, ValidationPolicy

__all__ = ["Inspection", "inspect_signatures"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What the bytes of a file say, apart from registers and seals."""

    integrity: Integrity
    """The headline."""
    signatures: tuple[SignatureReport, ...] = ()
    """In the order of signing."""
    checks: tuple[Check, ...] = ()
    """Checks of the file as a whole."""


def inspect_signatures(
    pdf: bytes,
    *,
    trust: TrustStore,
    at: datetime,
    policy: ValidationPolicy | None = None,
    policy_documents: Mapping[str, bytes] | None = None,
) -> Inspection:
    """Look at every signature of `pdf`; `at` is the time of validation. Never raises for a bad document.

    `policy_documents` are signature policies by their identifiers, for signatures that name one (EPES).
    """
    try:
        file = read(pdf)
        examination = examine_file(file)
        documents = policy_documents or {}
        prefixes = Prefixes(pdf)
        others = tuple(_readable(trust.intermediates))
        found = tuple(_Signature.examine(s, prefixes, others, documents) for s in examination.signatures)
        reports = _Validation(file, found, trust, policy or ValidationPolicy(), at).reports()
    except SyntaxProblem as e:
        return _unreadable(e.reason)
    integrity = examination.headline(sound=[s.examined.valid for s in found])
    release = release_checks(file, [(s.integrity.signed, s.revision) for s in found])
    if integrity is Integrity.INTACT and any(c.outcome is Outcome.FAILED for c in release):
        integrity = Integrity.ALTERED
    return Inspection(
        integrity=integrity, signatures=reports, checks=(*_headline(integrity), *release, *examination.checks)
    )


def _headline(integrity: Integrity) -> Iterator[Check]:
    if integrity is Integrity.ALTERED:
        yield check(Block.INTEGRITY, "integrity", "DESIGN §6", "document-altered")
    elif integrity is Integrity.UNSIGNED:
        yield check(Block.INTEGRITY, "signatures", "ISO 32000-2 §12.8", "no-signature", Outcome.UNKNOWN)


def _unreadable(reason: Reason) -> Inspection:
    failed = check(Block.INTEGRITY, "format", "ISO 32000-2 §7.5", "pdf-unreadable", problem=reason)
    return Inspection(integrity=Integrity.UNREADABLE, checks=(failed,))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Signature:
    """One signature or document time-stamp, with all that can be said of it without trust."""

    integrity: SignatureIntegrity
    dictionary: SignatureDictionary
    examined: Examined
    stamps: tuple[Stamp, ...]
    checks: tuple[Check, ...]
    """Of the first three blocks, in the order of the process."""

    @classmethod
    def examine(
        cls,
        integrity: SignatureIntegrity,
        prefixes: Prefixes,
        others: tuple[EmbeddedCertificate, ...],
        documents: Mapping[str, bytes],
    ) -> "_Signature":
        """Step (2)."""
        dictionary = SignatureDictionary.read(integrity.signed.reader, integrity.signed.value)
        ranges = integrity.coverage.parts
        content = CoveredBytes(prefixes, ranges) if ranges else None
        examined = examine(dictionary, content, others=others)
        return cls(
            integrity=integrity,
            dictionary=dictionary,
            examined=examined,
            stamps=stamps_of(examined, content, others),
            checks=(*_in_order(examined, integrity), *_policy_checks(examined, documents)),
        )

    @property
    def revision(self) -> int:
        """The revision that it ends."""
        return self.integrity.revision

    @cached_property
    def evidence(self) -> Evidence:
        """What its container brings along, and those of the time-stamps in it."""
        found = Evidence()
        for part in (self.examined, *(stamp.examined for stamp in self.stamps)):
            if part.signed is not None:
                found |= evidence_of(part.signed, part.signer)
            if part.certificate is not None:
                found |= Evidence(certificates=(part.certificate.der,))
        return found

    def proven_objects(self) -> Iterator[bytes]:
        """What existed when all of it existed (EN 319 102-1 §5.6.2.3)."""
        for part in (self.examined, *(stamp.examined for stamp in self.stamps)):
            yield part.signature
        yield from (*self.evidence.certificates, *self.evidence.crls, *self.evidence.ocsps)


def _readable(certificates: Sequence[bytes]) -> Iterator[EmbeddedCertificate]:
    for der in certificates:
        try:
            yield EmbeddedCertificate.read(der)
        except Malformed:
            continue


def _in_order(examined: Examined, integrity: SignatureIntegrity) -> tuple[Check, ...]:
    """Format with coverage, then certificate and value, then what was done since."""
    form = tuple(c for c in examined.checks if c.block is Block.FORMAT)
    rest = tuple(c for c in examined.checks if c.block is not Block.FORMAT)
    return (*form, *integrity.coverage.checks, *rest, *integrity.modifications)


def _policy(examined: Examined) -> SignaturePolicy | None:
    signer = examined.signer
    return signature_policy(signer.signed) if signer and signer.signed else None


def _policy_checks(examined: Examined, documents: Mapping[str, bytes]) -> Iterator[Check]:
    """Validation context initialization (EN 319 102-1 §5.2.4): the policy that the signer named, and its digest.

    We validate by our own policy; the signer's is shown, and compared where the caller has the document.
    """
    clause = "EN 319 102-1 §5.2.4.4"
    try:
        policy = _policy(examined)
    except Malformed:
        yield check(Block.CONTEXT, "signature-policy", clause, "signature-policy-malformed")
        return
    if policy is None or not policy.identifier:
        return
    document = documents.get(policy.identifier)
    if document is None:
        code = "signature-policy-not-available"
        yield check(Block.CONTEXT, "signature-policy", clause, code, Outcome.NOTED, policy=policy.identifier)
        return
    try:
        same = digest(policy.algorithm, document) == policy.digest
    except Unsupported as e:
        unsupported = "algorithm-unsupported"
        yield check(Block.CONTEXT, "signature-policy", clause, unsupported, Outcome.UNKNOWN, algorithm=e.algorithm)
        return
    if same:
        yield check(Block.CONTEXT, "signature-policy", clause)
    else:
        yield check(Block.CONTEXT, "signature-policy", clause, "signature-policy-differs", policy=policy.identifier)


class _Validation:
    """Steps (3) to (6), for all signatures of one file together: they prove things for one another."""

    def __init__(
        self, file: File, found: Sequence[_Signature], trust: TrustStore, policy: ValidationPolicy, at: datetime
    ) -> None:
        self._found = found
        self._stores = read_stores(file) if found else ()
        self._stored = _united(store.evidence for store in self._stores)
        self._constraints = Constraints(
            trust=trust, policy=policy, evidence=_united((self._stored, *(s.evidence for s in found)))
        )
        self._poe = ProofsOfExistence.at(at)

    def reports(self) -> tuple[SignatureReport, ...]:
        """One for each signature, in their order."""
        stamped: dict[int, SignatureReport] = {}
        for index in reversed(range(len(self._found))):
            if self._found[index].dictionary.timestamp:
                stamped[index] = self._document_timestamp(index)
        return tuple(stamped.get(i) or self._signature(i) for i in range(len(self._found)))

    def _document_timestamp(self, index: int) -> SignatureReport:
        """Step (4): judge it, and if it passes let it prove what it covers."""
        found = self._found[index]
        accepted = self._accept(found, Purpose.TIMESTAMP, self._poe)
        token = found.examined.token
        if accepted.passed and token is not None:
            covered = [piece for earlier in self._found[:index] for piece in earlier.proven_objects()]
            for store in self._stores:
                if store.revision <= found.revision:
                    covered += (*store.evidence.certificates, *store.evidence.crls, *store.evidence.ocsps)
            self._poe = self._poe.with_proof(token.time, *covered)
        return self._report(index, accepted, self._poe, (), claimed=token.time if token else None)

    def _signature(self, index: int) -> SignatureReport:
        """Steps (5) and (6)."""
        found = self._found[index]
        stamps = tuple(judge_stamp(stamp, constraints=self._constraints, poe=self._poe) for stamp in found.stamps)
        poe = self._poe
        for stamp in _passed(stamps, TimestampKind.SIGNATURE):
            # The value is stamped; the signed reference to the certificate makes that as old.
            certificate = found.examined.certificate
            poe = poe.with_proof(stamp, found.examined.signature, *((certificate.der,) if certificate else ()))
        not_older = max(_passed(stamps, TimestampKind.CONTENT), default=None)
        accepted = self._accept(found, Purpose.DOCUMENT, poe, not_older)
        order = tuple(order_checks(self._times(index, stamps), tolerance=self._constraints.policy.tolerance))
        if order and accepted.passed:
            accepted = Acceptance(
                indication=Indication.INDETERMINATE,
                sub_indication=SubIndication.TIMESTAMP_ORDER_FAILURE,
                checks=accepted.checks,
                chain=accepted.chain,
            )
        claimed = claimed_time(found.examined, found.dictionary)
        proven = poe.of(found.examined.signature)
        claims = claim_checks(claimed, found.examined, found.dictionary, proven=proven)
        more = (*stamp_checks(stamps), *order, *claims)
        return self._report(index, accepted, poe, stamps, claimed=claimed, more=more)

    def _times(self, index: int, stamps: Sequence[TimestampReport]) -> list[datetime]:
        """The proven times around a signature, the innermost first."""
        outside = self._poe.of(self._found[index].examined.signature)
        return [
            *sorted(_passed(stamps, TimestampKind.CONTENT))[-1:],
            *sorted(_passed(stamps, TimestampKind.SIGNATURE))[:1],
            *([outside] if outside < self._poe.now else []),
        ]

    def _accept(
        self, found: _Signature, purpose: Purpose, poe: ProofsOfExistence, not_older: datetime | None = None
    ) -> Acceptance:
        decided = first_failure(found.checks)
        if decided is None:
            return accept(found.examined, constraints=self._constraints, poe=poe, purpose=purpose, not_older=not_older)
        return Acceptance(indication=decided[0], sub_indication=decided[1], checks=())

    def _report(
        self,
        index: int,
        accepted: Acceptance,
        poe: ProofsOfExistence,
        stamps: tuple[TimestampReport, ...],
        *,
        claimed: datetime | None,
        more: Sequence[Check] = (),
    ) -> SignatureReport:
        found = self._found[index]
        examined, integrity = found.examined, found.integrity
        certificate = examined.certificate
        own = (certificate.der,) if certificate else ()
        return SignatureReport(
            field_name=integrity.signed.name,
            kind=SignatureKind.TIMESTAMP if found.dictionary.timestamp else SignatureKind.SIGNATURE,
            level=level_of(found.dictionary, examined, self._proofs(index)),
            covers_whole_file=integrity.coverage.whole_file,
            signed_bytes=integrity.coverage.end if integrity.coverage.sound else 0,
            signer=certificate.common_name if certificate else "",
            certificate_sha256=hashlib.sha256(certificate.der).hexdigest() if certificate else "",
            signing_time=claimed,
            mechanism=examined.value.mechanism if examined.value else "",
            indication=accepted.indication,
            sub_indication=accepted.sub_indication,
            checks=(*found.checks, *accepted.checks, *more),
            certificates=accepted.chain or own,
            revision=found.revision,
            subject=subject_parts(certificate.der) if certificate else (),
            best_time=poe.of(examined.signature) if examined.signature else poe.now,
            timestamps=stamps,
            changes=integrity.changes,
            policy=_policy_identifier(examined),
        )

    def _proofs(self, index: int) -> Proofs:
        """What a level is made of."""
        later = [s for s in self._found[index + 1 :] if s.dictionary.timestamp and s.examined.valid]
        return Proofs(
            evidence=self._stored,
            stored_in=self._stores[0].revision if self._stores else None,
            timestamps=[s.revision for s in later if s.dictionary.type == "DocTimeStamp"],
            any_timestamp=bool(later),
            sound_stamps=any(s.kind is TimestampKind.SIGNATURE and s.examined.valid for s in self._found[index].stamps),
        )


def _passed(stamps: Sequence[TimestampReport], kind: TimestampKind) -> list[datetime]:
    return [s.time for s in stamps if s.kind is kind and s.indication is Indication.TOTAL_PASSED and s.time]


def _policy_identifier(examined: Examined) -> str:
    try:
        policy = _policy(examined)
    except Malformed:
        return ""
    return policy.identifier if policy else ""


def _united(parts: Iterator[Evidence] | Sequence[Evidence]) -> Evidence:
    """All of it, each piece once; in linear time, as there may be many parts."""
    certificates: dict[bytes, None] = {}
    crls: dict[bytes, None] = {}
    ocsps: dict[bytes, None] = {}
    for part in parts:
        certificates.update(dict.fromkeys(part.certificates))
        crls.update(dict.fromkeys(part.crls))
        ocsps.update(dict.fromkeys(part.ocsps))
    return Evidence(certificates=tuple(certificates), crls=tuple(crls), ocsps=tuple(ocsps))
