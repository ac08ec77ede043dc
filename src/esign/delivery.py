"""Where finished documents go.

Delivering twice is harmless; a crash in between is repaired by delivering again.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from esign.codes import DocumentNumber, ResultId
from esign.errors import DeliveryFailed, Error
from esign.files import write_durably

__all__ = ["Delivery", "FolderDelivery", "file_name", "hand_over"]


class Delivery(Protocol):
    """Hands a registered document over, and does not return before the receiver has it.

    It is called again after a crash, so the same document may arrive twice and must end up there once.
    """

    def deliver(self, *, result_id: ResultId, number: DocumentNumber | None, pdf: bytes) -> str:
        """Deliver, and say where, in words for the register (no personal data)."""


@dataclass(frozen=True, slots=True)
class FolderDelivery:
    """Puts each document into a folder, named by its number and id."""

    folder: Path
    """Made where it is missing."""

    def deliver(self, *, result_id: ResultId, number: DocumentNumber | None, pdf: bytes) -> str:
        """Write the file durably."""
        name = file_name(result_id, number)
        write_durably(self.folder / name, pdf, private=False)
        return f"{self.folder.name}/{name}"


def hand_over(pdf: bytes, *, to: Delivery, result_id: ResultId, number: DocumentNumber | None) -> str:
    """Deliver to code that may be anybody's; where the document is then.

    Raises:
        DeliveryFailed: `delivery-failed`, whatever went wrong there.
    """
    try:
        return to.deliver(result_id=result_id, number=number, pdf=pdf)
    except Error:
        raise
    except Exception as e:  # a portal's own code
        raise DeliveryFailed("delivery-failed", id=str(result_id), problem=type(e).__name__) from e


def file_name(result_id: ResultId, number: DocumentNumber | None) -> str:
    """`05-QĐ-UBND_ABCD-EFGH-JKMN-PQRS.pdf`: safe on every system, without personal data."""
    return f"{str(number).replace('/', '-')}_{result_id}.pdf" if number else f"{result_id}.pdf"
