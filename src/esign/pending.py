"""A signature that somebody else is to make: what travels to the signer, and what the register waits for.

The hand-over is one JSON file. It holds the whole document, so that people see what they sign, and the exact bytes
for their key; it is signed on any machine with any software that can sign bytes:

>>> pending = Pending.from_file(Path("ABCD-EFGH-JKMN-PQRS.pending.json").read_bytes())
>>> signature = key.sign(pending.to_be_signed, mechanism=pending.mechanism)
"""

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from esign.codes import ResultId
from esign.document import SignerRole
from esign.errors import InputError, SigningError
from esign.keys import Mechanism
from esign.pades.sign import PreparedSignature

__all__ = ["Pending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A prepared document that waits for a signature."""

    id: ResultId
    """The result's id, by which the signature is handed in."""
    role: SignerRole
    """Who is to sign."""
    expires: datetime
    """After this moment the signature is not taken any more."""
    prepared: PreparedSignature = field(repr=False)
    """The document with its empty signature."""

    @property
    def document(self) -> bytes:
        """What the signer looks at: the page as it will be, with the signature still empty."""
        return self.prepared.document

    @property
    def to_be_signed(self) -> bytes:
        """The bytes for the signer's key."""
        return self.prepared.to_be_signed

    @property
    def mechanism(self) -> Mechanism:
        """How to sign them."""
        return self.prepared.mechanism

    @property
    def certificate(self) -> bytes:
        """Whose signature is expected, DER: the key must belong to it."""
        return self.prepared.certificates[0]

    def to_file(self) -> bytes:
        """The hand-over."""
        stored = {
            "esign": "pending-signature",
            "version": 1,
            "id": str(self.id),
            "role": self.role.value,
            "expires": self.expires.isoformat(),
            "prepared": json.loads(self.prepared.to_json()),
            "document": base64.b64encode(self.document).decode(),
        }
        return json.dumps(stored, indent=1).encode()

    @classmethod
    def from_file(cls, data: bytes) -> Self:
        """Read a hand-over.

        Raises:
            InputError: `pending-unreadable`.
        """
        try:
            stored = json.loads(data)
            document = base64.b64decode(stored["document"], validate=True)
            return cls(
                id=ResultId.parse(stored["id"]),
                role=SignerRole(stored["role"]),
                expires=datetime.fromisoformat(stored["expires"]),
                prepared=PreparedSignature.from_json(json.dumps(stored["prepared"]), document),
            )
        except (ValueError, KeyError, TypeError, RecursionError, InputError, SigningError) as e:
            raise InputError("pending-unreadable", problem=type(e).__name__) from e
