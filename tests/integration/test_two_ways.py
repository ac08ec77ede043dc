"""Files that others made, signed the plain way and the general way: the same documents, which others accept."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader

from esign.document import Box
from esign.errors import InputError
from esign.keys import Mechanism
from esign.pades.fields import add_release_fields
from esign.pades.revision import stamp
from esign.pades.signer import Signer
from esign.pades.signing_revision import Appearance, SigningRevision
from esign.softkey import SoftwareKey
from esign.syntax import read
from esign.syntax.newest import PlainView, newest
from tests.support.pki import EPOCH, PKI, der, name
from tests.support.two_ways import both_ways, reading_whole, refused_by_others, unlike
from tests.vectors.pades import generate as g

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not CORPUS.exists(), reason="../shared/corpus is not part of the project"),
]
BOX = Box(page=0, left=300, bottom=90, width=180, height=60)
SEEN = Appearance(mark=g.text("CO QUAN MAU", BOX), box=BOX)
MOST = 4 << 20


def test_unsigned_files_of_others(capsys: pytest.CaptureFixture[str]) -> None:
    pki = PKI.create()
    private = ec.generate_private_key(ec.SECP256R1())
    key = SoftwareKey.from_private_key(
        private, certificates=pki.chain(pki.issuing.certify(private.public_key(), name("UBND PHƯỜNG MẪU")))
    )
    signer = Signer(key, mechanism=Mechanism.ECDSA_P256_SHA256, field_name="Signature", appearance=SEEN)
    revision = SigningRevision(room=900, field_name="Signature", appearance=SEEN)
    plain, general, refused, accepted = 0, dict[str, int](), 0, 0
    for case in json.loads((CORPUS / "manifest.json").read_text("utf-8")):
        pdf = (CORPUS / "files" / case["file"]).read_bytes()
        if b"/ByteRange" in pdf or len(pdf) > MOST:
            continue
        try:
            found = both_ways(pdf, revision)
        except InputError:
            refused += 1
            continue
        if isinstance(found, str):
            general[found] = general.get(found, 0) + 1
            continue
        plain += 1
        assert found == [], case["file"]
        # What others cannot read before cannot be accepted after.
        if read(pdf).problems == () and _opens(pdf):
            signed = signer.sign(pdf, signing_time=EPOCH).document
            accepted += 1
            assert list(refused_by_others(signed, der(pki.root.certificate), pdf)) == [], case["file"]
    with capsys.disabled():
        print(
            f"\nunsigned files of the corpus: {plain} plain, {general} general, {refused} refused,"
            f" {accepted} shown to others"
        )
    assert plain >= 5


def test_files_of_others_are_looked_into_as_they_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    looked, whole, refused = 0, 0, 0
    for case in json.loads((CORPUS / "manifest.json").read_text("utf-8")):
        pdf = (CORPUS / "files" / case["file"]).read_bytes()
        if len(pdf) > MOST:
            continue
        with reading_whole():
            wanted = _updated(pdf)
        assert _updated(pdf) == wanted, case["file"]
        try:
            view = newest(pdf)
        except InputError:
            refused += 1
            continue
        if isinstance(view, PlainView):
            looked += 1
            assert list(unlike(view, read(pdf).latest)) == [], case["file"]
        else:
            whole += 1
    with capsys.disabled():
        print(f"\nfiles of the corpus: {looked} looked into, {whole} read whole, {refused} refused")
    assert looked >= 5


def _updated(pdf: bytes) -> tuple[bytes | str, bytes | str]:
    """The file with a seal, and with empty fields; or why not."""

    def tried(update: Callable[..., bytes], *given: object, **more: object) -> bytes | str:
        try:
            return update(pdf, *given, **more)
        except InputError as e:
            return e.code

    sealed = tried(stamp, SEEN.mark, BOX, url="https://q.example.gov.vn/1#1")
    return sealed, tried(add_release_fields, g.FIELDS, agency_box=BOX, alt="-")


def _opens(pdf: bytes) -> bool:
    """Whether others read it at all."""
    try:
        PdfFileReader(io.BytesIO(pdf), strict=False)
        with pikepdf.open(io.BytesIO(pdf)) as opened:
            return len(opened.pages) > 0
    except (pikepdf.PdfError, PdfError):
        return False
