"""A result as it leaves: registered, signed, with what was let pass."""

from dataclasses import dataclass, field
from typing import Self

from esign.codes import DocumentNumber, ResultCode, ResultId
from esign.errors import NotRegistered
from esign.profile import Level
from esign.reasons import Reason
from esign.registry import Intent, IntentState, Upgrade

__all__ = ["Issued"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A result that is registered; from now on it may be handed out."""

    id: ResultId
    """Printed under its QR seal."""
    number: DocumentNumber | None
    """Số, ký hiệu; None for a signed file that is no result."""
    result_code: ResultCode | None
    """`<dossier>-KQn`."""
    pdf: bytes = field(repr=False)
    """The signed file, in its newest version."""
    sha256: str
    """Of `pdf`, hex."""
    level: Level
    """The level that `pdf` reaches, not the one that was asked for."""
    upgrade: Upgrade | None
    """The level that is promised for later; None where nothing is."""
    notices: tuple[Reason, ...]
    """What was let pass and must not be forgotten: an unchecked revocation, a duplicate number, …"""
    delivered: bool
    """Whether the delivery is done; `resume` catches up on it."""
    intent: Intent = field(repr=False)
    """All that the register has of it."""

    @classmethod
    def of(cls, intent: Intent, pdf: bytes) -> Self:
        """From an entry, and the newest version of its file.

        Raises:
            NotRegistered: `not-issued`.
        """
        if intent.state is not IntentState.ISSUED or intent.registration is None:
            raise NotRegistered("not-issued", id=str(intent.id), state=intent.state.value)
        current = intent.versions[-1]
        return cls(
            id=intent.id,
            number=intent.number,
            result_code=intent.metadata.result_code if intent.metadata else None,
            pdf=pdf,
            sha256=current.sha256,
            level=current.level,
            upgrade=intent.upgrade,
            notices=intent.registration.notices,
            delivered=intent.delivered_at is not None,
            intent=intent,
        )
