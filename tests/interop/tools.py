"""Judges that are programs of the system or other libraries: pdfsig, openssl, qpdf, pyHanko, zxing."""

import asyncio
import io
import re
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import zxingcpp
from asn1crypto import crl, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import (
    DocumentSecurityStore,
    async_validate_pdf_signature,
    async_validate_pdf_timestamp,
)
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko_certvalidator import ValidationContext

from esign.pdf import page_count, page_image
from esign.profile import Level
from tests.interop.made import Made

__all__ = ["openssl", "pdfsig", "pyhanko", "qpdf", "zxing"]

_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d+) (\d+) (\d+) (\d+)")
_UNKNOWN_TO_POPPLER = re.compile(
    r"Signature Type: unknown\n.*\n.*\n  - Signature Validation: Signature has not yet been verified\."
)
_TST_INFO = bytes.fromhex("060b2a864886f70d0109100104")  # id-ct-TSTInfo (RFC 3161 §2.4.2), as DER


def pdfsig(document: Made) -> bool:
    """Poppler with NSS: every signature is valid, and the last covers the whole document.

    Two things are as they should be though they read otherwise. Poppler does not know the sub-filter ETSI.RFC3161
    (as of 22.12): of each document time-stamp, and of nothing else, it says that it was not verified. And B-LT ends in
    evidence that nothing covers (EN 319 142-1 §5.5): only there is the whole document not signed.
    """
    said = subprocess.run(["pdfsig", "-nocert", document.file], capture_output=True, text=True, check=False).stdout
    is_whole = re.search(r"^  - Total document signed$", said, re.MULTILINE) is not None
    return (
        said.count("Signature Validation: ") == document.signatures + document.timestamps
        and said.count("Signature Validation: Signature is Valid.") == document.signatures
        and len(_UNKNOWN_TO_POPPLER.findall(said)) == document.timestamps
        and is_whole == (document.level is not Level.B_LT)
    )


def openssl(document: Made, *, at: datetime) -> bool:
    """OpenSSL over the bytes of each signature and document time-stamp, up to the root, at the time of signing."""
    pdf, found = document.pdf, _RANGE.findall(document.pdf)
    return len(found) == document.signatures + document.timestamps and all(
        _is_verified(pdf, tuple(map(int, ranges)), document, at=at) for ranges in found
    )


def _is_verified(pdf: bytes, ranges: tuple[int, ...], document: Made, *, at: datetime) -> bool:
    _, first, second, rest = ranges
    container, content = (document.file.with_suffix(s) for s in (".der", ".bin"))
    raw = bytes.fromhex(pdf[first + 1 : second - 1].decode())
    container.write_bytes(raw[: 4 + int.from_bytes(raw[2:4], "big")])  # 30 82 hh ll: behind the value stand zeros
    content.write_bytes(pdf[:first] + pdf[second : second + rest])
    if _TST_INFO in raw[:200]:
        command = ["openssl", "ts", "-verify", "-token_in", "-in", str(container), "-data", str(content)]
    else:
        # -purpose any: openssl's default asks for an e-mail certificate.
        command = ["openssl", "cms", "-verify", "-inform", "DER", "-binary", "-purpose", "any"]
        command += ["-in", str(container), "-content", str(content), "-out", "/dev/null"]
    command += ["-attime", str(int(at.timestamp())), "-CAfile", str(document.root)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def pyhanko(document: Made, *, at: datetime) -> bool:
    """PyHanko's own validation of every signature and document time-stamp, offline, revocation required."""
    reader = PdfFileReader(io.BytesIO(document.pdf))
    signatures, stamps = reader.embedded_regular_signatures, reader.embedded_timestamp_signatures
    return (len(signatures), len(stamps)) == (document.signatures, document.timestamps) and all(
        [
            *(asyncio.run(_is_accepted(s, document, reader, at)) for s in signatures),
            *(asyncio.run(_is_proof(s, document, reader, at)) for s in stamps),
        ]
    )


async def _is_accepted(signature: EmbeddedPdfSignature, document: Made, reader: PdfFileReader, at: datetime) -> bool:
    status = await async_validate_pdf_signature(
        signature,
        signer_validation_context=_context(document, reader, at),
        ts_validation_context=_context(document, reader, at),
    )
    stamp = status.timestamp_validity
    return bool(status.bottom_line) and (stamp is None or stamp.trusted)


async def _is_proof(stamp: EmbeddedPdfSignature, document: Made, reader: PdfFileReader, at: datetime) -> bool:
    status = await async_validate_pdf_timestamp(stamp, validation_context=_context(document, reader, at))
    return bool(status.intact and status.valid and status.trusted)


def _context(document: Made, reader: PdfFileReader, at: datetime) -> ValidationContext:
    """What the verifier trusts and, where the document has a store of evidence, what lies there."""
    given: dict[str, Any] = {
        "trust_roots": [x509.Certificate.load(a.der) for a in document.trust.anchors],
        "crls": [crl.CertificateList.load(c) for c in document.trust.crls],
        "moment": at,
        "revocation_mode": "require",
        "allow_fetching": False,
    }
    if document.level in {Level.B_B, Level.B_T}:
        return ValidationContext(**given)
    return DocumentSecurityStore.read_dss(reader).as_validation_context(given)


def qpdf(file: Path) -> bool:
    """The structure is clean."""
    return subprocess.run(["qpdf", "--check", file], capture_output=True, check=False).returncode == 0


def zxing(pdf: bytes, url: str) -> bool:
    """The seal is read from the pages at 100, 150 and 300 dpi."""
    pages = range(page_count(pdf))
    return all(
        url in [c.text for p in pages for c in zxingcpp.read_barcodes(page_image(pdf, p, dpi))]
        for dpi in (100, 150, 300)
    )
