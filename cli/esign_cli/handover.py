"""A signature on its way back from whoever made it: one small JSON file, by which `esign complete` finds its result.

It goes with the `*.pending.json` that `esign.pending` defines; neither holds a secret, and a changed one is refused
because the signature then fits nothing.
"""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from esign.codes import ResultId
from esign.errors import InputError, SigningError

if TYPE_CHECKING:
    from esign.issuance import Issuer
    from esign.registry import Intent
    from esign_cli.wiring import Workplace

__all__ = ["PENDING", "SIGNATURE", "VIEW", "Signature", "hand_in"]

PENDING, SIGNATURE, VIEW = ".pending.json", ".signature.json", ".view.pdf"
"""How the two files end, and what is written for a PDF reader only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a signer hands back."""

    id: ResultId
    """The result that was signed."""
    value: bytes = field(repr=False)
    """The signature over `Pending.to_be_signed`."""

    def to_file(self) -> bytes:
        """The hand-over."""
        stored = {
            "esign": "signature",
            "version": 1,
            "id": str(self.id),
            "signature": base64.b64encode(self.value).decode(),
        }
        return json.dumps(stored, indent=1).encode() + b"\n"

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a hand-over.

        Raises:
            InputError: `file-unreadable` or `signature-file-unreadable`.
        """
        from esign_cli.places import read_file

        content = read_file(path)
        try:
            stored = json.loads(content)
            if stored["esign"] != "signature":
                raise InputError("signature-file-unreadable", file=path)
            return cls(id=ResultId.parse(stored["id"]), value=base64.b64decode(stored["signature"], validate=True))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
            raise InputError("signature-file-unreadable", file=path) from e


def hand_in(workplace: "Workplace", issuer: "Issuer", path: Path) -> "tuple[Intent, bool]":
    """Complete what the signature in `path` belongs to; also gives whether that was done before.

    Raises:
        InputError, SigningError, NotRegistered: As `Signature.from_file` and `Issuer.complete`.
    """
    from esign.registry import IntentState

    signature = Signature.from_file(path)
    try:
        return issuer.complete(signature.id, signature.value), False
    except SigningError as e:
        intent = workplace.registry.get(signature.id)
        if e.code != "not-awaiting" or intent.approved_at is None or intent.state is IntentState.VOID:
            raise
        return intent, True
