"""An update that only looks into its document writes the very bytes that one writes that reads it whole."""

from collections.abc import Callable
from dataclasses import replace

import pikepdf
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from esign.document import Box
from esign.errors import InputError
from esign.keys import Mechanism
from esign.pades.fields import AGENCY_FIELD, PERSON_FIELD, FilledField, ReleaseName, add_release_fields
from esign.pades.inspect import inspect_signatures
from esign.pades.revision import stamp
from esign.pades.sign import Way
from esign.pades.signer import Signer
from esign.pades.signing_revision import Appearance, SigningRevision, add_signing_revision
from esign.pades.store import StoreEntry, add_to_store
from esign.pades.timestamp import prepare_timestamp
from esign.report import Integrity
from esign.softkey import SoftwareKey
from esign.trust import Evidence, TrustAnchor, TrustStore
from tests.support.pki import EPOCH, PKI, der, name
from tests.support.two_ways import looking_only, reading_whole, refused_by_others
from tests.unit.pades.test_plain_revision import ENDS, WRITERS, commented, moved, spelt_oddly, tagged, twice
from tests.unit.pdf.tools import assert_clean, changed, page
from tests.vectors.pades import generate as g

PLACE = Box(page=0, left=60, bottom=90, width=66, height=70)
AGENCY = Box(page=0, left=300, bottom=90, width=180, height=60)
PERSON = replace(AGENCY, left=360)
URL = "https://q.example.gov.vn/1#(12)"
SEEN = Appearance(mark=g.text("CO QUAN MAU", AGENCY), box=AGENCY)

Step = Callable[[bytes], bytes]


def sealed(pdf: bytes) -> bytes:
    return stamp(pdf, g.text("TEM QR", PLACE), PLACE, url=URL)


def with_empty_fields(pdf: bytes) -> bytes:
    return add_release_fields(
        pdf, [], agency_box=AGENCY, alt="Chữ ký số của cơ quan", person_box=PERSON, person_alt="Chữ ký số"
    )


def with_blanks(pdf: bytes) -> bytes:
    return add_release_fields(pdf, g.FIELDS, agency_box=None, alt="Chữ ký số của cơ quan")


def released(pdf: bytes) -> bytes:
    """Blanks, filled and locked in the revision that is to be signed."""
    fill = tuple(FilledField(f.name, "" if f.name == ReleaseName.SEAL else "05", g.text("05", f.box)) for f in g.FIELDS)
    revision = SigningRevision(room=900, field_name=AGENCY_FIELD, fill=fill, lock=g.LOCK, seal_url=URL)
    return add_signing_revision(with_blanks(pdf), revision, EPOCH).document


def signed_to_be(pdf: bytes) -> bytes:
    return add_signing_revision(pdf, SigningRevision(room=900, field_name="S", appearance=SEEN), EPOCH).document


def stamped(pdf: bytes) -> bytes:
    return prepare_timestamp(pdf, digest="sha256", room=900).document


def with_store(pdf: bytes) -> bytes:
    evidence = Evidence(certificates=(b"certificate",), crls=(b"list" * 2000,), ocsps=())
    once = add_to_store(pdf, [StoreEntry(contents=b"one", evidence=evidence)])
    return add_to_store(once, [StoreEntry(contents=b"two", evidence=replace(evidence, ocsps=(b"answer",)))])


STEPS = st.lists(
    st.sampled_from([sealed, with_empty_fields, with_blanks, signed_to_be, stamped, with_store, released]),
    min_size=1,
    max_size=3,
)


def made(pdf: bytes, steps: list[Step]) -> bytes | str:
    """`pdf` after `steps`; or why not."""
    try:
        for step in steps:
            pdf = step(pdf)
    except InputError as e:
        return e.code
    return pdf


@settings(max_examples=60, deadline=None)
@given(
    parts=WRITERS,
    ending=ENDS,
    pages=st.integers(1, 3),
    streams=st.booleans(),
    linearized=st.booleans(),
    earlier=st.booleans(),
    steps=STEPS,
)
def test_looking_and_reading_write_the_same(
    parts: list[Callable[[pikepdf.Pdf], None]],
    ending: bytes,
    pages: int,
    steps: list[Step],
    *,
    streams: bool,
    linearized: bool,
    earlier: bool,
) -> None:
    def build(pdf: pikepdf.Pdf) -> None:
        for part in parts:
            part(pdf)

    mode = pikepdf.ObjectStreamMode.generate if streams else pikepdf.ObjectStreamMode.disable
    pdf = changed(page(pages=pages), build, object_stream_mode=mode, linearize=linearized).rstrip() + ending
    if earlier:
        pdf = g.signed(pdf, g.LEADER, g.SIGNED, "Leader", None)
    with reading_whole():
        wanted = made(pdf, steps)
    if streams:
        assert made(pdf, steps) == wanted
        return
    # Twice: what is kept of the first document must be as it was when the second asks.
    with looking_only():
        assert made(pdf, steps) == wanted
        assert made(pdf, steps) == wanted


ALONE = pytest.mark.parametrize("step", [sealed, with_empty_fields, with_blanks, released, with_store])


@ALONE
@pytest.mark.parametrize("change", [twice, commented, spelt_oddly])
def test_an_object_may_be_spelt_in_any_way(change: Callable[[bytes], bytes], step: Step) -> None:
    odd = moved(page(), change)
    with reading_whole():
        wanted = step(odd)
    with looking_only():
        assert step(odd) == wanted


def seems_to_end_within(pdf: pikepdf.Pdf) -> None:
    pdf.Root.Mine = pikepdf.String("endobj")


def annotations_between_blanks(pdf: pikepdf.Pdf) -> None:
    """An array that is an object of its own, and contents that are one too."""
    pdf.pages[0].obj.Annots = pdf.make_indirect(pikepdf.Array())
    pdf.pages[0].obj.Contents = pdf.make_indirect(pikepdf.Array([pdf.pages[0].obj.Contents]))


def large(pdf: pikepdf.Pdf) -> None:
    pdf.Root.Mine = pikepdf.Array([pikepdf.String("x" * 90)] * 90)


@ALONE
@pytest.mark.parametrize(
    ("build", "streams", "read"),
    [
        (tagged, True, True),
        (seems_to_end_within, False, True),
        (annotations_between_blanks, False, False),
        (large, False, False),
    ],
)
def test_what_is_read_whole_is_told(
    build: Callable[[pikepdf.Pdf], None], step: Step, caplog: pytest.LogCaptureFixture, *, streams: bool, read: bool
) -> None:
    mode = pikepdf.ObjectStreamMode.generate if streams else pikepdf.ObjectStreamMode.disable
    pdf = changed(page(), build, object_stream_mode=mode)
    with reading_whole():
        wanted = step(pdf)
    caplog.clear()
    caplog.set_level("DEBUG", "esign.syntax.newest")
    assert step(pdf) == wanted
    assert any("read whole" in r.message for r in caplog.records) is read
    assert_clean(wanted)


@settings(max_examples=150, deadline=None)
@given(
    at=st.integers(0, 10**6),
    byte=st.integers(0, 255),
    count=st.integers(1, 4),
    step=st.sampled_from([sealed, with_empty_fields]),
)
def test_a_broken_file_is_never_made_worse(at: int, byte: int, count: int, step: Step) -> None:
    """Where a broken file is still recognised by its outline, nothing else is written than by reading it."""
    broken = bytearray(changed(page(pages=2), tagged))
    at %= len(broken) - count
    broken[at : at + count] = bytes([byte]) * count
    with reading_whole():
        wanted = made(bytes(broken), [step])
    assert made(bytes(broken), [step]) == wanted


def test_others_accept_what_is_made_by_looking() -> None:
    pki, private = PKI.create(), ec.generate_private_key(ec.SECP256R1())
    chain = pki.chain(pki.issuing.certify(private.public_key(), name("UBND PHƯỜNG MẪU")))
    key = SoftwareKey.from_private_key(private, certificates=chain)
    pdf = changed(page(pages=2), tagged)
    with looking_only():
        ready = with_empty_fields(sealed(pdf))
        assert_clean(ready)
        for field, box in ((PERSON_FIELD, PERSON), (AGENCY_FIELD, AGENCY)):
            signer = Signer(
                key,
                mechanism=Mechanism.ECDSA_P256_SHA256,
                field_name=field,
                appearance=Appearance(mark=SEEN.mark, box=box),
            )
            signed = signer.sign(ready, signing_time=EPOCH)
            assert signed.way is Way.PLAIN
            assert list(refused_by_others(signed.document, der(pki.root.certificate), ready)) == []
            ready = signed.document
    trust = TrustStore(anchors=(TrustAnchor(der(pki.root.certificate)),))
    report = inspect_signatures(ready, trust=trust, at=EPOCH)
    assert report.integrity is Integrity.INTACT
    assert [s.field_name for s in report.signatures] == [PERSON_FIELD, AGENCY_FIELD]
