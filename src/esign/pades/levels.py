"""The PAdES level of a signature, or what it is instead (EN 319 142-1 §6.3, EN 319 142-2, ISO 32000-1 §12.8.3.3).

    PAdES-B-B, -T, -LT, -LTA     baseline: each level has what the one before it has, and more
    PAdES-BES, -EPES, -LTV       the CAdES form, without some requirement of the baseline
    PKCS7-B, -T, -LT, -LTA       the older form of Adobe, with the same proofs beside it
    PDF-NOT-ETSI                 any other signature
    document-time-stamp          no signature, but a proof for everything before it

A level tells which proofs a signature carries, not that they are good: that is the verdict's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from esign.cms import DATA, Problem, SignerInfo
from esign.cms.attributes import (
    COMMITMENT_TYPE,
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    SIGNATURE_POLICY,
    SIGNING_CERTIFICATE,
    SIGNING_CERTIFICATE_V2,
    SIGNING_TIME,
    content_type,
)
from esign.cms.ber import Malformed
from esign.pades.cryptographic import PADES, PKCS7, Examined
from esign.pades.dss import evidence_of
from esign.pades.signature_dictionary import SignatureDictionary
from esign.trust import Evidence
from esign.trust.certificate import Certificate, parse_certificate
from esign.trust.crl import read_crl
from esign.trust.ocsp import read_ocsp

__all__ = ["DOCUMENT_TIMESTAMP", "Proofs", "level_of"]

DOCUMENT_TIMESTAMP = "document-time-stamp"
_NOT_ETSI = "PDF-NOT-ETSI"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """What stands in the document for one signature, apart from its container."""

    evidence: Evidence
    """All that any revision's security store holds."""
    stored_in: int | None
    """The first revision with a security store; None without."""
    timestamps: Sequence[int]
    """The revisions of the document time-stamps after it that call themselves so."""
    any_timestamp: bool
    """Whether a document time-stamp of any spelling follows."""
    sound_stamps: bool
    """Whether a time-stamp inside the signature is really for it."""


def level_of(dictionary: SignatureDictionary, examined: Examined, proofs: Proofs) -> str:
    """The level that the signature reaches."""
    signer = examined.signer
    if dictionary.timestamp:
        return DOCUMENT_TIMESTAMP
    if signer is None or examined.signed is None or len(examined.signed.signers) > 1:
        return _NOT_ETSI
    if examined.signed.content is not None and dictionary.subfilter != "adbe.pkcs7.sha1":
        return _NOT_ETSI  # detached forms encapsulate nothing (ISO 32000-2 §12.8.3.3.1)
    if dictionary.subfilter in PKCS7:
        # Adobe keeps revocation data in a signed attribute as well.
        held = proofs.evidence | evidence_of(examined.signed, signer)
        return f"PKCS7-{_grade(examined, proofs, held)}" if signer.signed is not None else _NOT_ETSI
    if dictionary.subfilter != PADES or not _names_its_certificate(signer):
        return _NOT_ETSI
    if _is_baseline(dictionary, examined, signer):
        return f"PAdES-B-{_grade(examined, proofs, proofs.evidence)}"
    # EN 319 142-2 §5: the extended profiles; LTV needs no signature time-stamp, its document time-stamps prove more.
    if proofs.stored_in is not None and any(t >= proofs.stored_in for t in proofs.timestamps):
        return "PAdES-LTV"
    return "PAdES-EPES" if signer.signed is not None and SIGNATURE_POLICY in signer.signed else "PAdES-BES"


def _names_its_certificate(signer: SignerInfo) -> bool:
    return signer.signed is not None and (
        SIGNING_CERTIFICATE in signer.signed or SIGNING_CERTIFICATE_V2 in signer.signed
    )


def _is_baseline(dictionary: SignatureDictionary, examined: Examined, signer: SignerInfo) -> bool:
    """What §6.3 table 1 asks of every level."""
    signed = signer.signed
    assert signed is not None
    if CONTENT_TYPE not in signed or MESSAGE_DIGEST not in signed:
        return False
    # (c) the content is id-data; the time stands in /M, so that signing-time shall not be there.
    try:
        if content_type(signed) != DATA or SIGNING_TIME in signed or not dictionary.date:
            return False
    except Malformed:
        return False
    # (h) the first form of the reference is for SHA-1 only.
    if (
        SIGNING_CERTIFICATE_V2 not in signed
        and examined.value is not None
        and examined.value.digest_algorithm != "sha1"
    ):
        return False
    # (d), (m) one place for the reason: /Reason or a commitment, and none beside a policy.
    if dictionary.reason and (COMMITMENT_TYPE in signed or SIGNATURE_POLICY in signed):
        return False
    # (a) DER: a digest over anything else means that two implementations see two signatures.
    if examined.value is not None and Problem.ATTRIBUTES_NOT_DER in examined.value.problems:
        return False
    holds = examined.signed is not None and examined.certificate in examined.signed.certificates
    return holds and bool(dictionary.filter) and not dictionary.certificates


def _grade(examined: Examined, proofs: Proofs, evidence: Evidence) -> str:
    """B, T, LT or LTA: what is added after signing."""
    if not proofs.sound_stamps and not proofs.any_timestamp:
        return "B"
    if not _is_revocation_known(examined, evidence):
        return "T"
    # (y) an archive time-stamp covers the store, and says /Type /DocTimeStamp (§5.4.3).
    stored = proofs.stored_in or 0
    return "LTA" if any(t >= stored for t in proofs.timestamps) else "LT"


def _is_revocation_known(examined: Examined, evidence: Evidence) -> bool:
    """Whether the document itself tells if the signing certificate was revoked.

    The standard asks for the whole path, and for that of the time-stamps; how far these reach depends on whom a
    verifier trusts, so only what every verifier needs is required here.
    """
    if examined.certificate is None:
        return False
    try:
        certificate = parse_certificate(examined.certificate.der)
    except Malformed:
        return False
    if certificate.is_self_issued:
        return True
    return any(_lists(crl, certificate) for crl in evidence.crls) or any(
        _answers(ocsp, certificate) for ocsp in evidence.ocsps
    )


def _lists(crl: bytes, certificate: Certificate) -> bool:
    try:
        return read_crl(crl).issuer == certificate.issuer
    except Malformed:
        return False


def _answers(ocsp: bytes, certificate: Certificate) -> bool:
    try:
        return any(r.serial == certificate.serial for r in read_ocsp(ocsp).responses)
    except Malformed:
        return False
