"""pyHanko as an oracle: what it signs is good here, and where it refuses what we accept the report says why."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from esign.cms import parse
from esign.pades.inspect import inspect_signatures
from esign.report import Integrity
from esign.trust import TrustStore
from tests.unit.cms.making import certificate
from tests.unit.pdf.tools import page

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BASE = page(b"BT /F 12 Tf 72 750 Td (permit) Tj ET")
KEYS: dict[str, Any] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "ed448": ed448.Ed448PrivateKey.generate(),
}


def by_pyhanko(key: str, *, subfilter: str = "ETSI.CAdES.detached", digest: str = "sha256", pss: bool = False) -> bytes:
    private = KEYS[key]
    encoded = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(certificate(private.public_key())),
        signing_key=asn1_keys.PrivateKeyInfo.load(encoded),
        cert_registry=SimpleCertificateStore(),
        prefer_pss=pss,
    )
    kind = next(s for s in SigSeedSubFilter if s.value == f"/{subfilter}")
    metadata = PdfSignatureMetadata(field_name="S", md_algorithm=digest, subfilter=kind)
    output = PdfSigner(metadata, signer).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(BASE)))
    content: bytes = output.getvalue()
    return content


@pytest.mark.parametrize(
    ("key", "more", "mechanism", "level"),
    [
        ("rsa", {}, "rsa-pkcs1-sha256", "PAdES-B-B"),
        ("rsa", {"pss": True}, "rsa-pss-sha256", "PAdES-B-B"),
        ("rsa", {"digest": "sha512"}, "rsa-pkcs1-sha512", "PAdES-B-B"),
        ("rsa", {"subfilter": "adbe.pkcs7.detached"}, "rsa-pkcs1-sha256", "PKCS7-B"),
        ("p256", {}, "ecdsa-p256-sha256", "PAdES-B-B"),
        ("p256", {"digest": "sha3_256"}, "ecdsa-p256-sha3_256", "PAdES-B-B"),
        ("p384", {"digest": "sha384"}, "ecdsa-p384-sha384", "PAdES-B-B"),
        ("ed25519", {"digest": "sha512"}, "ed25519", "PAdES-B-B"),
        ("ed448", {"digest": "shake256"}, "ed448", "PAdES-B-B"),
    ],
)
def test_what_pyhanko_signs(key: str, more: dict[str, Any], mechanism: str, level: str) -> None:
    found = inspect_signatures(by_pyhanko(key, **more), trust=TrustStore(), at=NOW)
    assert found.integrity is Integrity.INTACT
    assert (found.signatures[0].mechanism, found.signatures[0].level) == (mechanism, level)


SIGNED = {key: by_pyhanko(key) for key in ("rsa", "p256")}


def is_valid_for_pyhanko(pdf: bytes) -> bool:
    try:
        (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
        context = ValidationContext(trust_roots=[], moment=NOW, allow_fetching=False)
        status = validate_pdf_signature(signature, context)
        return bool(status.intact and status.valid)
    except Exception:
        return False


# What we accept and pyHanko does not: parts of the container that nobody signed, each named in the report.
NAMED = {
    "signing-certificate-other",
    "signing-certificate-identifier-differs",
    "digests-differ",
}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(SIGNED)), st.data())
def test_what_only_we_accept_is_named(key: str, data: st.DataObject) -> None:
    """One digit of /Contents is another."""
    pdf = bytearray(SIGNED[key])
    start = pdf.index(b"/Contents <") + 11
    container = bytes.fromhex(pdf[start : pdf.index(b">", start)].decode())
    at = data.draw(st.integers(start, start + 2 * parse(container).size - 1))
    pdf[at] = data.draw(st.sampled_from(b"0123456789abcdef"))
    ours = inspect_signatures(bytes(pdf), trust=TrustStore(), at=NOW)
    if ours.integrity is Integrity.INTACT and not is_valid_for_pyhanko(bytes(pdf)):
        assert NAMED & {c.reason.code for c in ours.signatures[0].checks if c.reason}
