"""The plain way makes what the general way makes, leaves to it what it does not know, and others accept its files."""

import io
from collections.abc import Callable
from typing import Any

import pikepdf
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from esign.document import Box
from esign.errors import InputError, SigningError
from esign.keys import Mechanism
from esign.pades.inspect import inspect_signatures
from esign.pades.plain_revision import PlainRevision, _Said
from esign.pades.sign import Way, prepare, sign
from esign.pades.signer import Signer
from esign.pades.signing_revision import Appearance, SigningRevision
from esign.report import Integrity
from esign.softkey import SoftwareKey
from esign.syntax.outline import Outline
from esign.trust import TrustAnchor, TrustStore
from tests.support.pki import EPOCH, PKI, der, name
from tests.support.two_ways import both_ways, refused_by_others
from tests.unit.pdf.tools import changed, page, saved
from tests.vectors.pades import generate as g

BOX = Box(page=0, left=300, bottom=90, width=180, height=60)
SEEN = Appearance(mark=g.text("CO QUAN MAU", BOX), box=BOX)
REVISION = SigningRevision(room=2000, field_name="Signature", appearance=SEEN, reason="Phê duyệt (100 %)")
HIDDEN = SigningRevision(room=2000, field_name="Signature")


def signer_of(private: Any, mechanism: Mechanism, **more: Any) -> tuple[Signer, bytes]:
    """A signer whose certificate leads to the root that is returned."""
    pki = PKI.create()
    chain = pki.chain(pki.issuing.certify(private.public_key(), name("UBND PHƯỜNG MẪU")))
    key = SoftwareKey.from_private_key(private, certificates=chain)
    return Signer(key, mechanism=mechanism, field_name="Signature", **more), der(pki.root.certificate)


@pytest.fixture(scope="module")
def signer() -> tuple[Signer, bytes]:
    return signer_of(ec.generate_private_key(ec.SECP256R1()), Mechanism.ECDSA_P256_SHA256, appearance=SEEN)


# --- files as programs write them ------------------------------------------------------------------------------------


def indirect_annotations(pdf: pikepdf.Pdf) -> None:
    note = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Text, Rect=[0, 0, 9, 9], Contents="(ghi) chú"
    )
    pdf.pages[0].obj.Annots = pdf.make_indirect(pikepdf.Array([pdf.make_indirect(note)]))


def own_annotations(pdf: pikepdf.Pdf) -> None:
    note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Text, Rect=[0, 0, 9, 9])
    pdf.pages[0].obj.Annots = pikepdf.Array([note, pdf.make_indirect(note)])


def form(*, direct: bool) -> Callable[[pikepdf.Pdf], None]:
    def add(pdf: pikepdf.Pdf) -> None:
        field = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Tx, T="ho-ten", Rect=[9, 9, 99, 29]
        )
        made = pdf.make_indirect(field)
        own = pikepdf.Dictionary(Fields=[made], DA="/Helv 0 Tf 0 g")
        pdf.Root.AcroForm = own if direct else pdf.make_indirect(own)
        pdf.pages[0].obj.Annots = pikepdf.Array([made])

    return add


def tagged(pdf: pikepdf.Pdf) -> None:
    pdf.Root.MarkInfo = pikepdf.Dictionary(Marked=True)
    pdf.Root.Lang = "vi-VN"
    pdf.Root.StructTreeRoot = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.StructTreeRoot, K=[]))
    pdf.docinfo["/Title"] = "Quyết định"


def nested_pages(pdf: pikepdf.Pdf) -> None:
    pages = pdf.Root.Pages
    inner = pdf.make_indirect(
        pikepdf.Dictionary(Type=pikepdf.Name.Pages, Kids=pages.Kids, Count=pages.Count, Parent=pages)
    )
    for kid in inner.Kids:
        kid.Parent = inner
    pages.Kids = pikepdf.Array([inner])


WRITERS = st.lists(
    st.sampled_from(
        [indirect_annotations, tagged, nested_pages, form(direct=True), form(direct=False), own_annotations]
    ),
    unique=True,
    max_size=4,
)
ENDS = st.sampled_from([b"", b"\n", b"\r\n", b"\n%esign-salt 00112233445566778899aabbccddeeff\n"])


@settings(max_examples=60, deadline=None)
@given(
    parts=WRITERS,
    ending=ENDS,
    pages=st.integers(1, 4),
    place=st.integers(0, 3),
    streams=st.booleans(),
    linearized=st.booleans(),
    earlier=st.integers(0, 2),
    shown=st.booleans(),
)
def test_both_ways_say_the_same(
    parts: list[Callable[[pikepdf.Pdf], None]],
    ending: bytes,
    pages: int,
    place: int,
    earlier: int,
    *,
    streams: bool,
    linearized: bool,
    shown: bool,
) -> None:
    def build(pdf: pikepdf.Pdf) -> None:
        for part in parts:
            part(pdf)

    mode = pikepdf.ObjectStreamMode.generate if streams else pikepdf.ObjectStreamMode.disable
    written = changed(page(pages=pages), build, object_stream_mode=mode, linearize=linearized).rstrip() + ending
    for _ in range(earlier):
        written = g.signed(written, g.LEADER, g.SIGNED, "Leader", None)
    box = Box(page=min(place, pages - 1), left=300, bottom=90, width=180, height=60)
    seen = Appearance(mark=SEEN.mark, box=box) if shown else None
    found = both_ways(written, SigningRevision(room=900, field_name="Signature", appearance=seen))
    assert found == [] or (streams and isinstance(found, str))


@pytest.mark.parametrize(
    "part", [indirect_annotations, own_annotations, tagged, nested_pages, form(direct=True), form(direct=False)]
)
def test_others_accept_what_is_made_the_plain_way(
    part: Callable[[pikepdf.Pdf], None], signer: tuple[Signer, bytes]
) -> None:
    pdf = changed(page(pages=2), part)
    signed = signer[0].sign(pdf, signing_time=EPOCH)
    assert signed.way is Way.PLAIN
    assert list(refused_by_others(signed.document, signer[1], pdf)) == []
    again = signer[0].sign(signed.document, signing_time=EPOCH)
    assert again.way is Way.PLAIN
    assert list(refused_by_others(again.document, signer[1], pdf)) == []
    report = inspect_signatures(again.document, trust=TrustStore(anchors=(TrustAnchor(signer[1]),)), at=EPOCH)
    assert report.integrity is Integrity.INTACT
    assert [s.field_name for s in report.signatures] == ["Signature", "Signature2"]


# --- what is left to the general way ---------------------------------------------------------------------------------


def twice(pdf: bytes) -> bytes:
    return pdf.replace(b"/Type /Catalog", b"/Type /Catalog /Lang (vi) /Lang (en)", 1)


def commented(pdf: bytes) -> bytes:
    return pdf.replace(b"/Type /Catalog", b"/Type /Catalog % the root\n", 1)


def spelt_oddly(pdf: bytes) -> bytes:
    return pdf.replace(b"/Type /Catalog", b"/Type /Catalog /Acro#46orm null", 1)


def moved(pdf: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """`pdf` after `change`, its only table of references corrected by qpdf's own search."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        plain = saved(opened, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    at = plain.index(b"1 0 obj")
    longer = change(plain)
    grown = len(longer) - len(plain)
    head, _, rows = longer.partition(b"xref\n")
    lines = rows.split(b"\n")
    for i, line in enumerate(lines):
        if line.endswith(b" n ") and int(line[:10]) > at:
            lines[i] = b"%010d%s" % (int(line[:10]) + grown, line[10:])
        if line == b"startxref":
            lines[i + 1] = b"%d" % (int(lines[i + 1]) + grown)
    return head + b"xref\n" + b"\n".join(lines)


@pytest.mark.parametrize("change", [twice, commented, spelt_oddly])
def test_what_is_written_oddly_goes_the_general_way(
    change: Callable[[bytes], bytes], signer: tuple[Signer, bytes]
) -> None:
    odd = moved(page(), change)
    signed = signer[0].sign(odd, signing_time=EPOCH)
    assert signed.way is Way.GENERAL
    assert list(refused_by_others(signed.document, signer[1], odd)) == []


def test_streams_of_references_go_the_general_way(signer: tuple[Signer, bytes]) -> None:
    pdf = changed(page(), tagged, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    signed = signer[0].sign(pdf, signing_time=EPOCH)
    assert signed.way is Way.GENERAL
    assert list(refused_by_others(signed.document, signer[1], pdf)) == []


def beside_a_tree(pdf: pikepdf.Pdf) -> None:
    """As in a result whose number is given when it is released: fields below a field, which are left alone."""
    empty_field()(pdf)
    above = pdf.make_indirect(pikepdf.Dictionary(T="esign"))
    below = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Tx, T="Signature", Rect=[0, 0, 9, 9]
    )
    below.Parent = above
    above.Kids = pikepdf.Array([pdf.make_indirect(below)])
    pdf.Root.AcroForm.Fields.insert(0, above)
    pdf.pages[0].obj.Annots.append(above.Kids[0])


def empty_field(**more: Any) -> Callable[[pikepdf.Pdf], None]:
    """A form with an empty field where `SEEN` goes, and another one."""

    def build(pdf: pikepdf.Pdf) -> None:
        fields = [
            pdf.make_indirect(
                pikepdf.Dictionary(
                    {
                        "/Type": pikepdf.Name.Annot,
                        "/Subtype": pikepdf.Name.Widget,
                        "/FT": pikepdf.Name.Sig,
                        "/T": name,
                        "/Rect": rectangle,
                        "/P": pdf.pages[0].obj,
                        **{f"/{key}": value for key, value in more.items()},
                    }
                )
            )
            for name, rectangle in (("Signature", [300, 90, 480, 150.0]), ("Other", [0, 0, 9, 9]))
        ]
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=fields, SigFlags=3)
        pdf.pages[0].obj.Annots = pikepdf.Array(fields)

    return build


@pytest.mark.parametrize("earlier", [0, 1])
@pytest.mark.parametrize(
    ("part", "revision"),
    [
        (empty_field(), REVISION),
        (empty_field(AP=pikepdf.Dictionary(), F=4, TU="chữ ký", Rect=[300.004, 90, 480, 150]), REVISION),
        (empty_field(Rect=[0, 0, 0, 0]), HIDDEN),
        (beside_a_tree, REVISION),
    ],
)
def test_an_empty_field_that_is_there_is_signed(
    part: Callable[[pikepdf.Pdf], None], revision: SigningRevision, earlier: int, signer: tuple[Signer, bytes]
) -> None:
    pdf = changed(page(), part)
    for _ in range(earlier):
        pdf = g.signed(pdf, g.LEADER, g.SIGNED, "Leader", None)
    assert both_ways(pdf, revision) == []
    signed = signer[0].sign(pdf, signing_time=EPOCH)
    assert list(refused_by_others(signed.document, signer[1], pdf)) == []
    if revision is REVISION:
        assert signed.way is Way.PLAIN
        again = signer[0].sign(signed.document, signing_time=EPOCH)
        report = inspect_signatures(again.document, trust=TrustStore(anchors=(TrustAnchor(signer[1]),)), at=EPOCH)
        assert [s.field_name for s in report.signatures][earlier:] == ["Signature", "Signature2"]


@pytest.mark.parametrize("spelt", [rb"(\(K)(\)x)", rb"(ab\\)(c)", b"(a\rb)(c)", b"(a\\\nb]x)(c>>)", b"<00><11>"])
def test_an_identity_may_be_spelt_in_any_way(spelt: bytes) -> None:
    """Random bytes in a literal string: brackets and backslashes come with a backslash before them (§7.3.4.2)."""
    pdf = g.signed(changed(page(), beside_a_tree), g.LEADER, g.SIGNED, "Leader", None)
    start = pdf.rindex(b"/ID")
    assert both_ways(pdf[:start] + b"/ID[" + spelt + pdf[pdf.index(b"/Prev", start) - 1 :], REVISION) == []


@pytest.mark.parametrize(
    "more",
    [
        {"Rect": [300, 90, 480, 151]},
        {"Rect": [300, 90, 480]},
        {"P": pikepdf.String("elsewhere")},
        {"V": pikepdf.String("none")},
        {"FT": pikepdf.Name.Tx},
        {"Lock": pikepdf.Dictionary(Type=pikepdf.Name.SigFieldLock, Action=pikepdf.Name.All)},
        {"Kids": pikepdf.Array()},
    ],
)
def test_an_empty_field_of_another_kind_is_left_to_the_general_way(more: dict[str, Any]) -> None:
    pdf = changed(page(), empty_field(**more)).replace(b"/V (none)", b"/V null  ")
    assert isinstance(both_ways(pdf, REVISION), str)


def test_an_object_that_seems_to_end_within_is_left_to_the_general_way(signer: tuple[Signer, bytes]) -> None:
    pdf = changed(page(), lambda p: p.Root.__setitem__("/Mine", pikepdf.String("endobj")))
    signed = signer[0].sign(pdf, signing_time=EPOCH)
    assert signed.way is Way.GENERAL
    assert list(refused_by_others(signed.document, signer[1], pdf)) == []


@pytest.mark.parametrize("cut", [b"", b"%PDF-1.7\n", b"no pdf at all"])
def test_what_is_no_document_is_refused(cut: bytes, signer: tuple[Signer, bytes]) -> None:
    with pytest.raises(InputError):
        signer[0].sign(cut, signing_time=EPOCH)


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 10**6), byte=st.integers(0, 255), count=st.integers(1, 4))
def test_a_broken_file_is_never_made_worse(at: int, byte: int, count: int) -> None:
    """Where the plain way still recognises a broken file, it says no more of it than the general way does."""
    broken = bytearray(changed(page(pages=2), tagged))
    at %= len(broken) - count
    broken[at : at + count] = bytes([byte]) * count
    try:
        found = both_ways(bytes(broken), REVISION)
    except InputError:
        return  # the general way refuses it; what comes out of the plain one is read back before it is released
    # A stream without its end goes on into what is appended, where each way has its own order.
    assert isinstance(found, str) or all(d.endswith(": data") or d.startswith("revisions: 2 ") for d in found)


# --- the container ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "mechanism"),
    [
        (lambda: rsa.generate_private_key(65537, 2048), Mechanism.RSA_PKCS1_SHA256),
        (lambda: rsa.generate_private_key(65537, 2048), Mechanism.RSA_PSS_SHA384),
        (lambda: ec.generate_private_key(ec.SECP384R1()), Mechanism.ECDSA_P384_SHA384),
    ],
)
def test_every_mechanism(make: Callable[[], Any], mechanism: Mechanism) -> None:
    signer, root = signer_of(make(), mechanism)
    for _ in range(12):  # an ECDSA signature has one of several lengths
        signed = signer.sign(page(), signing_time=EPOCH)
        report = inspect_signatures(signed.document, trust=TrustStore(anchors=(TrustAnchor(root),)), at=EPOCH)
        assert report.integrity is Integrity.INTACT
    assert list(refused_by_others(signed.document, root, page())) == []


def test_a_prefix_is_hashed_once_and_changes_nothing() -> None:
    private = rsa.generate_private_key(65537, 2048)
    pdf = page()
    plain, _ = signer_of(private, Mechanism.RSA_PKCS1_SHA256)
    own = plain.sign(pdf, signing_time=EPOCH).document
    for prefix in (pdf[:500], pdf, b"another"):
        pki_key = plain._key
        other = Signer(pki_key, mechanism=Mechanism.RSA_PKCS1_SHA256, field_name="Signature", prefix=prefix)
        assert other.sign(pdf, signing_time=EPOCH).document == own


def test_the_two_halves_make_the_same(signer: tuple[Signer, bytes]) -> None:
    rsa_signer, _ = signer_of(rsa.generate_private_key(65537, 2048), Mechanism.RSA_PKCS1_SHA256)
    key, pdf = rsa_signer._key, page()
    halves = sign(
        prepare(
            pdf,
            certificates=key.certificates,
            mechanism=Mechanism.RSA_PKCS1_SHA256,
            signing_time=EPOCH,
            field_name="Signature",
        ),
        key,
    )
    assert rsa_signer.sign(pdf, signing_time=EPOCH).document == halves


def test_another_thread_signs_another_document_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = page(), page(pages=2)
    plain = PlainRevision(REVISION)
    alone = plain.behind(one, EPOCH).document
    fits = _Said.fits

    def interrupted(said: _Said, outline: Outline) -> bool:
        found = fits(said, outline)
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(_Said, "fits", fits)
            plain.behind(other, EPOCH)
        return found

    monkeypatch.setattr(_Said, "fits", interrupted)
    assert plain.behind(one, EPOCH).document == alone


class _Mismatched:
    """A key that shows another key's certificate."""

    def __init__(self, key: SoftwareKey, certificates: tuple[bytes, ...]) -> None:
        self._key = key
        self.certificates = certificates

    def __getattr__(self, name: str) -> Any:
        return getattr(self._key, name)


def test_a_key_with_another_keys_certificate_makes_no_signer(signer: tuple[Signer, bytes]) -> None:
    mine = SoftwareKey.from_private_key(ec.generate_private_key(ec.SECP256R1()))
    key: Any = _Mismatched(mine, signer[0]._key.certificates)
    with pytest.raises(SigningError):
        Signer(key, mechanism=Mechanism.ECDSA_P256_SHA256, field_name="S")
