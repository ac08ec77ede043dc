"""Look at what was just signed as a stranger would: from its bytes alone, before anything is registered."""

from dataclasses import dataclass
from datetime import datetime

from esign.document import SignerRole
from esign.errors import SigningError
from esign.pades.inspect import inspect_signatures
from esign.pades.revision import ends_revision
from esign.pdf.links import seal_links
from esign.profile import Level
from esign.registry import Intent, SignerCertificate
from esign.report import Integrity, SignatureKind
from esign.seal import SealToken, binding
from esign.trust import TrustStore, signer_facts
from esign.workbench import sha256

__all__ = ["Seen", "read_back"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a stranger sees."""

    signers: tuple[SignerCertificate, ...]
    """Who signed, the agency last."""
    level: Level
    """What the agency's signature reaches."""
    seal_sha256: str | None
    """Of its seal's token, where results are sealed."""


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
            *(SignerCertificate(**signer_facts(c), role=SignerRole.PERSON) for c in people),
            SignerCertificate(**signer_facts(certificate), role=SignerRole.AGENCY),
        ),
        level=_LEVELS[ours.level],
        seal_sha256=_seal(signed, intent) if sealed and intent.number is not None else None,
    )


_LEVELS = {level.value: level for level in Level}


def _seal(signed: bytes, intent: Intent) -> str:
    token = SealToken.from_url(next((link.url for link in seal_links(signed)), ""))
    offset = binding(signed, token.claims.digest)
    if offset is None or not ends_revision(signed, offset):
        raise SigningError("read-back-failed", what="seal binding")
    if token.claims.result_id != intent.id or token.claims.number != intent.number:
        raise SigningError("read-back-failed", what="seal claims")
    return sha256(bytes(token))
