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
from collections.abc import Callable
from datetime import datetime

from esign.codes import ResultId
from esign.document import Standing
from esign.errors import InputError, NotRegistered, VerificationFailed
from esign.pades.inspect import inspect_signatures
from esign.pades.revision import ends_revision
from esign.pdf.expansion import expands_beyond
from esign.pdf.links import SealLink, seal_links
from esign.pdf.raster import page_image
from esign.reasons import Reason
from esign.registry import Registry
from esign.report import (
    Check,
    Indication,
    Integrity,
    Outcome,
    SealFinding,
    StandingReport,
    VerificationReport,
)
from esign.seal import SealKeys, binding, seal_urls
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
    ) -> None:
        """What is not given is not checked, and the report says so."""
        self._trust = trust
        self._now = now
        self._seal_keys = seal_keys or SealKeys()
        self._registry = registry

    def inspect(self, pdf: bytes, *, at: datetime | None = None) -> VerificationReport:
        """Everything that can be said about `pdf` as of `at` (now, where it is not given)."""
        moment = at or self._now()
        found = inspect_signatures(pdf, trust=self._trust, at=moment)
        sha256 = hashlib.sha256(pdf).hexdigest()
        readable = found.integrity is not Integrity.UNREADABLE
        seal = self._seal(pdf, moment) if readable else None
        return VerificationReport(
            integrity=found.integrity,
            at=moment,
            sha256=sha256,
            signatures=found.signatures,
            checks=found.checks,
            seal=seal,
            standing=self._standing(sha256, seal, moment) if self._registry is not None else None,
        )

    def verify(self, pdf: bytes, *, at: datetime | None = None) -> VerificationReport:
        """Return the report of a document that can be relied on; raise for every other.

        Relied on: intact, every signature TOTAL-PASSED, the seal (if there is one) passed, and, where a register is
        given, in force.

        Raises:
            VerificationFailed: `report` says everything, the code the first thing that is wrong.
        """
        report = self.inspect(pdf, at=at)
        passed = all(s.indication is Indication.TOTAL_PASSED for s in report.signatures)
        if report.integrity is not Integrity.INTACT or not passed or report.reasons:
            first = report.reasons[0] if report.reasons else Reason("document-altered")
            raise VerificationFailed(first.code, report=report, **first.facts)
        return report

    def _seal(self, pdf: bytes, at: datetime) -> SealFinding | None:
        if expands_beyond(pdf):
            # A decompression bomb is looked at no closer; the seal's check says that it was not made.
            return SealFinding(url="", checks=(_unknown("seal", "pdf-expands-too-much"),))
        links = seal_links(pdf)
        if not links:
            return None
        if len(links) > 1:
            return SealFinding(url="", checks=(_failed("seal", "several-seals", count=len(links)),))
        link = links[0]
        found = verify_seal(link.url, keys=self._seal_keys, at=at)
        if found.token is None:
            return SealFinding(url=link.url, checks=found.checks)
        claims = found.token.claims
        return SealFinding(
            url=link.url,
            checks=(*found.checks, _binding(pdf, claims.digest), _picture(pdf, link)),
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
            checks=(registered, in_force),
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


def _failed(name: str, code: str, **facts: object) -> Check:
    return Check(name=name, outcome=Outcome.FAILED, clause="docs/spec/seal.md", reason=Reason(code, facts))


def _unknown(name: str, code: str) -> Check:
    return Check(name=name, outcome=Outcome.UNKNOWN, clause="docs/spec/seal.md", reason=Reason(code))


def _binding(pdf: bytes, digest: bytes) -> Check:
    """The seal was made for the bytes before it in this very file."""
    offset = binding(pdf, digest)
    if offset is None or not ends_revision(pdf, offset):
        return _failed("seal-binding", "seal-other-document")
    return Check(name="seal-binding", outcome=Outcome.PASSED, clause="docs/spec/seal.md §7")


def _picture(pdf: bytes, link: SealLink) -> Check:
    """What a phone reads from the page is what the link says, and nothing else that looks like a seal."""
    try:
        read = set(seal_urls(page_image(pdf, link.page, _DPI)))
    except InputError:
        read = set()
    if read == {link.url}:
        return Check(name="seal-picture", outcome=Outcome.PASSED, clause="docs/spec/seal.md §8")
    return _failed("seal-picture", "seal-picture-differs" if read else "seal-picture-unreadable")
