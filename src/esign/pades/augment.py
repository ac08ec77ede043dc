"""Raise the level of a signed document by appending, whoever signed it (EN 319 142-1 §5.4, §6.3).

    B-T     a document time-stamp, where a signature has no time-stamp of its own
    B-LT    a security store with what proves the certificates, gathered now
    B-LTA   a document time-stamp over that store; another one in time keeps it alive

Every step is an update of its own behind the last byte; the signatures that are there are not touched.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from esign.errors import InputError, SigningError
from esign.pades.evidence import find_evidence
from esign.pades.inspect import Inspection, inspect_signatures
from esign.pades.store import add_to_store
from esign.pades.timestamp import complete_timestamp, prepare_timestamp
from esign.profile import Level
from esign.reasons import Reason
from esign.report import Integrity, SignatureKind
from esign.timestamp import Timestamper
from esign.trust import TrustStore
from esign.trust.gathering import Fetcher

__all__ = ["Augmented", "Augmenter", "level_reached"]

_ROOM = 16 * 1024
# What a level has beyond the signature itself; the older form of Adobe (PKCS7-…) takes the same proofs.
_GRADES = ("B", "T", "LT", "LTA")


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmented:
    """A document at the level that was wanted."""

    pdf: bytes = field(repr=False)
    """The given bytes, and what was appended."""
    level: str
    """What every signature of it reaches now, in the words of a report: `PAdES-B-T`, or `PKCS7-T`."""
    notices: tuple[Reason, ...] = ()
    """What could not be checked on the way."""
    added: bool
    """Whether anything was missing."""


def level_reached(found: Inspection) -> str:
    """The lowest level among the signatures.

    Raises:
        InputError: `augment-unsigned`; `augment-not-graded`: one is of a form for which there are no levels.
    """
    levels = [s.level for s in found.signatures if s.kind is SignatureKind.SIGNATURE]
    if not levels:
        raise InputError("augment-unsigned")
    if not all(level.rpartition("-")[2] in _GRADES for level in levels):
        raise InputError("augment-not-graded", levels=", ".join(sorted(set(levels))))
    return min(levels, key=_grade)


class Augmenter:
    """Adds proofs; safe for threads."""

    def __init__(
        self,
        *,
        timestamper: Timestamper,
        now: Callable[[], datetime],
        network: Fetcher | None = None,
        trust: TrustStore | None = None,
        digest: str = "sha256",
    ) -> None:
        """`network` and `trust` are needed from B-LT on: to gather evidence, and to judge it."""
        self.timestamper = timestamper
        self._now = now
        self._network = network
        self._trust = trust or TrustStore()
        self._digest = digest

    def augment(self, pdf: bytes, *, level: Level) -> Augmented:
        """Append what `pdf` lacks to reach `level`.

        Raises:
            InputError: `augment-unsigned`, `augment-altered`, `augment-not-graded`, `pdf-not-updatable`.
            SigningError: `augment-evidence-missing`: a certificate cannot be proven good now. `level-not-available`:
                there is no network to gather from. `augment-failed`: what was made is not what was meant.
            TimestampError: No authority gave a time-stamp.
        """
        reached = self._level_of_sound(pdf)
        made, notices = pdf, list[Reason]()
        for step, missing in ((Level.B_T, self._stamp), (Level.B_LT, self._store), (Level.B_LTA, self._stamp)):
            if _at_least(level.value, step) and not _at_least(reached, step):
                made, more = missing(made)
                notices += more
                reached = self._read_back(made, pdf, step)
        return Augmented(pdf=made, level=reached, notices=tuple(notices), added=made != pdf)

    def _stamp(self, pdf: bytes) -> tuple[bytes, tuple[Reason, ...]]:
        prepared = prepare_timestamp(pdf, digest=self._digest, room=_ROOM)
        stamp = self.timestamper.stamp(prepared.imprint, digest=self._digest)
        return complete_timestamp(prepared, stamp.token), stamp.notices

    def _store(self, pdf: bytes) -> tuple[bytes, tuple[Reason, ...]]:
        if self._network is None:
            raise SigningError("level-not-available", level=Level.B_LT.value, available=Level.B_T.value)
        known = self._inspect(pdf)
        found = find_evidence(
            pdf,
            times=[s.best_time for s in known.signatures],
            network=self._network,
            trust=self._trust,
            at=self._now(),
        )
        return add_to_store(pdf, found.entries), found.notices

    def _inspect(self, pdf: bytes) -> Inspection:
        return inspect_signatures(pdf, trust=self._trust, at=self._now())

    def _level_of_sound(self, pdf: bytes) -> str:
        """A proof of time for something broken, or for nothing, would only look like one."""
        found = self._inspect(pdf)
        reached = level_reached(found)
        if found.integrity is not Integrity.INTACT:
            raise InputError("augment-altered")
        return reached

    def _read_back(self, made: bytes, before: bytes, step: Level) -> str:
        """Look at it as a stranger would: everything that was there is there, nothing broke, and it reaches `step`."""
        found = self._inspect(made)
        reached = level_reached(found)
        sound = made.startswith(before) and found.integrity is Integrity.INTACT
        if not sound or not _at_least(reached, step):
            raise SigningError("augment-failed", level=step.value)
        return reached


def _grade(level: str) -> int:
    return _GRADES.index(level.rpartition("-")[2])


def _at_least(reached: str, wanted: Level) -> bool:
    return _grade(reached) >= _grade(wanted.value)
