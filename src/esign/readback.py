"""Look at what was just signed, before anything is registered: as a stranger would, or byte by byte.

`read_back` reads a file as anybody else does, from its bytes alone. `compare` is for a file of which this process has
everything in hand that it was made from, and has had one like it read as a stranger would: it asks whether these are
the very bytes.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from esign import seal
from esign.archive import sha256
from esign.document import SignerRole
from esign.errors import SealError, SigningError
from esign.pades.inspect import inspect_signatures
from esign.pades.revision import ends_revision
from esign.pades.sign import PreparedSignature, completes
from esign.pdf.links import seal_links
from esign.profile import Level
from esign.registry import Intent, SignerCertificate
from esign.report import Integrity, SignatureKind
from esign.trust import TrustStore, signer_facts

if TYPE_CHECKING:
    from esign.sealing import SealOrder

__all__ = ["Seen", "compare", "read_back"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a stranger sees."""

    signers: tuple[SignerCertificate, ...]
    """Who signed, the agency last."""
    level: Level
    """What the agency's signature reaches."""
    seal_sha256: str | None
    """Of its seal's token, where results are sealed."""
    sha256: str
    """Of the whole file, hex."""


def read_back(
    signed: bytes, *, intent: Intent, certificate: bytes, size: int, stamped: bool, sealed: bool, at: datetime
) -> Seen:
    """Look at the file: the agency signed its first `size` bytes, and only proofs follow.

    Where its signature is `stamped`, a sound time-stamp of it is there.

    Raises:
        SigningError: `read-back-failed`: it is not what was meant; it must not be registered.
    """
    found = inspect_signatures(signed, trust=TrustStore(), at=at)
    signatures = [s for s in found.signatures if s.kind is SignatureKind.SIGNATURE]
    before, ours = signatures[:-1], signatures[-1] if signatures else None
    agency = ours is not None and ours.certificate_sha256 == sha256(certificate) and ours.signed_bytes == size
    if found.integrity is not Integrity.INTACT or ours is None or not agency or bool(before) != intent.person:
        raise SigningError("read-back-failed", what="signature")
    if ours.level not in _LEVELS or (stamped and _LEVELS[ours.level] is Level.B_B):
        raise SigningError("read-back-failed", what="level")
    people = [s.certificates[0] for s in before if s.certificates]
    return Seen(
        signers=(
            *(_signer(c, SignerRole.PERSON) for c in people),
            _signer(certificate, SignerRole.AGENCY),
        ),
        level=_LEVELS[ours.level],
        seal_sha256=_seal(signed, intent) if sealed and intent.number is not None else None,
        sha256=sha256(signed),
    )


def compare(
    signed: bytes,
    *,
    intent: Intent,
    prepared: PreparedSignature,
    approved: tuple[bytes, str] | None,
    person: bytes | None,
    order: "SealOrder | None",
) -> Seen:
    """Whether `signed` is `prepared` with a signature in it, behind what a person `approved`, with the seal of `order`.

    `prepared` comes right from `prepare`, `approved` with its SHA-256 as it was recorded.

    1. but for the digits of /Contents it is what the register recorded as prepared, byte for byte;
    2. /ByteRange names exactly all the rest, and the container in /Contents, byte for byte as our template makes it,
       holds the digest of that and a signature, whose value is the expected certificate's (`completes`);
    3. it begins with what the register recorded as approved;
    4. the seal in it is read again: its claims are the ordered ones, among them the digest of the bytes before it.

    What `read_back` does and this does not is to read the structure of the file, of its revisions and of the container.
    Those bytes are our own writer's, behind a page that was examined; whether a file made so reads well is asked with
    `read_back`, of one of each kind (`esign.handling`).

    Raises:
        SigningError: `read-back-failed`.
    """
    found = completes(prepared, signed)
    if found is None or not prepared.sha256 or prepared.sha256 != intent.prepared_sha256:
        raise SigningError("read-back-failed", what="signature")
    if approved is not None and not (signed.startswith(approved[0]) and approved[1] == intent.approved_sha256):
        raise SigningError("read-back-failed", what="signature")
    people = () if person is None else (_signer(person, SignerRole.PERSON),)
    return Seen(
        signers=(*people, _signer(prepared.certificates[0], SignerRole.AGENCY)),
        level=Level.B_B,
        seal_sha256=_ordered_seal(signed, order, intent) if order is not None else None,
        sha256=found,
    )


_URL = re.compile(rb"https://[a-z0-9.-]+/1#[0-9]{100,}")


def _ordered_seal(signed: bytes, order: "SealOrder", intent: Intent) -> str:
    found = _URL.search(signed, len(order.before))
    try:
        token = seal.SealToken.from_url(found[0].decode("ascii") if found else "")
    except SealError as e:
        raise SigningError("read-back-failed", what="seal") from e
    if not signed.startswith(order.before):  # of which the ordered claims have the digest
        raise SigningError("read-back-failed", what="seal binding")
    claims = token.claims
    if claims != order.claims or (claims.result_id, claims.number) != (intent.id, intent.number):
        raise SigningError("read-back-failed", what="seal claims")
    return sha256(bytes(token))


@lru_cache(maxsize=256)
def _signer(certificate: bytes, role: SignerRole) -> SignerCertificate:
    return SignerCertificate(**signer_facts(certificate), role=role)


_LEVELS = {level.value: level for level in Level}


def _seal(signed: bytes, intent: Intent) -> str:
    token = seal.SealToken.from_url(next((link.url for link in seal_links(signed)), ""))
    offset = seal.binding(signed, token.claims.digest)
    if offset is None or not ends_revision(signed, offset):
        raise SigningError("read-back-failed", what="seal binding")
    if token.claims.result_id != intent.id or token.claims.number != intent.number:
        raise SigningError("read-back-failed", what="seal claims")
    return sha256(bytes(token))
