"""Read the signatures of a PDF: what each covers, whether it is sound, who made it, and what changed afterwards.

Every byte string ends in a result (DESIGN laws 5 and 9). The steps for one signature follow EN 319 102-1 §5.2:
format, identification of the signing certificate, cryptographic verification, X.509 validation; before them stands
what only PDF has: that the byte range covers everything but the signature itself (ISO 32000-1 §12.8.1).
"""

import hashlib
import io
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from asn1crypto import algos, cms, parser, x509
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.crypt import AuthStatus
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.validation.generic_cms import extract_certs_for_validation, validate_sig_integrity
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from esign.cms.ber import is_well_encoded
from esign.pades._looks import is_redrawn, metadata_changed
from esign.pades._quiet import quiet
from esign.pades.chain import validate_chain
from esign.pades.release import Signed, check_release_fields
from esign.reasons import Reason
from esign.report import (
    Check,
    Indication,
    Integrity,
    Outcome,
    SignatureKind,
    SignatureReport,
    SubIndication,
)
from esign.trust import TrustStore

__all__ = ["Inspection", "inspect_signatures"]

_logger = logging.getLogger(__name__)
T = TypeVar("T")

_PADES = "/ETSI.CAdES.detached"
_TIMESTAMP = "/ETSI.RFC3161"
_SUBFILTERS = {
    _PADES: "PAdES-B-B",
    "/adbe.pkcs7.detached": "PKCS7-B",
    "/adbe.pkcs7.sha1": "PKCS7-B",
    _TIMESTAMP: "PDF-NOT-ETSI",
}
_WEAK_DIGESTS = {"md2", "md5", "sha1"}
_HEX = re.compile(rb"<[0-9A-Fa-f]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What the bytes of a file say, apart from registers and seals."""

    integrity: Integrity
    """The headline."""
    signatures: tuple[SignatureReport, ...] = ()
    """In the order of signing."""
    checks: tuple[Check, ...] = ()
    """Checks of the file as a whole."""


@quiet()
def inspect_signatures(pdf: bytes, *, trust: TrustStore, at: datetime) -> Inspection:
    """Look at every signature of `pdf`; `at` is the time of validation. Never raises for a bad document."""
    try:
        reader = PdfFileReader(io.BytesIO(pdf), strict=False)
        if reader.encrypted and reader.decrypt("").status is AuthStatus.FAILED:
            return _unreadable("encrypted")
        found = sorted(_signature_fields(reader), key=lambda f: f.revision)
    except Exception as e:
        _logger.debug("unreadable", exc_info=True)
        return _unreadable(type(e).__name__)
    if not found:
        return _unsigned(pdf)
    signatures = tuple(_inspect_one(pdf, f, trust=trust, at=at) for f in found)
    release = _release_fields(reader, found)
    sound = all(s.intact for s in signatures) and not any(c.outcome is Outcome.FAILED for c in release)
    headline = () if sound else (_check("integrity", "document-altered", "DESIGN §6"),)
    return Inspection(
        integrity=Integrity.INTACT if sound else Integrity.ALTERED,
        signatures=signatures,
        checks=(*headline, *release, *_uncovered(reader, found[-1].revision, signatures)),
    )


def _unreadable(problem: str) -> Inspection:
    check = _check("format", "pdf-unreadable", "ISO 32000-1 §7.5", problem=problem)
    return Inspection(integrity=Integrity.UNREADABLE, checks=(check,))


def _unsigned(pdf: bytes) -> Inspection:
    checks = [_check("signatures", "no-signature", "ISO 32000-1 §12.8", Outcome.UNKNOWN)]
    if b"/ByteRange" in pdf:
        # A signature dictionary that no form field reaches: removed from the form, or never in it.
        checks.append(_check("signatures", "signature-unreachable", "ISO 32000-1 §12.7.4.5"))
    return Inspection(integrity=Integrity.UNSIGNED, checks=tuple(checks))


def _release_fields(reader: PdfFileReader, found: list["_Found"]) -> tuple[Check, ...]:
    """Whether number, date and seal that were filled in at release are locked and as they were."""
    try:
        signed = [Signed(f.name, f.revision, f.signature) for f in found if f.signature is not None]
        return check_release_fields(reader, signed)
    except Exception:
        # Hostile structure makes pyHanko raise anything; what cannot be compared is not permitted.
        _logger.debug("release fields not comparable", exc_info=True)
        return (_check("release-fields", "changes-not-comparable", "docs/spec/release.md §5"),)


def _uncovered(reader: PdfFileReader, revision: int, signatures: tuple[SignatureReport, ...]) -> tuple[Check, ...]:
    """What follows the last signature: proofs that make it last (/DSS) are expected there, anything else is unknown.

    Forms may be filled in after a signature that locks nothing, but then nobody signed what they say. /Info and XMP
    hold title and author, which readers show as the document's; only who wrote last, and when, may differ.
    """
    if any(s.covers_whole_file for s in signatures):
        return ()
    filled = any(c.reason is not None and c.reason.facts.get("kind") == "form-filling" for c in signatures[-1].checks)
    expected = not filled and not _lenient(lambda: metadata_changed(reader, revision), default=True)
    outcome = Outcome.NOTED if expected else Outcome.UNKNOWN
    return (_check("coverage", "appended-after-signing", "ISO 32000-1 §12.8.1", outcome),)


def _check(name: str, code: str, clause: str, outcome: Outcome = Outcome.FAILED, **facts: object) -> Check:
    return Check(name=name, outcome=outcome, clause=clause, reason=Reason(code, facts))


def _passed(name: str, clause: str) -> Check:
    return Check(name=name, outcome=Outcome.PASSED, clause=clause)


@dataclass(frozen=True, slots=True)
class _Found:
    """A signed field: parsed, or why it could not be."""

    name: str
    revision: int
    value: Any
    signature: Any  # EmbeddedPdfSignature, whose own annotations deny the values it takes later
    problem: str = ""


def _signature_fields(reader: PdfFileReader) -> Iterator[_Found]:
    """All fields of type /Sig with a value, also those whose value makes no sense."""
    seen: set[Any] = set()
    stack = [(ref, "", None) for ref in _get(_get(reader.root, "/AcroForm"), "/Fields", ())]
    while stack:
        ref, prefix, inherited = stack.pop()
        node = ref.get_object()
        key = getattr(ref, "reference", None) or id(node)
        if key in seen:
            continue
        seen.add(key)
        name = ".".join(filter(None, (prefix, str(_get(node, "/T", "")))))
        kind = _get(node, "/FT", inherited)
        stack += [(kid, name, kind) for kid in _get(node, "/Kids", ())]
        if kind == "/Sig" and _get(node, "/V") is not None:
            yield _read_field(reader, node, name)


def _get(node: Any, key: str, default: Any = None) -> Any:
    """The value of `key` behind any reference; pyHanko's own `get` gives the reference."""
    return node[key] if isinstance(node, generic.DictionaryObject) and key in node else default


def _read_field(reader: PdfFileReader, node: Any, name: str) -> _Found:
    value = node["/V"]
    try:
        signature = EmbeddedPdfSignature(reader, node, name)
    except Exception as e:  # noqa: BLE001 - asn1crypto and pyHanko raise anything for malformed containers
        last = reader.xrefs.total_revisions
        return _Found(name, last, value, None, type(e).__name__)
    return _Found(name, signature.signed_revision, value, signature)


def _inspect_one(pdf: bytes, found: _Found, *, trust: TrustStore, at: datetime) -> SignatureReport:
    subfilter = str(_get(found.value, "/SubFilter", ""))
    if found.signature is None:
        problem = _check("format", "signature-unreadable", "RFC 5652 §5", problem=found.problem)
        return _report(found, subfilter, checks=[problem], sub=SubIndication.FORMAT_FAILURE)
    try:
        return _validate(pdf, found, found.signature, subfilter, trust=trust, at=at)
    except Exception as e:
        _logger.debug("signature not processable", exc_info=True)
        problem = _check("format", "signature-unreadable", "RFC 5652 §5", problem=type(e).__name__)
        return _report(found, subfilter, checks=[problem], sub=SubIndication.FORMAT_FAILURE)


def _validate(
    pdf: bytes,
    found: _Found,
    signature: Any,
    subfilter: str,
    *,
    trust: TrustStore,
    at: datetime,
) -> SignatureReport:
    checks = [_check_format(signature, subfilter), *_check_byte_range(pdf, signature)]
    # (1) Identification of the signing certificate (§5.2.3).
    certificates = extract_certs_for_validation(signature.signed_data)
    signer = certificates.signer_cert
    checks.append(_check_signing_certificate(signature.signer_info, signer))
    # (2) Cryptographic verification (§5.2.7): digest, then signature.
    intact, valid = _check_value(signature, signer)
    checks.append(_passed("digest", "EN 319 102-1 §5.2.7") if intact else _HASH_FAILURE)
    checks.append(_passed("signature", "EN 319 102-1 §5.2.7") if valid else _CRYPTO_FAILURE)
    checks.append(_check_modifications(pdf, signature))
    # (3) Algorithms (§5.2.8) and (4) X.509 validation (§5.2.6).
    checks.append(_check_algorithms(signature, signer))
    timestamp = signature.sig_object_type == "/DocTimeStamp" or subfilter == _TIMESTAMP
    result = _indication(checks)
    chain: tuple[bytes, ...] = ()
    if result is None and not timestamp:
        indication, sub, more, chain = validate_chain(signer, certificates.other_certs, trust=trust, at=at)
        checks += more
        result = indication, sub
    elif result is None:
        checks.append(_check("timestamp", "timestamp-not-validated", "RFC 3161", Outcome.UNKNOWN))
        result = Indication.INDETERMINATE, SubIndication.TRY_LATER
    return _report(found, subfilter, checks=checks, indication=result[0], sub=result[1], signer=signer, chain=chain)


_HASH_FAILURE = _check("digest", "hash-failure", "EN 319 102-1 §5.2.7")
_CRYPTO_FAILURE = _check("signature", "signature-failure", "EN 319 102-1 §5.2.7")

# Which failed check decides, in the order of the process, and what it means (§5.2).
_DECIDES: tuple[tuple[str, Indication, SubIndication], ...] = (
    ("format", Indication.TOTAL_FAILED, SubIndication.FORMAT_FAILURE),
    ("byte-range", Indication.TOTAL_FAILED, SubIndication.FORMAT_FAILURE),
    ("contents", Indication.TOTAL_FAILED, SubIndication.FORMAT_FAILURE),
    ("digest", Indication.TOTAL_FAILED, SubIndication.HASH_FAILURE),
    ("signature", Indication.TOTAL_FAILED, SubIndication.SIG_CRYPTO_FAILURE),
    ("modifications", Indication.TOTAL_FAILED, SubIndication.FORMAT_FAILURE),
    ("signing-certificate", Indication.INDETERMINATE, SubIndication.SIG_CONSTRAINTS_FAILURE),
    ("algorithms", Indication.INDETERMINATE, SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE),
)


def _indication(checks: list[Check]) -> tuple[Indication, SubIndication | None] | None:
    failed = {c.name for c in checks if c.outcome is Outcome.FAILED}
    return next(((i, s) for name, i, s in _DECIDES if name in failed), None)


def _check_format(signature: Any, subfilter: str) -> Check:
    clause = "ISO 32000-1 §12.8.3"
    if subfilter not in _SUBFILTERS:
        return _check("format", "subfilter-unknown", clause, subfilter=subfilter or "-")
    if not is_well_encoded(signature.pkcs7_content):
        return _check("format", "signature-unreadable", "RFC 5652 §5, ITU-T X.690 §8", problem="ASN.1")
    if len(signature.signed_data["signer_infos"]) != 1:
        return _check("format", "not-one-signer", "EN 319 142-1 §6.3", count=len(signature.signed_data["signer_infos"]))
    return _passed("format", clause)


def _check_byte_range(pdf: bytes, signature: Any) -> Iterator[Check]:
    """The range has one gap, the gap holds `/Contents` and nothing else, spelled in the one way we write it."""
    clause = "ISO 32000-1 §12.8.1"
    values = [int(v) for v in signature.byte_range]
    if len(values) != 4 or values[0] != 0 or min(values) < 0 or values[2] < values[1]:
        yield _check("byte-range", "byte-range-shape", clause)
        return
    _, first, second, rest = values
    gap = pdf[first:second]
    if second + rest > len(pdf) or not _HEX.fullmatch(gap):
        yield _check("byte-range", "byte-range-gap", clause)
        return
    digits = gap[1:-1]
    if len(digits) % 2 or bytes.fromhex(digits.decode()) != signature.pkcs7_content:
        yield _check("byte-range", "byte-range-other-contents", clause)
        return
    signature.compute_integrity_info(skip_diff=True)
    if signature.coverage not in {
        SignatureCoverageLevel.ENTIRE_FILE,
        SignatureCoverageLevel.ENTIRE_REVISION,
    }:
        yield _check("byte-range", "byte-range-coverage", clause)
        return
    yield _passed("byte-range", clause)
    yield _check_spelling(digits)


def _check_spelling(digits: bytes) -> Check:
    """These digits are the only bytes that nothing signs: one DER value, one case, zeros behind it."""
    clause = "ISO 32000-1 §12.8.1"
    raw = bytes.fromhex(digits.decode())
    try:
        _, _, _, header, content, trailer = parser.parse(raw)
    except ValueError:
        return _check("contents", "contents-not-canonical", clause, problem="DER")
    if raw[len(header) + len(content) + len(trailer) :].strip(b"\x00"):
        return _check("contents", "contents-not-canonical", clause, problem="padding")
    if digits not in {digits.lower(), digits.upper()}:
        return _check("contents", "contents-not-canonical", clause, problem="mixed case")
    return _passed("contents", clause)


def _check_signing_certificate(info: cms.SignerInfo, signer: x509.Certificate) -> Check:
    """signing-certificate(-v2) names the certificate that verifies (EN 319 122-1 §5.2.2)."""
    clause = "EN 319 122-1 §5.2.2"
    der = signer.dump()
    for attribute in info["signed_attrs"] or ():
        kind = attribute["type"].native
        if kind in {"signing_certificate", "signing_certificate_v2"}:
            first = attribute["values"][0]["certs"][0]
            digest = first["hash_algorithm"]["algorithm"].native if kind.endswith("v2") else "sha1"
            if hashlib.new(digest, der).digest() != first["cert_hash"].native:
                return _check("signing-certificate", "signing-certificate-other", clause)
            return _passed("signing-certificate", clause)
    return _check("signing-certificate", "signing-certificate-missing", clause, Outcome.NOTED)


def _check_value(signature: Any, signer: x509.Certificate) -> tuple[bool, bool]:
    signed = signature.signed_data["encap_content_info"]
    kind = signed["content_type"].native
    digest = signature.compute_digest()
    if kind == "tst_info":
        info = signed["content"].parsed
        imprint: bytes = info["message_imprint"]["hashed_message"].native
        token = hashlib.new(signature.md_algorithm, bytes(signed["content"])).digest()
        intact, valid = validate_sig_integrity(signature.signer_info, signer, "tst_info", token)
        return intact and imprint == digest, valid
    return validate_sig_integrity(signature.signer_info, signer, "data", digest)


def _trailing_bytes(pdf: bytes, signature: Any) -> bool:
    """Whether bytes follow that belong to no revision: a reader that rebuilds broken files may use them."""
    _, _, second, rest = (int(v) for v in signature.byte_range)
    last = signature.signed_revision == signature.reader.xrefs.total_revisions - 1
    behind = pdf[second + rest :] if last else pdf[pdf.rfind(b"%%EOF") + 5 :]
    return bool(behind.strip(b"\x00\t\n\x0c\r "))


def _check_modifications(pdf: bytes, signature: Any) -> Check:
    clause = "ISO 32000-1 §12.8.2.2"
    if signature.coverage is SignatureCoverageLevel.ENTIRE_FILE:
        return _passed("modifications", clause)
    if _trailing_bytes(pdf, signature):
        return _check("modifications", "trailing-bytes", clause)
    try:
        signature.compute_integrity_info()
        redrawn = is_redrawn(signature.reader, signature.signed_revision)
    except Exception:
        # The comparison of revisions meets what it does not know; what cannot be compared is not permitted.
        _logger.debug("revisions not comparable", exc_info=True)
        return _check("modifications", "changes-not-comparable", clause)
    result = signature.diff_result
    if not isinstance(result, DiffResult) or result.modification_level is ModificationLevel.OTHER or redrawn:
        return _check("modifications", "changed-after-signing", clause)
    if not signature.summarise_integrity_info()["docmdp_ok"]:
        return _check("modifications", "change-not-permitted", clause)
    if result.modification_level is ModificationLevel.NONE:
        return _passed("modifications", clause)
    return _check(
        "modifications",
        "permitted-change",
        clause,
        Outcome.NOTED,
        kind=result.modification_level.name.lower().replace("_", "-"),
    )


def _check_algorithms(signature: Any, signer: x509.Certificate) -> Check:
    clause = "EN 319 102-1 §5.2.8"
    key = signer.public_key
    if signature.md_algorithm in _WEAK_DIGESTS:
        return _check("algorithms", "algorithm-weak", clause, algorithm=signature.md_algorithm)
    if key.algorithm in {"rsa", "rsassa_pss"} and key.bit_size < 2048:
        return _check("algorithms", "algorithm-weak", clause, algorithm=f"RSA-{key.bit_size}")
    return _passed("algorithms", clause)


def _report(
    found: _Found,
    subfilter: str,
    *,
    checks: list[Check],
    indication: Indication = Indication.TOTAL_FAILED,
    sub: SubIndication | None = None,
    signer: x509.Certificate | None = None,
    chain: tuple[bytes, ...] = (),
) -> SignatureReport:
    signature = found.signature
    timestamp = subfilter == _TIMESTAMP
    level = _SUBFILTERS.get(subfilter, "PDF-NOT-ETSI")
    if subfilter == _PADES and any(c.name == "signing-certificate" and c.outcome is Outcome.NOTED for c in checks):
        level = "PDF-NOT-ETSI"
    return SignatureReport(
        field_name=found.name,
        kind=SignatureKind.TIMESTAMP if timestamp else SignatureKind.SIGNATURE,
        level=level,
        covers_whole_file=signature is not None and signature.coverage is SignatureCoverageLevel.ENTIRE_FILE,
        signed_bytes=_lenient(lambda: sum(int(v) for v in list(signature.byte_range)[2:]), 0)
        if _is_ranged(checks)
        else 0,
        signer=_lenient(lambda: _common_name(signer), ""),
        certificate_sha256=hashlib.sha256(signer.dump()).hexdigest() if signer else "",
        signing_time=_lenient(lambda: _signing_time(signature), None),
        mechanism=_lenient(lambda: _mechanism(signature), ""),
        indication=indication,
        sub_indication=sub,
        checks=tuple(checks),
        certificates=chain or ((signer.dump(),) if signer else ()),
    )


def _is_ranged(checks: list[Check]) -> bool:
    return any(c.name == "byte-range" and c.outcome is Outcome.PASSED for c in checks)


def _common_name(signer: x509.Certificate | None) -> str:
    if signer is None:
        return ""
    names = signer.subject.native.get("common_name", "")
    return ", ".join(names) if isinstance(names, list) else str(names)


def _signing_time(signature: Any) -> datetime | None:
    claimed: datetime | None = signature.self_reported_timestamp
    return claimed if claimed is not None and claimed.tzinfo is not None else None


def _mechanism(signature: Any) -> str:
    algorithm: algos.SignedDigestAlgorithm = signature.signer_info["signature_algorithm"]
    return f"{algorithm['algorithm'].native} with {signature.md_algorithm}"


def _lenient(read: Callable[[], T], default: T) -> T:
    """What `read` finds; asn1crypto parses late, so a malformed container raises when a part is looked at."""
    try:
        return read()
    except Exception:
        _logger.debug("malformed", exc_info=True)
        return default
