"""What signing and issuing cost beside the raw token: ratios, measured interleaved in one run (`make bench`).

Each round does every kind of work once, so a machine that changes its speed changes it for all; the median of the
rounds is printed and kept in build/bench.json.
"""

import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import os  # noqa: E402

from asn1crypto import crl, x509  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402
from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: E402
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter  # noqa: E402
from pyhanko.pdf_utils.reader import PdfFileReader  # noqa: E402
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, Signer  # noqa: E402
from pyhanko.sign.validation import validate_pdf_signature  # noqa: E402
from pyhanko_certvalidator import ValidationContext  # noqa: E402
from pyhanko_certvalidator.registry import SimpleCertificateStore  # noqa: E402

from esign.keys import KeyRef, Mechanism, SigningKey  # noqa: E402
from esign.pades.inspect import inspect_signatures  # noqa: E402
from esign.pades.sign import prepare, sign  # noqa: E402
from esign.pdf.render import Renderer  # noqa: E402
from esign.pdf.templates import load  # noqa: E402
from esign.trust import TrustAnchor, TrustStore  # noqa: E402
from esign_hsm import FilePin, KeyKind, TokenKeyStore, generate_key, import_certificates, softhsm  # noqa: E402
from tests.support.office import NOW, Office, request  # noqa: E402
from tests.support.pki import PKI, der, name  # noqa: E402

ROUNDS = 25
OURS, THEIRS = "a B-B signature inspected", "the same by stock pyHanko's validation"


class StockSigner(Signer):
    """PyHanko's own way of signing, with our key."""

    def __init__(self, key: SigningKey) -> None:
        store = SimpleCertificateStore()
        store.register_multiple([x509.Certificate.load(c) for c in key.certificates])
        super().__init__(signing_cert=x509.Certificate.load(key.certificates[0]), cert_registry=store)
        self._key = key

    async def async_sign_raw(
        self,
        data: bytes,
        digest_algorithm: str,  # noqa: ARG002  # pyHanko's signature
        dry_run: bool = False,  # noqa: FBT001, FBT002  # pyHanko's signature
    ) -> bytes:
        """A signature, or as many bytes."""
        return bytes(256) if dry_run else self._key.sign(data, mechanism=Mechanism.RSA_PKCS1_SHA256)


def main() -> None:
    """Measure, print, keep."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["ESIGN_STATE_DIR"] = str(folder / "state")
        results = measure(folder)
    raw = results["raw token signature"]
    print(f"RSA-2048 in SoftHSM, {ROUNDS} rounds, medians\n")
    for what, seconds in results.items():
        print(f"{what:45} {1000 * seconds:8.2f} ms   {100 * raw / seconds:6.1f} % of the raw rate")
    ratio = results[THEIRS] / results[OURS]
    print(f"\na B-B file is verified {ratio:.1f} times as fast as by stock pyHanko")
    target = ROOT / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    shares = {what: {"median_s": s, "share_of_raw": raw / s} for what, s in results.items()}
    target.write_text(json.dumps({"at": datetime.now(UTC).isoformat(), "rounds": ROUNDS, "results": shares}, indent=1))


def measure(folder: Path) -> dict[str, float]:
    """Seconds per document, the median of the rounds."""
    key, trust = token_key(folder)
    office = Office.create(folder / "office")
    office.key = key
    office.trust = office.trust.__class__()
    issuer = office.issuer()
    template = load("quyet-dinh")
    renderer = Renderer()
    page = renderer.render(
        template, template.sample, agency=office.agency, number="15/QĐ-UBND", issued=NOW.date(), at=NOW
    )
    verifier = office.verifier(registry=None)
    signed = issuer.issue(request("first")).pdf
    bare = sign(
        prepare(
            page.pdf,
            certificates=key.certificates,
            mechanism=Mechanism.RSA_PKCS1_SHA256,
            signing_time=NOW,
            field_name="S",
        ),
        key,
    )
    counter = iter(range(10**6))

    def ours() -> None:
        prepared = prepare(
            page.pdf,
            certificates=key.certificates,
            mechanism=Mechanism.RSA_PKCS1_SHA256,
            signing_time=NOW,
            field_name="S",
        )
        sign(prepared, key)

    def stock() -> None:
        metadata = PdfSignatureMetadata(field_name="S", md_algorithm="sha256")
        PdfSigner(metadata, StockSigner(key)).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(page.pdf)))

    work: dict[str, Callable[[], object]] = {
        "raw token signature": lambda: key.sign(b"x" * 200, mechanism=Mechanism.RSA_PKCS1_SHA256),
        "a ready PDF signed": ours,
        "the same by stock pyHanko": stock,
        "a page rendered": lambda: renderer.render(
            template, template.sample, agency=office.agency, number="15/QĐ-UBND", issued=NOW.date(), at=NOW
        ),
        "a result issued, registered and delivered": lambda: issuer.issue(request(f"k{next(counter)}")),
        "a result inspected, with its seal's picture": lambda: verifier.inspect(signed),
        OURS: lambda: inspect_signatures(bare, trust=trust, at=NOW),
        THEIRS: lambda: stock_validation(bare, trust),
    }
    times: dict[str, list[float]] = {what: [] for what in work}
    for _ in range(ROUNDS):
        for what, action in work.items():
            started = time.perf_counter()
            action()
            times[what].append(time.perf_counter() - started)
    return {what: statistics.median(t) for what, t in times.items()}


def stock_validation(pdf: bytes, trust: TrustStore) -> None:
    """What pyHanko's own validation makes of the one signature of `pdf`, with the same anchors and lists."""
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(a.der) for a in trust.anchors],
        crls=[crl.CertificateList.load(c) for c in trust.crls],
        moment=NOW,
        allow_fetching=False,
        revocation_mode="require",
    )
    (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    assert validate_pdf_signature(signature, context).bottom_line


def token_key(folder: Path) -> tuple[SigningKey, TrustStore]:
    """An RSA-2048 key with a certificate in a SoftHSM token of its own, and who trusts it."""
    token = softhsm.make_token(folder / "token", label="bench", pin="123456", so_pin="87654321")
    softhsm.use(token.conf)
    pin_file = folder / "pin"
    pin_file.touch(0o600)
    pin_file.write_text("123456\n", "utf-8")
    store = TokenKeyStore(module=token.module, pin=FilePin(pin_file), defaults=KeyRef(token="bench"))  # noqa: S106
    key = store.key(generate_key(store, kind=KeyKind.RSA_2048, label="k"))
    pki = PKI.create()
    public = load_der_public_key(key.public_key)
    assert isinstance(public, rsa.RSAPublicKey)
    chain = pki.chain(pki.issuing.certify(public, name("UBND PHƯỜNG MẪU")))
    trust = TrustStore(anchors=(TrustAnchor(der(pki.root.certificate)),), crls=pki.crls(at=NOW))
    return import_certificates(store, KeyRef(object="k"), certificates=chain), trust


if __name__ == "__main__":
    main()
