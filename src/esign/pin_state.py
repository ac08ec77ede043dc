"""What is known of the PINs that were tried with one token, whoever keeps it: a file of a host, or a shared database.

A guard writes `trying` durably before `C_Login`, and the outcome after it. Who began and did not finish was refused.
Nothing in it comes from a PIN.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Self

__all__ = ["Attempt", "PinState", "Trying"]


class Trying(Enum):
    """Who is trying right now, or died trying."""

    NOBODY = ""
    ATTENDED = "attended"
    """A person typed it."""
    UNATTENDED = "unattended"
    """It came from a file or the like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinState:
    """Where a token's guard stands."""

    trying: Trying = Trying.NOBODY
    """Who is trying."""
    attended: bool = False
    """A PIN that a person typed was refused, and none accepted since."""
    unattended: bool = False
    """A PIN that came from a file was refused; that file may still hold it."""

    @property
    def refused(self) -> bool:
        """Whether unattended sources are refused."""
        return self.attended or self.unattended

    def settled(self) -> Self:
        """The state in which nobody is trying: who began and did not finish was refused."""
        return replace(
            self,
            trying=Trying.NOBODY,
            attended=self.attended or self.trying is Trying.ATTENDED,
            unattended=self.unattended or self.trying is Trying.UNATTENDED,
        )

    def begun(self, *, attended: bool) -> Self:
        """The state in which somebody is about to try."""
        return replace(self, trying=Trying.ATTENDED if attended else Trying.UNATTENDED)


class Attempt:
    """Implements `esign.keys.PinAttempt`: notes the outcome; a refusal until told otherwise."""

    def __init__(self, before: PinState, *, attended: bool) -> None:
        self._before = before
        self._attended = attended
        self.outcome = before.begun(attended=attended).settled()
        """The state after the attempt."""

    def accepted(self) -> None:
        """See `PinAttempt.accepted`."""
        # What a person typed is right now; a file that was refused may still hold the wrong PIN.
        self.outcome = replace(self._before, attended=False) if self._attended else self._before

    def refused(self) -> None:
        """See `PinAttempt.refused`."""
        self.outcome = self._before.begun(attended=self._attended).settled()

    def not_sent(self) -> None:
        """See `PinAttempt.not_sent`."""
        self.outcome = self._before
