"""Raise the level of a signed document by appending, whoever signed it (EN 319 142-1 §5.4, §6.3).

    B-T    a document time-stamp, where a signature has no time-stamp of its own

Every step is an update of its own behind the last byte; the signatures that are there are not touched.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from esign.errors import InputError, SigningError
from esign.pades.inspect import Inspection, inspect_signatures
from esign.pades.timestamp import complete_timestamp, prepare_timestamp
from esign.profile import Level
from esign.reasons import Reason
from esign.report import Integrity, SignatureKind
from esign.timestamp import Timestamper
from esign.trust import TrustStore

__all__ = ["Augmented", "augment", "level_reached"]

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
    elapsed: timedelta = timedelta(0)
    """How long the authorities took."""


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


def augment(pdf: bytes, *, level: Level, timestamper: Timestamper, at: datetime, digest: str = "sha256") -> Augmented:
    """Append what `pdf` lacks to reach `level`; `at` is now.

    Raises:
        InputError: `augment-unsigned`, `augment-altered`, `augment-not-graded`, `pdf-not-updatable`.
        SigningError: `level-not-available`; `augment-failed`: what was made is not what was meant.
        TimestampError: No authority gave a time-stamp.
    """
    if level not in {Level.B_B, Level.B_T}:
        raise SigningError("level-not-available", level=level.value, available=Level.B_T.value)
    reached = _level_of_sound(pdf, at)
    if _at_least(reached, level):
        return Augmented(pdf=pdf, level=reached, added=False)
    prepared = prepare_timestamp(pdf, digest=digest, room=_ROOM)
    stamp = timestamper.stamp(prepared.imprint, digest=digest)
    made = complete_timestamp(prepared, stamp.token)
    now_reached = _read_back(made, pdf, at)
    if not _at_least(now_reached, level):
        raise SigningError("augment-failed", level=level.value)
    return Augmented(pdf=made, level=now_reached, notices=stamp.notices, added=True, elapsed=stamp.elapsed)


def _grade(level: str) -> int:
    return _GRADES.index(level.rpartition("-")[2])


def _at_least(reached: str, wanted: Level) -> bool:
    return _grade(reached) >= _grade(wanted.value)


def _level_of_sound(pdf: bytes, at: datetime) -> str:
    """A proof of time for something broken, or for nothing, would only look like one."""
    found = inspect_signatures(pdf, trust=TrustStore(), at=at)
    reached = level_reached(found)
    if found.integrity is not Integrity.INTACT:
        raise InputError("augment-altered")
    return reached


def _read_back(made: bytes, before: bytes, at: datetime) -> str:
    """Look at it as a stranger would: everything that was there is there, and nothing broke."""
    found = inspect_signatures(made, trust=TrustStore(), at=at)
    last = found.signatures[-1]
    whole = last.covers_whole_file and last.kind is SignatureKind.TIMESTAMP
    if not made.startswith(before) or found.integrity is not Integrity.INTACT or not whole:
        raise SigningError("augment-failed", level="-")
    return level_reached(found)
