"""What software that we did not write says of what we make: `make interop` prints a table, exit 1 on a 'no'.

One result per key and profile: pdfsig (NSS), openssl cms over the byte range, pyHanko with its own path building,
qpdf's structure check, and zxing reading the seal from the rastered page.
"""

import asyncio
import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import zxingcpp  # noqa: E402
from asn1crypto import crl, x509  # noqa: E402
from pyhanko.pdf_utils.reader import PdfFileReader  # noqa: E402
from pyhanko.sign.validation import async_validate_pdf_signature  # noqa: E402
from pyhanko_certvalidator import ValidationContext  # noqa: E402

from esign.pdf import page_image  # noqa: E402
from esign.profile import TT15, VGCA_COMPAT, SignatureProfile  # noqa: E402
from tests.support.office import NOW, Office, request  # noqa: E402

CASES = (("rsa", VGCA_COMPAT), ("rsa", TT15), ("p256", VGCA_COMPAT))
TEMPLATES = ("quyet-dinh", "xac-nhan-cu-tru", "ho-kinh-doanh")


def main() -> None:
    """Make, ask, print."""
    judges: dict[str, Callable[[bytes, Path, Office], bool]] = {
        "pdfsig": pdfsig,
        "openssl": openssl,
        "pyhanko": pyhanko,
        "qpdf": qpdf,
        "zxing": zxing,
    }
    print(f"{'key':5} {'profile':12} {'template':18}", *(f"{j:8}" for j in judges))
    wrong = 0
    with tempfile.TemporaryDirectory() as place:
        for number, (kind, profile) in enumerate(CASES):
            office = made(Path(place) / str(number), kind, profile)
            for template in TEMPLATES:
                pdf = office.issuer().issue(request(template, template=template)).pdf
                file = Path(place) / "issued.pdf"
                file.write_bytes(pdf)
                verdicts = [judge(pdf, file, office) for judge in judges.values()]
                wrong += verdicts.count(False)
                shown = (f"{'yes' if v else 'NO':8}" for v in verdicts)
                print(f"{kind:5} {profile.name:12} {template:18}", *shown, flush=True)
    print(f"\n{len(CASES) * len(TEMPLATES) * len(judges)} verdicts, {wrong} differ")
    sys.exit(wrong > 0)


def made(folder: Path, kind: str, profile: SignatureProfile) -> Office:
    """An office with such a key."""
    Office.create(folder, kind=kind)
    return Office.open(folder, signature=profile)


def pdfsig(_pdf: bytes, file: Path, _office: Office) -> bool:
    """Poppler with NSS: the signature is valid over the total document."""
    said = subprocess.run(["pdfsig", "-nocert", file], capture_output=True, text=True, check=False).stdout
    return "Signature Validation: Signature is Valid." in said and "Total document signed" in said


def openssl(pdf: bytes, file: Path, office: Office) -> bool:
    """OpenSSL's CMS over the signed bytes, up to the root, at the time of signing."""
    ranges = re.findall(rb"/ByteRange\s*\[\s*(\d+) (\d+) (\d+) (\d+)", pdf)[-1]
    _, first, second, rest = (int(v) for v in ranges)
    container, content, root = (file.with_suffix(s) for s in (".der", ".bin", ".pem"))
    raw = bytes.fromhex(pdf[first + 1 : second - 1].decode())
    length = 4 + int.from_bytes(raw[2:4], "big")  # 30 82 hh ll: behind the value stand zeros
    container.write_bytes(raw[:length])
    content.write_bytes(pdf[:first] + pdf[second : second + rest])
    root.write_bytes((office.folder / "root.pem").read_bytes())
    # -purpose any: openssl's default asks for an e-mail certificate.
    command: list[str | Path] = ["openssl", "cms", "-verify", "-inform", "DER", "-binary", "-purpose", "any"]
    command += [
        "-attime",
        str(int(NOW.timestamp())),
        "-in",
        container,
        "-content",
        content,
        "-CAfile",
        root,
        "-out",
        "/dev/null",
    ]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def pyhanko(pdf: bytes, _file: Path, office: Office) -> bool:
    """PyHanko's own validation, revocation required."""
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(a.der) for a in office.trust.anchors],
        crls=[crl.CertificateList.load(c) for c in office.trust.crls],
        moment=NOW,
        revocation_mode="require",
    )
    signature = PdfFileReader(io.BytesIO(pdf)).embedded_signatures[0]
    status = asyncio.run(async_validate_pdf_signature(signature, signer_validation_context=context))
    return bool(status.bottom_line)


def qpdf(_pdf: bytes, file: Path, _office: Office) -> bool:
    """The structure is clean."""
    return subprocess.run(["qpdf", "--check", file], capture_output=True, check=False).returncode == 0


def zxing(pdf: bytes, _file: Path, office: Office) -> bool:
    """The seal is read from the page at 100, 150 and 300 dpi."""
    seal = office.verifier().inspect(pdf).seal
    pages = range(len(PdfFileReader(io.BytesIO(pdf)).root["/Pages"]["/Kids"]))
    return all(
        seal is not None
        and seal.url in [c.text for p in pages for c in zxingcpp.read_barcodes(page_image(pdf, p, dpi))]
        for dpi in (100, 150, 300)
    )


if __name__ == "__main__":
    main()
