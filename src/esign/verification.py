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
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

from esign.codes import ResultId
from esign.document import SignerRole, Standing
from esign.errors import NotRegistered, VerificationFailed
from esign.examination import Examination, Examiner, not_examined
from esign.originals import original_checks
from esign.reasons import Reason
from esign.registry import Intent, Registry
from esign.report import (
    Check,
    Indication,
    Integrity,
    Outcome,
    SealFinding,
    StandingReport,
    VerificationReport,
)
from esign.sandbox import Budget, Task, TaskStopped, shared
from esign.seal import SealKeys
from esign.trust import TrustStore, ValidationPolicy

__all__ = ["Verifier"]

_IN_FORCE = frozenset({Standing.IN_FORCE, Standing.CORRECTED})
_DEFAULT_BUDGET: Final = Budget()
_ANSWERS: Final = ("esign.examination", "esign.report", "esign.reasons", "esign.document")
"""Where the values of an examination come from."""


class Verifier:
    """Verifies documents against given anchors, seal keys and, where there is one, a register."""

    def __init__(
        self,
        *,
        trust: TrustStore,
        now: Callable[[], datetime],
        seal_keys: SealKeys | None = None,
        policy: ValidationPolicy | None = None,
        registry: Registry | None = None,
        roles: Mapping[str, SignerRole] | None = None,
        budget: Budget = _DEFAULT_BUDGET,
        isolated: bool = True,
    ) -> None:
        """What is not given is not checked, and the report says so.

        `roles` are public keys (`esign.authority.public_key_sha256`) of officials and agencies; the seal keys name
        those of agencies already. A file is looked at in a worker process that cannot go beyond `budget`; where it is
        not `isolated`, in this process and without limits: for files of one's own.
        """
        keys = seal_keys or SealKeys()
        self._examiner = Examiner(trust=trust, seal_keys=keys, policy=policy or ValidationPolicy())
        self._task = Task(self._examiner, answers=_ANSWERS) if isolated else None
        self._budget = budget
        self._now = now
        self._registry = registry
        agencies = {signer: SignerRole.AGENCY for key in keys for signer in key.signers}
        self._roles = agencies | dict(roles or {})

    def prepare(self) -> None:
        """Have a worker ready, so that the first file does not wait until one has started.

        Raises:
            ConfigurationError: `sandbox-unavailable`.
        """
        if self._task is not None:
            self._examined(b"", self._now())

    def inspect(self, pdf: bytes, *, at: datetime | None = None, original: bool = False) -> VerificationReport:
        """Everything that can be said about `pdf` as of `at` (now, where it is not given).

        With `original`, a document that lacks the competent person's or the agency's signature fails.
        """
        moment = at or self._now()
        found = self._examined(pdf, moment)
        sha256 = hashlib.sha256(pdf).hexdigest()
        return VerificationReport(
            integrity=found.integrity,
            at=moment,
            sha256=sha256,
            signatures=found.signatures,
            checks=(*found.checks, *original_checks(found.signatures, roles=self._roles, required=original)),
            seal=found.seal,
            standing=_standing(self._registry, sha256, found.seal, moment) if self._registry else None,
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

    def _examined(self, pdf: bytes, at: datetime) -> Examination:
        """What the bytes alone say: integrity, trust and seal (`esign.examination`), found within the budget."""
        if self._task is None:
            return self._examiner(pdf, at)
        try:
            found = shared("esign.examination").run(self._task, pdf, at, budget=self._budget)
        except TaskStopped as e:
            return not_examined(e.reason)
        if not isinstance(found, Examination):
            return not_examined(Reason("sandbox-broken", {"problem": "?"}))
        return found


def _standing(registry: Registry, sha256: str, seal: SealFinding | None, at: datetime) -> StandingReport:
    """What the register says of the file with this digest at the moment `at`."""
    clause = "DESIGN §2.4"
    intent = registry.by_sha256(sha256)
    if intent is None:
        return StandingReport(standing=None, checks=(_unregistered(registry, seal),))
    registered = Check(name="registered", outcome=Outcome.PASSED, clause=clause)
    if intent.issued_at is not None and at < intent.issued_at:
        # Asked about a day before it was issued, or by a clock that is behind: no fault of the document's.
        why = Reason("not-yet-issued", {"id": intent.id, "issued_at": intent.issued_at.isoformat()})
        early = Check(name="in-force", outcome=Outcome.UNKNOWN, clause=clause, reason=why)
        return StandingReport(standing=None, checks=(registered, early), number=str(intent.number or ""))
    current = registry.standing(intent.id, at=at)
    in_force = Check(name="in-force", outcome=Outcome.PASSED, clause=clause)
    if current.standing not in _IN_FORCE:
        facts: dict[str, object] = {"replaced_by": current.replaced_by or "-"}
        in_force = _failed("in-force", f"standing-{current.standing.value}", **facts)
    return StandingReport(
        standing=current.standing,
        checks=(registered, in_force, *_newer(intent, sha256)),
        number=str(intent.number or ""),
        history=tuple(e.change for e in registry.history(intent.id)),
    )


def _unregistered(registry: Registry, seal: SealFinding | None) -> Check:
    """A file that the register does not have: unknown, or a changed copy of one that it has."""
    if seal is not None and seal.result_id:
        try:
            known = registry.get(ResultId.parse(seal.result_id))
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
