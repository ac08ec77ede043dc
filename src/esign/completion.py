"""From a signature to a registration: the time-stamps that the profile waits for, the look back, the facts.

A time-stamp may not be to be had now. Nothing is given up then: what was made waits on the workbench, and the next try
starts where this one stopped.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from esign.errors import SigningError
from esign.pades.sign import PreparedSignature, to_be_stamped
from esign.profile import IssuanceProfile, Level
from esign.readback import Seen, read_back
from esign.reasons import Reason
from esign.registry import Intent, Registration, Upgrade
from esign.steps import OnStep, Step
from esign.workbench import Record, Workbench

if TYPE_CHECKING:
    from esign.pades.augment import Augmenter  # brings the network along, which most signatures are made without

__all__ = ["Completion"]


class Completion:
    """Completes the documents of one profile."""

    def __init__(
        self,
        *,
        profile: IssuanceProfile,
        augmenter: "Augmenter | None",
        bench: Workbench,
        now: Callable[[], datetime],
        on_step: OnStep,
    ) -> None:
        """Raises `SigningError` (`timestamper-missing`) where the profile wants time-stamps and nobody gives any."""
        if augmenter is None and any(
            p.timestamp_room for p in (profile.signature, profile.person_signature) if p is not None
        ):
            raise SigningError("timestamper-missing", level=profile.signature.level.value)
        self._profile = profile
        self._augmenter = augmenter
        self._bench = bench
        self._now = now
        self._on_step = on_step

    def stamp(self, intent: Intent, prepared: PreparedSignature, signature: bytes) -> bytes | None:
        """The time-stamp that the signature was prepared for; None where it gets none of its own.

        Raises:
            TimestampError: There is none now.
        """
        if not prepared.timestamp_room:
            return None
        imprint = to_be_stamped(prepared, signature)
        if self._augmenter is None:
            raise SigningError("timestamper-missing", level=Level.B_T.value)
        stamp = self._augmenter.timestamper.stamp(imprint, digest=prepared.mechanism.digest)
        self._note(intent, stamp.notices)
        self._on_step(Step.STAMPED, intent)
        return stamp.token

    def augment(self, intent: Intent, prepared: PreparedSignature, signed: bytes) -> bytes:
        """With the proofs beyond a time-stamp that the profile waits for.

        Raises:
            TimestampError, SigningError: They are not to be had now.
        """
        wanted = self._profile.signature.level
        if not prepared.timestamp_room or wanted is Level.B_T or self._augmenter is None:
            return signed
        made = self._augmenter.augment(signed, level=wanted)
        self._note(intent, made.notices)
        self._on_step(Step.AUGMENTED, intent)
        return made.pdf

    def registration(
        self, intent: Intent, signed: bytes, *, prepared: PreparedSignature, record: Record
    ) -> Registration:
        """Look at what was made as a stranger would, and say what the register is to know of it.

        Raises:
            SigningError: `read-back-failed`: it is not what was meant.
        """
        seen = read_back(
            signed,
            intent=intent,
            certificate=prepared.certificates[0],
            size=len(prepared.document),
            stamped=prepared.timestamp_room > 0,
            sealed=self._profile.seal is not None,
            at=self._now(),
        )
        return self.facts(intent, signed, seen=seen, prepared=prepared, record=record)

    def facts(
        self,
        intent: Intent,
        signed: bytes,
        *,
        seen: Seen,
        prepared: PreparedSignature,
        record: Record,
    ) -> Registration:
        """What the register is to know of a file that was looked at."""
        assert intent.signing_time is not None
        return Registration(
            sha256=seen.sha256,
            size=len(signed),
            signers=seen.signers,
            signing_time=intent.signing_time,
            level=seen.level,
            upgrade=self._promise(seen.level),
            mechanism=prepared.mechanism,
            pages=record.pages,
            seal_token_sha256=seen.seal_sha256,
            fonts=record.fonts,
            profile=self._profile.signature.name,
            notices=(*record.notices, *intent.notices),
        )

    def _promise(self, reached: Level) -> Upgrade | None:
        """The level that the profile wants and this file does not have yet, with its dates."""
        wanted, levels = self._profile.signature, list(Level)
        if levels.index(reached) >= levels.index(wanted.level):
            return None
        due = self._now() + wanted.timestamping.within
        return Upgrade(level=wanted.level, due=due, alarm=due + wanted.timestamping.grace)

    def _note(self, intent: Intent, notices: Sequence[Reason]) -> None:
        if notices:
            self._bench.put_record(intent, self._bench.record(intent).noting(*notices))
