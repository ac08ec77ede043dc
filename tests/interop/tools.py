"""Judges that are programs of the system or other libraries: pdfsig, openssl, qpdf, pyHanko, zxing."""

import asyncio
import io
import re
import subprocess
from datetime import datetime
from pathlib import Path

import zxingcpp
from asn1crypto import crl, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko_certvalidator import ValidationContext

from esign.pdf import page_count, page_image
from esign.trust import TrustStore

__all__ = ["openssl", "pdfsig", "pyhanko", "qpdf", "zxing"]

_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d+) (\d+) (\d+) (\d+)")


def pdfsig(file: Path, signatures: int) -> bool:
    """Poppler with NSS: every signature is valid, and the last covers the whole document."""
    said = subprocess.run(["pdfsig", "-nocert", file], capture_output=True, text=True, check=False).stdout
    return said.count("Signature Validation: Signature is Valid.") == signatures and "Total document signed" in said


def openssl(pdf: bytes, file: Path, root: Path, *, at: datetime) -> bool:
    """OpenSSL's CMS over the bytes of each signature, up to the root, at the time of signing."""
    found = _RANGE.findall(pdf)
    return bool(found) and all(_cms(pdf, tuple(map(int, ranges)), file, root, at=at) for ranges in found)


def _cms(pdf: bytes, ranges: tuple[int, ...], file: Path, root: Path, *, at: datetime) -> bool:
    _, first, second, rest = ranges
    container, content = (file.with_suffix(s) for s in (".der", ".bin"))
    raw = bytes.fromhex(pdf[first + 1 : second - 1].decode())
    container.write_bytes(raw[: 4 + int.from_bytes(raw[2:4], "big")])  # 30 82 hh ll: behind the value stand zeros
    content.write_bytes(pdf[:first] + pdf[second : second + rest])
    # -purpose any: openssl's default asks for an e-mail certificate.
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-binary", "-purpose", "any"]
    command += ["-attime", str(int(at.timestamp())), "-in", str(container), "-content", str(content)]
    command += ["-CAfile", str(root), "-out", "/dev/null"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def pyhanko(pdf: bytes, trust: TrustStore, *, at: datetime) -> bool:
    """PyHanko's own validation of every signature, revocation required."""
    signatures = PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures
    return all(asyncio.run(_accepted(signature, trust, at)) for signature in signatures)


async def _accepted(signature: EmbeddedPdfSignature, trust: TrustStore, at: datetime) -> bool:
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(a.der) for a in trust.anchors],
        crls=[crl.CertificateList.load(c) for c in trust.crls],
        moment=at,
        revocation_mode="require",
    )
    status = await async_validate_pdf_signature(signature, signer_validation_context=context)
    return bool(status.bottom_line)


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
