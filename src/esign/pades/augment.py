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
_KNOWN = {level.value: level for level in Level}


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmented:
    """A document at the level that was wanted."""

    pdf: bytes = field(repr=False)
    """The given bytes, and what was appended."""
    level: Level
    """What every signature of it reaches now."""
    notices: tuple[Reason, ...] = ()
    """What could not be checked on the way."""
    added: bool
    """Whether anything was missing."""
    elapsed: timedelta = timedelta(0)
    """How long the authorities took."""


def level_reached(found: Inspection) -> Level | None:
    """The lowest level among the signatures; None where one of them is no PAdES baseline signature."""
    levels = [_KNOWN.get(s.level) for s in found.signatures if s.kind is SignatureKind.SIGNATURE]
    if not levels or None in levels:
        return None
    return min((level for level in levels if level is not None), key=list(Level).index)


def augment(pdf: bytes, *, level: Level, timestamper: Timestamper, at: datetime, digest: str = "sha256") -> Augmented:
    """Append what `pdf` lacks to reach `level`; `at` is now.

    Raises:
        InputError: `augment-unsigned`, `augment-altered`, `augment-not-baseline`, `pdf-not-updatable`.
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


def _at_least(reached: Level, wanted: Level) -> bool:
    levels = list(Level)
    return levels.index(reached) >= levels.index(wanted)


def _level_of_sound(pdf: bytes, at: datetime) -> Level:
    """A proof of time for something broken, or for nothing, would only look like one."""
    found = inspect_signatures(pdf, trust=TrustStore(), at=at)
    if not any(s.kind is SignatureKind.SIGNATURE for s in found.signatures):
        raise InputError("augment-unsigned")
    if found.integrity is not Integrity.INTACT:
        raise InputError("augment-altered")
    reached = level_reached(found)
    if reached is None:
        raise InputError("augment-not-baseline", levels=", ".join(sorted({s.level for s in found.signatures})))
    return reached


def _read_back(made: bytes, before: bytes, at: datetime) -> Level:
    """Look at it as a stranger would: everything that was there is there, and nothing broke."""
    found = inspect_signatures(made, trust=TrustStore(), at=at)
    last = found.signatures[-1] if found.signatures else None
    whole = last is not None and last.covers_whole_file and last.kind is SignatureKind.TIMESTAMP
    reached = level_reached(found)
    if not made.startswith(before) or found.integrity is not Integrity.INTACT or not whole or reached is None:
        raise SigningError("augment-failed", level="-")
    return reached
