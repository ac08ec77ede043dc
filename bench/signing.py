"""Signing ready PDFs beside the raw token, and verifying them beside pyHanko: ratios of one run (`make bench`).

"Raw" is C_SignInit and C_Sign through python-pkcs11, and nothing else. Everything of ours includes what the key store
does with each signature: a session of its own, and the check that the key in the token is still the one we know.
"""

import hashlib
import io
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import cycle
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import os  # noqa: E402

import pikepdf  # noqa: E402
from asn1crypto import crl, x509  # noqa: E402
from bench.measuring import Ratio, Times, Work, keep  # noqa: E402
from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: E402
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter  # noqa: E402
from pyhanko.pdf_utils.reader import PdfFileReader  # noqa: E402
from pyhanko.sign.fields import SigFieldSpec  # noqa: E402
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, Signer  # noqa: E402
from pyhanko.sign.validation import validate_pdf_signature  # noqa: E402
from pyhanko.stamp import TextStampStyle  # noqa: E402
from pyhanko_certvalidator import ValidationContext  # noqa: E402
from pyhanko_certvalidator.registry import SimpleCertificateStore  # noqa: E402

from esign.document import Agency, Box  # noqa: E402
from esign.keys import KeyRef, Mechanism, SigningKey  # noqa: E402
from esign.pades.fields import AGENCY_FIELD, PERSON_FIELD, add_release_fields  # noqa: E402
from esign.pades.inspect import inspect_signatures  # noqa: E402
from esign.pades.revision import stamp  # noqa: E402
from esign.pades.sign import PreparedSignature, Way, prepare, sign  # noqa: E402
from esign.pades.signer import Signer as OurSigner  # noqa: E402
from esign.pades.signing_revision import Appearance  # noqa: E402
from esign.pdf.marks import agency_mark, agency_mark_size  # noqa: E402
from esign.pdf.render import Renderer  # noqa: E402
from esign.pdf.templates import load  # noqa: E402
from esign.trust import TrustAnchor, TrustStore  # noqa: E402
from esign_hsm import FilePin, KeyKind, TokenKey, TokenKeyStore, generate_key, import_certificates, softhsm  # noqa: E402
from tests.support.office import NOW, Office  # noqa: E402
from tests.support.pki import PKI, der, name  # noqa: E402
from tests.support.shim import Shim, build  # noqa: E402
from tests.unit.pades.test_in_place import with_revisions  # noqa: E402
from tests.unit.pdf.tools import page  # noqa: E402

ROUNDS = 30
KINDS = {
    "RSA-2048": (KeyKind.RSA_2048, Mechanism.RSA_PKCS1_SHA256),
    "RSA-3072": (KeyKind.RSA_3072, Mechanism.RSA_PKCS1_SHA256),
    "P-256": (KeyKind.P256, Mechanism.ECDSA_P256_SHA256),
}
DELAYS = {5: 40, 20: 12, 300: 2}
"""Milliseconds that a simulated token takes for a signature, and how many are made in a round."""
ROW = 0.02
"""Seconds that the raw token takes for a row, at least."""
TWO = "raw, in two sessions"
MANY = "visible, in a row"
ATTRIBUTES = bytes(250)
"""As long as what is signed for a document."""
PIN = "123456"


def main() -> None:
    """Measure, print, keep."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["ESIGN_STATE_DIR"] = str(folder / "state")
        tokens = Tokens(folder)
        office = Office.create(folder / "office")
        documents = ready_documents(office)
        print(f"{len(documents)} PDFs of {min(map(len, documents)) >> 10}-{max(map(len, documents)) >> 10} KB\n")
        for kind in KINDS:
            signing(kind, tokens, documents, office.agency)
        updating(tokens, documents, office.agency)
        slow_tokens(tokens, documents, office.agency, folder)
        verifying(tokens, documents)
        growing(tokens, office.agency, folder)


# --- what is measured ------------------------------------------------------------------------------------------------


def signing(kind: str, tokens: "Tokens", documents: list[bytes], agency: Agency) -> None:
    """One kind of key: the raw rate, our signatures, and pyHanko's."""
    key, mechanism = tokens.keys[kind], KINDS[kind][1]
    signers = {
        "hidden": OurSigner(key, mechanism=mechanism, field_name="S"),
        "visible, Vietnamese font": OurSigner(
            key, mechanism=mechanism, field_name="S", appearance=appearance(replace(agency, seal_image=None))
        ),
        "visible, with the red seal's image": OurSigner(
            key, mechanism=mechanism, field_name="S", appearance=appearance(agency)
        ),
    }
    assert all(s.sign(pdf, signing_time=NOW).way is Way.PLAIN for s in signers.values() for pdf in documents)
    ready = cycle(documents)
    with raw(key, mechanism) as sign:
        work = {
            "raw": Work(sign, 20),
            "key store": Work(lambda: key.sign(ATTRIBUTES, mechanism=mechanism), 20),
            **{what: Work(partial(sign_next, s, ready), 20) for what, s in signers.items()},
            "stock pyHanko, hidden": Work(lambda: stock(next(ready), key, mechanism, visible=False)),
            "stock pyHanko, visible": Work(lambda: stock(next(ready), key, mechanism, visible=True)),
        }
        times = Times(work, rounds=ROUNDS)
    print(f"{kind}: {1 / times.median('raw'):.0f} raw signatures a second")
    shares = {what: times.ratio("raw", what) for what in work if what != "raw"}
    for what, share in shares.items():
        print(f"  {what:36} {1e3 * times.median(what):8.3f} ms   {share.percent()} of the raw rate")
    length = max(160, round(ROW / times.median("raw")))
    shares |= many(key, mechanism, signers["visible, Vietnamese font"], documents, count=length)
    for what in (TWO, MANY):
        print(f"  {what:36} {'':11}   {shares[what].percent()} of the raw rate, by the clock on the wall")
    keep(f"signing {kind}", {"seconds": {w: times.median(w) for w in work}, "share of the raw rate": shares})


def sign_next(signer: OurSigner, ready: Iterator[bytes]) -> None:
    """One document, alone."""
    signer.sign(next(ready), signing_time=NOW)


def many(
    key: TokenKey,
    mechanism: Mechanism,
    signer: OurSigner,
    documents: list[bytes],
    *,
    count: int,
    rounds: int = ROUNDS,
) -> dict[str, Ratio]:
    """A row of documents, and the raw rate of two sessions at a time: both take a second core."""
    row = (documents * count)[:count]
    with raw(key, mechanism) as sign, raw(key, mechanism) as other, ThreadPoolExecutor(2) as threads:
        work = {
            "raw": Work(partial(repeated, sign, count)),
            TWO: Work(lambda: list(threads.map(repeated, (sign, other), (count // 2,) * 2))),
            MANY: Work(lambda: exhaust(signer.sign_all(row, now=lambda: NOW))),
        }
        times = Times(work, rounds=rounds, clock=time.perf_counter)
    return {what: times.ratio("raw", what) for what in (TWO, MANY)}


def repeated(action: Callable[[], object], count: int) -> None:
    """So often."""
    for _ in range(count):
        action()


def exhaust(signed: Iterator[object]) -> None:
    """Have all of them, and keep none: neither does who writes each to its place."""
    for _ in signed:
        pass


def updating(tokens: "Tokens", documents: list[bytes], agency: Agency) -> None:
    """The four revisions of a result that two sign: its seal, empty fields, the person's signature, the agency's."""
    key, mechanism = tokens.keys["RSA-2048"], KINDS["RSA-2048"][1]
    seen = appearance(replace(agency, seal_image=None))
    person = replace(seen.box, left=seen.box.left + 60)

    def sealed(pdf: bytes) -> bytes:
        return stamp(pdf, seen.mark, replace(seen.box, left=60), url="https://q.example.gov.vn/1#0")

    def with_fields(pdf: bytes) -> bytes:
        return add_release_fields(pdf, [], agency_box=seen.box, alt=agency.name, person_box=person, person_alt="x")

    def prepared(pdf: bytes, field: str, box: Box) -> PreparedSignature:
        return prepare(
            pdf,
            certificates=key.certificates,
            mechanism=mechanism,
            signing_time=NOW,
            field_name=field,
            appearance=Appearance(mark=seen.mark, box=box),
        )

    with_seal = [sealed(pdf) for pdf in documents]
    empty = [with_fields(pdf) for pdf in with_seal]
    signed = [sign(prepared(pdf, PERSON_FIELD, person), key) for pdf in empty]
    steps: dict[str, tuple[list[bytes], Callable[[bytes], object]]] = {
        "the seal": (documents, sealed),
        "empty fields": (with_seal, with_fields),
        "the person's signature, but for the key": (empty, lambda pdf: prepared(pdf, PERSON_FIELD, person)),
        "the agency's signature, but for the key": (signed, lambda pdf: prepared(pdf, AGENCY_FIELD, seen.box)),
    }
    work = {what: Work(partial(next_of, cycle(given), step), 20) for what, (given, step) in steps.items()}
    times = Times(work, rounds=ROUNDS)
    for what in work:
        print(f"a revision with {what:40} {1e3 * times.median(what):.3f} ms")
    keep("revisions", {"seconds": {what: times.median(what) for what in work}})


def next_of(documents: Iterator[bytes], step: Callable[[bytes], object]) -> None:
    """One step for the next document."""
    step(next(documents))


def slow_tokens(tokens: "Tokens", documents: list[bytes], agency: Agency, folder: Path) -> None:
    """Tokens that take their time without a processor of ours: how busy they are kept."""
    shim = Shim(folder / "shim", build(folder))
    os.environ.update(shim.environment)
    key = tokens.store(shim.module).key(KeyRef(object="RSA-2048"))
    mechanism = KINDS["RSA-2048"][1]
    signer = OurSigner(
        key, mechanism=mechanism, field_name="S", appearance=appearance(replace(agency, seal_image=None))
    )
    shares = {}
    for delay, count in DELAYS.items():
        shim.delay(delay, single=True)
        shares[f"{delay} ms"] = many(key, mechanism, signer, documents, count=count, rounds=5)[MANY]
        print(f"a token of {delay:3} ms a signature is busy {shares[f'{delay} ms'].percent()}")
    keep("slow tokens", {"share of the raw rate": shares})


def verifying(tokens: "Tokens", documents: list[bytes]) -> None:
    """One B-B signature inspected, and by pyHanko's own validation."""
    figures = {}
    for kind, (_, mechanism) in KINDS.items():
        signed = OurSigner(tokens.keys[kind], mechanism=mechanism, field_name="S").sign(documents[0], signing_time=NOW)
        work = {
            "ours": Work(partial(inspect_signatures, signed.document, trust=tokens.trust, at=NOW), 3),
            "stock pyHanko": Work(partial(stock_validation, signed.document, tokens.trust)),
        }
        times = Times(work, rounds=ROUNDS)
        figures[kind] = times.ratio("stock pyHanko", "ours")
        print(
            f"a B-B file, {kind}: verified in {1e3 * times.median('ours'):.2f} ms,"
            f" {figures[kind].times()} as fast as by stock pyHanko ({1e3 * times.median('stock pyHanko'):.1f} ms)"
        )
    keep("verifying", {"as fast as stock pyHanko": figures})


def growing(tokens: "Tokens", agency: Agency, folder: Path) -> None:
    """A file of 100 MB where it is, beside hashing it; and ten times as many pages and revisions."""
    mechanism = KINDS["P-256"][1]
    signer = OurSigner(tokens.keys["P-256"], mechanism=mechanism, field_name="S")
    large = folder / "large.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.pages[0].obj.Scan = pdf.make_stream(os.urandom(100 << 20))
        pdf.save(large)
    work = {"hashed": Work(lambda: hashed(large)), "signed": Work(lambda: signer.sign_file(large, signing_time=NOW))}
    in_place = Times(work, rounds=7, clock=time.perf_counter).ratio("signed", "hashed")
    print(f"100 MB signed in place: {in_place.times()} as long as hashed")
    seen = appearance(replace(agency, seal_image=None))
    figures = {"100 MB in place, to hashing it": in_place}
    for what in ("pages", "earlier revisions"):
        cases = {}
        for count in (100, 1000):
            paged = what == "pages"
            document = page(pages=count) if paged else with_revisions(count)
            placed = Appearance(mark=seen.mark, box=replace(seen.box, page=count - 1 if paged else 0))
            made = OurSigner(tokens.keys["P-256"], mechanism=mechanism, field_name="S", appearance=placed)
            cases[str(count)] = Work(partial(made.sign, document, signing_time=NOW), 3)
        times = Times(cases, rounds=ROUNDS)
        figures[f"1000 {what}, to 100"] = times.ratio("1000", "100")
        print(f"1000 {what}: {1e3 * times.median('1000'):.1f} ms, {times.ratio('1000', '100').times()} as long as 100")
    keep("growing", {"how many times as long": figures})


def hashed(file: Path) -> None:
    """What cannot be saved."""
    piece, digest = memoryview(bytearray(1 << 20)), hashlib.sha256()
    with file.open("rb", buffering=0) as opened:
        while count := opened.readinto(piece):
            digest.update(piece[:count])


# --- what it is measured with ----------------------------------------------------------------------------------------


class Tokens:
    """A SoftHSM token with a key of each kind, and who trusts its certificates."""

    def __init__(self, folder: Path) -> None:
        token = softhsm.make_token(folder / "token", label="bench", pin=PIN, so_pin="87654321")
        softhsm.use(token.conf)
        self._pin = folder / "pin"
        self._pin.touch(0o600)
        self._pin.write_text(f"{PIN}\n", "utf-8")
        pki = PKI.create()
        store = self.store(token.module)
        self.keys = {what: self._key(store, pki, what, kind) for what, (kind, _) in KINDS.items()}
        self.trust = TrustStore(anchors=(TrustAnchor(der(pki.root.certificate)),), crls=pki.crls(at=NOW))

    def store(self, module: Path) -> TokenKeyStore:
        """The token, through `module`."""
        return TokenKeyStore(module=module, pin=FilePin(self._pin), defaults=KeyRef(token="bench"))  # noqa: S106

    @staticmethod
    def _key(store: TokenKeyStore, pki: PKI, label: str, kind: KeyKind) -> TokenKey:
        public = load_der_public_key(store.key(generate_key(store, kind=kind, label=label)).public_key)
        chain = pki.chain(pki.issuing.certify(public, name("UBND PHƯỜNG MẪU")))  # type: ignore[arg-type]
        return import_certificates(store, KeyRef(object=label), certificates=chain)


@contextmanager
def raw(key: TokenKey, mechanism: Mechanism) -> Iterator[Callable[[], bytes]]:
    """C_SignInit and C_Sign for `key`, in a session that stays open."""
    # What the key store keeps to itself is what is measured here.
    way = key._way(mechanism)  # noqa: SLF001
    with key._token.session() as lease:  # noqa: SLF001
        handle = key._handle(lease)  # noqa: SLF001
        data = way.before(ATTRIBUTES)
        yield lambda: handle.sign(data, mechanism=way.mechanism, parameter=way.parameter)


def ready_documents(office: Office) -> list[bytes]:
    """Decisions on different people, as a portal would hand them over."""
    template, renderer = load("quyet-dinh"), Renderer()
    return [
        renderer.render(
            template, template.sample, agency=office.agency, number=f"{i * i + 15}/QĐ-UBND", issued=NOW.date(), at=NOW
        ).pdf
        for i in range(8)
    ]


def appearance(agency: Agency) -> Appearance:
    """The agency's mark, in its place."""
    width, height = (side * 72 / 25.4 for side in agency_mark_size(agency))
    return Appearance(
        mark=agency_mark(agency, signer="UBND PHƯỜNG MẪU", signing_time=NOW),
        box=Box(page=0, left=300, bottom=90, width=width, height=height),
    )


class StockSigner(Signer):
    """PyHanko's own way of signing, with our key."""

    def __init__(self, key: SigningKey, mechanism: Mechanism) -> None:
        store = SimpleCertificateStore()
        store.register_multiple([x509.Certificate.load(c) for c in key.certificates])
        super().__init__(signing_cert=x509.Certificate.load(key.certificates[0]), cert_registry=store)
        self._key, self._mechanism = key, mechanism

    async def async_sign_raw(
        self,
        data: bytes,
        digest_algorithm: str,  # noqa: ARG002  # pyHanko's signature
        dry_run: bool = False,  # noqa: FBT001, FBT002  # pyHanko's signature
    ) -> bytes:
        """A signature, or as many bytes."""
        return bytes(384) if dry_run else self._key.sign(data, mechanism=self._mechanism)


def stock(pdf: bytes, key: SigningKey, mechanism: Mechanism, *, visible: bool) -> None:
    """The same by stock pyHanko; what it shows is set in Courier, which needs no font in the file."""
    metadata = PdfSignatureMetadata(field_name="S", md_algorithm="sha256")
    signer = PdfSigner(
        metadata,
        StockSigner(key, mechanism),
        stamp_style=TextStampStyle(stamp_text="UBND PHUONG MAU\n%(ts)s") if visible else None,
        new_field_spec=SigFieldSpec("S", box=(300, 90, 500, 150)) if visible else None,
    )
    signer.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)))


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


if __name__ == "__main__":
    main()
