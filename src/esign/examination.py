"""What a file says by itself: its signatures and its QR seal, without any register.

This is the part of a verification that looks at bytes from anybody. It needs neither network nor secrets and changes
nothing, so that it can run in a worker under limits (`esign.sandbox`); `esign.verification` asks the register.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from esign.authority import public_key_sha256
from esign.errors import InputError
from esign.pades.inspect import Inspection, inspect_signatures
from esign.pades.revision import ends_revision
from esign.pades.sealing import SealingChanges, sealing_changes
from esign.pdf.covered import is_covered
from esign.pdf.expansion import expands_beyond
from esign.pdf.links import SealLink, seal_links
from esign.pdf.raster import page_count, page_image
from esign.reasons import Reason
from esign.report import (
    Check,
    Indication,
    Integrity,
    Outcome,
    SealFinding,
    SignatureKind,
    SignatureReport,
)
from esign.seal import SealKey, SealKeys, binding, seal_urls
from esign.seal import verify as verify_seal
from esign.trust import TrustStore, ValidationPolicy

__all__ = ["Examination", "Examiner", "not_examined"]

_logger = logging.getLogger(__name__)
_DPI = 200  # as a page is scanned in an office


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What one file says."""

    integrity: Integrity
    """The headline."""
    signatures: tuple[SignatureReport, ...] = ()
    """In the order of signing."""
    checks: tuple[Check, ...] = ()
    """Checks of the file as a whole."""
    seal: SealFinding | None = None
    """None where the file has none, or nobody looked for it."""


def not_examined(reason: Reason) -> Examination:
    """Of a file that could not be looked at: nothing is known, which is never taken for good (DESIGN law 7)."""
    check = Check(name="examination", outcome=Outcome.FAILED, clause="DESIGN §2.9", reason=reason)
    return Examination(integrity=Integrity.UNREADABLE, checks=(check,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """Looks at files, with what it may trust; public data only."""

    trust: TrustStore
    """Anchors, certificates and revocation data."""
    seal_keys: SealKeys
    """Who seals for which agency."""
    policy: ValidationPolicy = field(default_factory=ValidationPolicy)
    """Algorithms and freshness."""

    def __call__(self, pdf: bytes, at: datetime) -> Examination:
        """Look at `pdf` as of `at`; an examination comes back whatever the bytes are (DESIGN laws 5 and 9)."""
        try:
            found = inspect_signatures(pdf, trust=self.trust, at=at, policy=self.policy)
            seal = self._seal(pdf, found, at) if found.integrity is not Integrity.UNREADABLE else None
        except MemoryError:
            raise  # a limit was reached: whoever set it says so
        except Exception as e:
            # A mistake of ours that a strange file brought to light; it must not look like a verdict.
            _logger.warning("examination failed", exc_info=True)
            return not_examined(Reason("sandbox-failed", {"problem": type(e).__name__}))
        return Examination(integrity=found.integrity, signatures=found.signatures, checks=found.checks, seal=seal)

    def _seal(self, pdf: bytes, found: Inspection, at: datetime) -> SealFinding | None:
        if expands_beyond(pdf):
            # A decompression bomb is looked at no closer; the seal's check says that it was not made.
            return SealFinding(url="", checks=(_unknown("seal", "pdf-expands-too-much"),))
        try:
            links = seal_links(pdf)
        except InputError as e:
            return SealFinding(url="", checks=(_unknown("seal", e.code, **e.reason.facts),))
        if not links:
            return _unlinked(pdf) if found.signatures else None
        if len(links) > 1:
            return SealFinding(url="", checks=(_failed("seal", "several-seals", count=len(links)),))
        link = links[0]
        seal = verify_seal(link.url, keys=self.seal_keys, at=at)
        if seal.token is None:
            return SealFinding(url=link.url, checks=seal.checks)
        claims = seal.token.claims
        bound = _bound(pdf, claims.digest)
        return SealFinding(
            url=link.url,
            checks=(*seal.checks, *_in_file(pdf, bound, link, found.signatures, key=seal.key), _picture(pdf, link)),
            number=str(claims.number),
            issued_at=claims.issued_at,
            result_id=str(claims.result_id),
        )


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
