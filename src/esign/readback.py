"""Look at what was just signed as a stranger would: from its bytes alone, before anything is registered."""

from datetime import datetime

from esign.document import SignerRole
from esign.errors import SigningError
from esign.pades.inspect import inspect_signatures
from esign.pades.revision import ends_revision
from esign.pdf.links import seal_links
from esign.profile import Level
from esign.registry import Intent, SignerCertificate
from esign.report import Integrity
from esign.seal import SealToken, binding
from esign.trust import TrustStore, signer_facts
from esign.workbench import sha256

__all__ = ["read_back"]


def read_back(
    signed: bytes, *, intent: Intent, certificate: bytes, stamped: bool, sealed: bool, at: datetime
) -> tuple[tuple[SignerCertificate, ...], str | None]:
    """Who signed the file, the agency last; and the SHA-256 of its seal's token, where results are `sealed`.

    Where the agency's signature is `stamped`, a sound time-stamp of it is there.

    Raises:
        SigningError: `read-back-failed`: it is not what was meant; it must not be registered.
    """
    found = inspect_signatures(signed, trust=TrustStore(), at=at)
    before, last = found.signatures[:-1], found.signatures[-1:]
    agency = sha256(certificate)
    level = (Level.B_T if stamped else Level.B_B).value
    ours = [s for s in last if s.certificate_sha256 == agency and s.covers_whole_file and s.level == level]
    if found.integrity is not Integrity.INTACT or not ours or bool(before) != intent.person:
        raise SigningError("read-back-failed", what="signature")
    people = [s.certificates[0] for s in before if s.certificates]
    signers = (
        *(SignerCertificate(**signer_facts(c), role=SignerRole.PERSON) for c in people),
        SignerCertificate(**signer_facts(certificate), role=SignerRole.AGENCY),
    )
    return signers, _seal(signed, intent) if sealed and intent.number is not None else None


def _seal(signed: bytes, intent: Intent) -> str:
    token = SealToken.from_url(next((link.url for link in seal_links(signed)), ""))
    offset = binding(signed, token.claims.digest)
    if offset is None or not ends_revision(signed, offset):
        raise SigningError("read-back-failed", what="seal binding")
    if token.claims.result_id != intent.id or token.claims.number != intent.number:
        raise SigningError("read-back-failed", what="seal claims")
    return sha256(bytes(token))
