"""Verify a document: integrity, trust, the QR seal and the standing, each a fact of its own.

    integrity   are the bytes as they were signed                        works offline, needs nothing
    trust       who signed, up to given anchors, revocation known        works offline, needs anchors and lists
    seal        does the QR belong to this file, and who sealed it       works offline, needs the seal keys
    standing    is the result in force                                   needs a register

`inspect` reports and never raises for a bad document; `verify` raises and never returns for one (DESIGN law 5).

>>> report = Verifier(trust=trust, now=clock).inspect(pdf)
>>> report.integrity, [s.indication for s in report.signatures]
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from esign.authority import public_key_sha256
from esign.codes import ResultId
from esign.document import SignerRole, Standing
from esign.errors import InputError, NotRegistered, VerificationFailed
from esign.originals import original_checks
from esign.pades.inspect import inspect_signatures
from esign.pades.revision import ends_revision
from esign.pades.sealing import SealingChanges, sealing_changes
from esign.pdf.covered import is_covered
from esign.pdf.expansion import expands_beyond
from esign.pdf.links import SealLink, seal_links
from esign.pdf.raster import page_count, page_image
from esign.reasons import Reason
from esign.registry import Intent, Registry
from esign.report import (
    Check,
    Indication,
    Integrity,
    Outcome,
    SealFinding,
    SignatureKind,
    SignatureReport,
    StandingReport,
    VerificationReport,
)
from esign.seal import SealKey, SealKeys, binding, seal_urls
from esign.seal import verify as verify_seal
from esign.trust import TrustStore

__all__ = ["Verifier"]

_DPI = 200  # as a page is scanned in an office
_IN_FORCE = frozenset({Standing.IN_FORCE, Standing.CORRECTED})


class Verifier:
    """Verifies documents against given anchors, seal keys and, where there is one, a register."""

    def __init__(
        self,
        *,
        trust: TrustStore,
        now: Callable[[], datetime],
        seal_keys: SealKeys | None = None,
        registry: Registry | None = None,
        roles: Mapping[str, SignerRole] | None = None,
    ) -> None:
        """What is not given is not checked, and the report says so.

        `roles` are public keys (`esign.authority.public_key_sha256`) of officials and agencies; the seal keys name
        those of agencies already.
        """
        self._trust = trust
        self._now = now
        self._seal_keys = seal_keys or SealKeys()
        self._registry = registry
        agencies = {signer: SignerRole.AGENCY for key in self._seal_keys for signer in key.signers}
        self._roles = agencies | dict(roles or {})

    def inspect(self, pdf: bytes, *, at: datetime | None = None, original: bool = False) -> VerificationReport:
        """Everything that can be said about `pdf` as of `at` (now, where it is not given).

        With `original`, a document that lacks the competent person's or the agency's signature fails.
        """
        moment = at or self._now()
        found = inspect_signatures(pdf, trust=self._trust, at=moment)
        sha256 = hashlib.sha256(pdf).hexdigest()
        readable = found.integrity is not Integrity.UNREADABLE
        seal = self._seal(pdf, found.signatures, moment) if readable else None
        return VerificationReport(
            integrity=found.integrity,
            at=moment,
            sha256=sha256,
            signatures=found.signatures,
            checks=(*found.checks, *original_checks(found.signatures, roles=self._roles, required=original)),
            seal=seal,
            standing=self._standing(sha256, seal, moment) if self._registry is not None else None,
        )

    def verify(self, pdf: bytes, *, at: datetime | None = None, original: bool = False) -> VerificationReport:
        """Return the report of a document that can be relied on; raise for every other.

        Relied on: intact, every signature TOTAL-PASSED, the seal (if there is one) passed, and, where a register is
        given, in force; with `original`, signed by the competent person and by the agency.

        Raises:
            VerificationFailed: `report` says everything, the code the first thing that is wrong.
        """
        report = self.inspect(pdf, at=at, original=original)
        passed = all(s.indication is Indication.TOTAL_PASSED for s in report.signatures)
        if report.integrity is not Integrity.INTACT or not passed or report.reasons:
            first = report.reasons[0] if report.reasons else Reason("document-altered")
            raise VerificationFailed(first.code, report=report, **first.facts)
        return report

    def _seal(self, pdf: bytes, signatures: Sequence[SignatureReport], at: datetime) -> SealFinding | None:
        if expands_beyond(pdf):
            # A decompression bomb is looked at no closer; the seal's check says that it was not made.
            return SealFinding(url="", checks=(_unknown("seal", "pdf-expands-too-much"),))
        try:
            links = seal_links(pdf)
        except InputError as e:
            return SealFinding(url="", checks=(_unknown("seal", e.code, **e.reason.facts),))
        if not links:
            return _unlinked(pdf) if signatures else None
        if len(links) > 1:
            return SealFinding(url="", checks=(_failed("seal", "several-seals", count=len(links)),))
        link = links[0]
        found = verify_seal(link.url, keys=self._seal_keys, at=at)
        if found.token is None:
            return SealFinding(url=link.url, checks=found.checks)
        claims = found.token.claims
        bound = _bound(pdf, claims.digest)
        return SealFinding(
            url=link.url,
            checks=(*found.checks, *_in_file(pdf, bound, link, signatures, key=found.key), _picture(pdf, link)),
            number=str(claims.number),
            issued_at=claims.issued_at,
            result_id=str(claims.result_id),
        )

    def _standing(self, sha256: str, seal: SealFinding | None, at: datetime) -> StandingReport:
        assert self._registry is not None
        clause = "DESIGN §2.4"
        intent = self._registry.by_sha256(sha256)
        if intent is None:
            return StandingReport(standing=None, checks=(self._unregistered(seal),))
        registered = Check(name="registered", outcome=Outcome.PASSED, clause=clause)
        if intent.issued_at is not None and at < intent.issued_at:
            # Asked about a day before it was issued, or by a clock that is behind: no fault of the document's.
            why = Reason("not-yet-issued", {"id": intent.id, "issued_at": intent.issued_at.isoformat()})
            early = Check(name="in-force", outcome=Outcome.UNKNOWN, clause=clause, reason=why)
            return StandingReport(standing=None, checks=(registered, early), number=str(intent.number or ""))
        current = self._registry.standing(intent.id, at=at)
        in_force = Check(name="in-force", outcome=Outcome.PASSED, clause=clause)
        if current.standing not in _IN_FORCE:
            facts: dict[str, object] = {"replaced_by": current.replaced_by or "-"}
            in_force = _failed("in-force", f"standing-{current.standing.value}", **facts)
        return StandingReport(
            standing=current.standing,
            checks=(registered, in_force, *_newer(intent, sha256)),
            number=str(intent.number or ""),
            history=tuple(e.change for e in self._registry.history(intent.id)),
        )

    def _unregistered(self, seal: SealFinding | None) -> Check:
        """A file that the register does not have: unknown, or a changed copy of one that it has."""
        assert self._registry is not None
        if seal is not None and seal.result_id:
            try:
                known = self._registry.get(ResultId.parse(seal.result_id))
            except NotRegistered:
                return _unknown("registered", "file-not-registered")
            if known.registration is None:
                return _failed("registered", "not-issued", id=known.id, state=known.state.value)
            return _failed("registered", "registered-file-differs", number=str(known.number))
        return _unknown("registered", "file-not-registered")


def _newer(intent: Intent, sha256: str) -> Iterator[Check]:
    """An earlier version is no changed copy, but the newest has more proofs."""
    newest = intent.versions[-1]
    if newest.sha256 != sha256:
        reason = Reason("newer-version", {"level": newest.level.value, "at": newest.at.isoformat()})
        yield Check(name="newest-version", outcome=Outcome.NOTED, clause="DESIGN §2.7", reason=reason)


def _failed(name: str, code: str, **facts: object) -> Check:
    return Check(name=name, outcome=Outcome.FAILED, clause="docs/spec/seal.md", reason=Reason(code, facts))


def _unknown(name: str, code: str, **facts: object) -> Check:
    return Check(name=name, outcome=Outcome.UNKNOWN, clause="docs/spec/seal.md", reason=Reason(code, facts))


def _bound(pdf: bytes, digest: bytes) -> int | None:
    """Where the bytes end that the seal was made for, in this very file; None where it was made for others."""
    offset = binding(pdf, digest)
    return offset if offset is not None and ends_revision(pdf, offset) else None


def _in_file(
    pdf: bytes, offset: int | None, link: SealLink, signatures: Sequence[SignatureReport], *, key: SealKey | None
) -> Iterator[Check]:
    """What the seal has to do with this file: binding, who signed for it, what its revision does (§7)."""
    if offset is None:
        yield _failed("seal-binding", "seal-other-document")
        return
    clause = "docs/spec/seal.md §7"
    yield Check(name="seal-binding", outcome=Outcome.PASSED, clause=clause)
    over = [s for s in signatures if s.kind is SignatureKind.SIGNATURE and s.signed_bytes > offset]
    own = [s for s in over if key is not None and _is_signed_with(s, key.signers)]
    passed = [s for s in own if s.intact and s.indication is Indication.TOTAL_PASSED]
    if passed:
        yield Check(name="seal-signer", outcome=Outcome.PASSED, clause=clause)
    elif own:
        yield _unknown("seal-signer", "seal-signer-not-passed")
    elif key is None or not key.signers:
        yield _unknown("seal-signer", "seal-signer-unknown")
    else:
        yield _failed("seal-signer", "seal-other-signer", agency=key.name_vi)
    if over:
        # The agency's, where it is known; a later one may speak for more, and is checked for what it signs itself.
        until = min(s.signed_bytes for s in passed or own or over)
        yield _SEALING[sealing_changes(pdf, offset, url=link.url, until=until)]
    last = max((s.signed_bytes for s in passed), default=len(pdf))
    if last < len(pdf):
        yield _shown(pdf, last)


def _shown(pdf: bytes, end: int) -> Check:
    """Nothing that was appended after the agency's last signature, a stranger's for instance, covers the page."""
    try:
        if is_covered(pdf[:end], pdf):
            return _failed("seal-page", "seal-page-covered")
    except InputError as e:
        return _unknown("seal-page", "seal-page-not-compared", **e.reason.facts)
    return Check(name="seal-page", outcome=Outcome.PASSED, clause="docs/spec/seal.md §7")


def _is_signed_with(signature: SignatureReport, keys: Sequence[str]) -> bool:
    """Whether the certificate beside a signature has one of `keys`; only a signature that passed proves its use."""
    try:
        return public_key_sha256(signature.certificates[0]) in keys
    except InputError:
        return False


_SEALING = {
    SealingChanges.SEAL_ONLY: Check(name="seal-revision", outcome=Outcome.PASSED, clause="docs/spec/seal.md §7"),
    SealingChanges.MORE: _failed("seal-revision", "seal-revision-adds-more"),
    SealingChanges.UNDECIDED: _unknown("seal-revision", "seal-revision-unclear"),
}


def _unlinked(pdf: bytes) -> SealFinding | None:
    """A signed file that shows a seal which software does not see: people scan the picture and trust it.

    Only where seals stand is looked, on the first and the last page: to draw and to read a page takes as long as all
    other checks together.
    """
    try:
        shown = {url for page in {0, page_count(pdf) - 1} for url in seal_urls(page_image(pdf, page, _DPI))}
    except InputError as e:
        # Whoever cannot see the page is not misled by it; that nobody looked must be said (DESIGN law 7).
        return SealFinding(url="", checks=(_unknown("seal", "seal-not-looked-for", **e.reason.facts),))
    return SealFinding(url="", checks=(_failed("seal", "seal-without-link"),)) if shown else None


def _picture(pdf: bytes, link: SealLink) -> Check:
    """What a phone reads from the page is what the link says, and nothing else that looks like a seal."""
    try:
        read = set(seal_urls(page_image(pdf, link.page, _DPI)))
    except InputError:
        read = set()
    if read == {link.url}:
        return Check(name="seal-picture", outcome=Outcome.PASSED, clause="docs/spec/seal.md §8")
    return _failed("seal-picture", "seal-picture-differs" if read else "seal-picture-unreadable")
