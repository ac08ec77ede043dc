"""What of a signed document another program needs beside the document itself, as plain files."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from esign.cms import TST_INFO, SignedData, parse
from esign.cms.attributes import timestamp_tokens
from esign.errors import InputError
from esign.pades.coverage import coverage
from esign.pades.dss import read_stores
from esign.pades.signed_fields import SignedField, signed_fields
from esign.report import VerificationReport
from esign.syntax import SyntaxProblem, read
from esign.trust import Evidence, TrustStore

__all__ = ["SignatureFiles", "pem_of_certificates", "pem_of_lists", "rests_on", "signature_files"]

_SIGNATURE_TIMESTAMP = "1.2.840.113549.1.9.16.2.14"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFiles:
    """One signature or document time-stamp."""

    field_name: str
    """Its field."""
    ranges: tuple[tuple[int, int], tuple[int, int]]
    """The bytes of the document that it signs, from and to."""
    container: bytes = field(repr=False)
    """The CMS container, DER, without what fills up its room."""
    is_timestamp: bool
    """Whether it is a time-stamp token over the document."""
    detached: bool
    """Whether its container is one that `openssl cms` checks with the content outside."""
    value: bytes = field(repr=False)
    """The signature value: what its own time-stamps are over."""
    tokens: tuple[bytes, ...] = field(repr=False)
    """Time-stamp tokens inside it."""


def signature_files(pdf: bytes) -> tuple[SignatureFiles, ...]:
    """Those that can be taken out; a broken one is told by the report."""
    try:
        file = read(pdf)
        found = [(signed, coverage(file, signed).parts) for signed in signed_fields(file)]
    except SyntaxProblem:
        return ()
    return tuple(taken for signed, ranges in found if ranges and (taken := _taken(signed, ranges)))


def _taken(signed: SignedField, ranges: tuple[tuple[int, int], tuple[int, int]]) -> SignatureFiles | None:
    raw = bytes(signed.contents or b"")
    try:
        container: SignedData = parse(raw)
    except InputError:
        return None
    one = container.signers[0] if len(container.signers) == 1 else None
    return SignatureFiles(
        field_name=signed.name,
        ranges=ranges,
        container=raw[: container.size],
        is_timestamp=container.content_type == TST_INFO,
        detached=container.content is None,
        value=one.signature if one else b"",
        tokens=timestamp_tokens(one.unsigned, _SIGNATURE_TIMESTAMP) if one else (),
    )


def rests_on(pdf: bytes, report: VerificationReport, trust: TrustStore) -> tuple[TrustStore, Evidence]:
    """The anchors that the chains of `report` end in (all, where one ends nowhere), and every piece of evidence."""
    chains = [s.certificates for s in report.signatures]
    chains += [t.certificates for s in report.signatures for t in s.timestamps]
    ends = {chain[-1] for chain in chains if chain}
    used = tuple(a for a in trust.anchors if a.der in ends)
    everywhere = bool(chains) and all(chain and chain[-1] in {a.der for a in used} for chain in chains)
    evidence = Evidence(certificates=tuple(c for chain in chains for c in chain)).with_store(trust)
    with suppress(SyntaxProblem):
        for store in read_stores(read(pdf)):
            evidence |= store.evidence
    anchors = used if everywhere else trust.anchors
    known = {a.der for a in anchors}
    others = tuple(c for c in evidence.certificates if c not in known)
    kept = Evidence(certificates=others, crls=evidence.crls, ocsps=evidence.ocsps)
    return TrustStore(anchors=anchors), kept


def pem_of_certificates(ders: Iterable[bytes]) -> bytes:
    """One PEM file; a certificate that no library reads is left out, the report names it."""
    found = []
    for der in ders:
        with suppress(ValueError):
            found.append(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))
    return b"".join(found)


def pem_of_lists(ders: Iterable[bytes]) -> bytes:
    """One PEM file of revocation lists."""
    found = []
    for der in ders:
        with suppress(ValueError):
            found.append(x509.load_der_x509_crl(der).public_bytes(Encoding.PEM))
    return b"".join(found)
