import ast
import json
import string
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import esign.pdf
from esign.errors import Error, PreflightError
from esign.pdf import find_places
from esign.pdf.preflight import preflight
from esign.profile import ContentPolicy, IssuanceProfile
from esign.texts import LANGUAGES, catalogue
from tests.unit.pdf.tools import Form, changed, page, saved

PROFILE = IssuanceProfile()
Dictionary, Name, Array, String = pikepdf.Dictionary, pikepdf.Name, pikepdf.Array, pikepdf.String
CORPUS = Path(__file__).parents[3] / "../shared/corpus"


def codes(pdf: bytes, profile: IssuanceProfile = PROFILE) -> list[str]:
    return [f.code for f in preflight(pdf, profile).findings]


def test_a_plain_page_is_issuable() -> None:
    report = preflight(page(pages=3), PROFILE)
    assert report.issuable
    assert (report.pages, report.pdfa, report.has_form) == (3, "", False)
    assert report.page_mm == pytest.approx((210, 297), abs=0.5)
    assert [n.code for n in report.notices] == ["fonts-not-embedded"]
    report.require()


def test_require_raises_with_all_findings() -> None:
    with pytest.raises(PreflightError) as error:
        preflight(b"GIF89a", PROFILE).require()
    assert error.value.code == "document-not-issuable"
    assert [f.code for f in error.value.findings] == ["not-a-pdf"]


def test_size_is_looked_at_before_the_bytes() -> None:
    assert codes(b"x" * 101, replace(PROFILE, max_bytes=100)) == ["pdf-too-large"]
    assert codes(b"x" * 100, replace(PROFILE, max_bytes=100)) == ["not-a-pdf"]


def test_too_many_pages() -> None:
    assert codes(page(pages=6), replace(PROFILE, max_pages=5)) == ["too-many-pages"]
    assert codes(page(pages=5), replace(PROFILE, max_pages=5)) == []


def test_no_pages() -> None:
    assert "pdf-no-pages" in codes(saved(pikepdf.new()))


@pytest.mark.parametrize(
    ("pdf", "code"),
    [
        (b"\n" + page(), "pdf-header-not-first"),
        (b"\xef\xbb\xbf" + page(), "pdf-header-not-first"),
        (page() + b"PK\x03\x04junk", "pdf-trailing-bytes"),
        (page()[:-200], "pdf-damaged"),
        (page().replace(b"%%EOF", b"%%EEE"), "pdf-damaged"),
        (page().replace(b"startxref", b"startxxxx"), "pdf-damaged"),
        (page().replace(b"/Count", b"/Cuont"), "pdf-damaged"),
        (b"%PDF-1.7\n%%EOF", "pdf-damaged"),
        (b"%PDF-1.7\n" + b"[" * 200_000 + b"\n%%EOF", "pdf-damaged"),
        (page(MediaBox=Name.X), "pdf-damaged"),
        (page(Rotate=45), "pdf-damaged"),
        (page(media=(0, 0, 3, 3)), "page-size-insane"),
        (page(UserUnit=75), "page-size-insane"),
    ],
)
def test_damage_and_odd_ends(pdf: bytes, code: str) -> None:
    assert code in codes(pdf)


def test_white_space_after_the_end_is_no_junk() -> None:
    assert codes(page().rstrip() + b"\r\n \n\x00") == []
    assert codes(page().rstrip()) == []


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"encryption": pikepdf.Encryption(owner="o", user="u")}, "a password"),
        ({"encryption": pikepdf.Encryption(owner="o", user="")}, "an empty user password"),
        ({"encryption": pikepdf.Encryption(owner="", user="", R=4, aes=False, metadata=False)}, "RC4"),
    ],
    ids=["password", "empty", "rc4"],
)
def test_encryption_is_found_even_where_no_reader_asks(options: dict[str, Any], what: str) -> None:
    assert codes(changed(page(), lambda _: None, **options)) == ["pdf-encrypted"], what


def signed(pdf: pikepdf.Pdf, **extra: Any) -> None:
    value = pdf.make_indirect(
        Dictionary(
            Type=Name.Sig, Filter=Name("/Adobe.PPKLite"), Contents=String("00"), ByteRange=Array([0, 1, 2, 3]), **extra
        )
    )
    field = pdf.make_indirect(Dictionary(FT=Name.Sig, T=String("S"), V=value))
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]))


def test_a_signature_is_found_in_a_field_and_without_one() -> None:
    assert codes(changed(page(), signed)) == ["already-signed"]

    def loose(pdf: pikepdf.Pdf) -> None:
        signed(pdf)
        del pdf.Root.AcroForm
        pdf.Root.X = pdf.make_indirect(Dictionary(ByteRange=Array([0, 1, 2, 3]), Contents=String("00")))

    assert codes(changed(page(), loose, object_stream_mode=pikepdf.ObjectStreamMode.generate)) == ["already-signed"]


def test_an_empty_signature_field_is_no_signature() -> None:
    def empty(pdf: pikepdf.Pdf) -> None:
        pdf.Root.AcroForm = Dictionary(Fields=Array([pdf.make_indirect(Dictionary(FT=Name.Sig, T=String("S")))]))

    report = preflight(changed(page(), empty), PROFILE)
    assert report.issuable
    assert report.has_form


def test_a_field_with_a_value_that_is_no_signature_counts() -> None:
    def odd(pdf: pikepdf.Pdf) -> None:
        pdf.Root.AcroForm = Dictionary(Fields=Array([Dictionary(FT=Name.Sig, V=Dictionary(A=1))]))

    assert codes(changed(page(), odd)) == ["already-signed"]


def test_a_signature_that_a_later_revision_hides_is_still_in_the_file() -> None:
    pdf = changed(page(), signed, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    hidden = changed(page(), lambda _: None)
    assert codes(hidden) == []
    # The old revision stands in front of the new one, whose offsets are shifted: a comment carries it here.
    start = pdf.index(b"/ByteRange")
    comment = b"%" + pdf[start : start + 40].replace(b"\n", b" ") + b"\n"
    assert "already-signed" in codes(hidden.rstrip() + b"\n" + comment + b"%%EOF\n")


@pytest.mark.parametrize(("permission", "forbids"), [(1, True), (2, False), (3, False)])
def test_a_certification_that_forbids_changes_is_named(permission: int, *, forbids: bool) -> None:
    def certified(pdf: pikepdf.Pdf) -> None:
        reference = Dictionary(TransformMethod=Name.DocMDP, TransformParams=Dictionary(P=permission, V=Name("/1.2")))
        signed(pdf, Reference=Array([reference]))
        pdf.Root.Perms = Dictionary(DocMDP=pdf.Root.AcroForm.Fields[0].V)

    found = codes(changed(page(), certified))
    assert ("signature-forbids-changes" in found) is forbids
    assert "already-signed" in found


def test_usage_rights_count_as_signed() -> None:
    def rights(pdf: pikepdf.Pdf) -> None:
        pdf.Root.Perms = Dictionary(UR3=pdf.make_indirect(Dictionary(A=1)))

    assert codes(changed(page(), rights)) == ["already-signed"]


def _annotation(**entries: Any) -> Callable[[pikepdf.Pdf], None]:
    def change(pdf: pikepdf.Pdf) -> None:
        annotation = Dictionary(Type=Name.Annot, Rect=Array([10, 10, 20, 20]), **entries)
        pdf.pages[0].obj.Annots = Array([pdf.make_indirect(annotation)])

    return change


def _root(**entries: Any) -> Callable[[pikepdf.Pdf], None]:
    def change(pdf: pikepdf.Pdf) -> None:
        for key, value in entries.items():
            pdf.Root[f"/{key}"] = value

    return change


def _javascript_names(pdf: pikepdf.Pdf) -> None:
    action = pdf.make_indirect(Dictionary(S=Name.JavaScript, JS=String("app.alert(1)")))
    pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([String("x"), action])))


def _attached(name: str) -> Callable[[pikepdf.Pdf], None]:
    def change(pdf: pikepdf.Pdf) -> None:
        pdf.attachments[name] = b"content"

    return change


ACTIVE: dict[str, Callable[[pikepdf.Pdf], None]] = {
    "JavaScript": _javascript_names,
    "AA": _root(AA=Dictionary(WC=Dictionary(S=Name.Named, N=Name.NextPage))),
    "OpenAction": _root(OpenAction=Dictionary(S=Name.JavaScript, JS=String("1"))),
    "Launch": _annotation(Subtype=Name.Link, A=Dictionary(S=Name.Launch, F=String("x"))),
    "SubmitForm": _annotation(Subtype=Name.Link, A=Dictionary(S=Name.SubmitForm, F=String("http://x"))),
    "ImportData": _annotation(Subtype=Name.Link, A=Dictionary(S=Name.ImportData, F=String("x"))),
    "GoToE": _annotation(Subtype=Name.Link, A=Dictionary(S=Name.GoToE)),
    "Rendition": _annotation(Subtype=Name.Link, A=Dictionary(S=Name.URI, Next=Array([Dictionary(S=Name.Rendition)]))),
    "RichMedia": _annotation(Subtype=Name.RichMedia),
    "3D": _annotation(Subtype=Name("/3D")),
    "Movie": _annotation(Subtype=Name.Movie),
    "Sound": _annotation(Subtype=Name.Sound),
    "Screen": _annotation(Subtype=Name.Screen),
    "EmbeddedFile": _attached("setup.exe"),
}


@pytest.mark.parametrize("kind", sorted(ACTIVE))
@pytest.mark.parametrize("packed", [False, True])
def test_active_content_is_refused_or_noted_as_the_profile_says(kind: str, *, packed: bool) -> None:
    mode = pikepdf.ObjectStreamMode.generate if packed else pikepdf.ObjectStreamMode.disable
    pdf = changed(page(), ACTIVE[kind], object_stream_mode=mode)
    refused = preflight(pdf, PROFILE)
    assert kind in [f.facts["kind"] for f in refused.findings if f.code == "active-content"]
    assert {f.code for f in refused.findings} == {"active-content"}
    allowed = preflight(pdf, replace(PROFILE, active_content=ContentPolicy.ALLOW))
    assert allowed.issuable
    assert kind in [n.facts.get("kind") for n in allowed.notices]


def test_a_name_that_is_spelled_in_hexadecimal_is_the_same_name() -> None:
    pdf = changed(page(), ACTIVE["Launch"]).replace(b"/Launch", b"/L#61unch")
    # The offsets after it are wrong now; what matters is that it is seen beside the damage.
    assert "active-content" in codes(pdf)


@pytest.mark.parametrize(
    "change",
    [
        _root(OpenAction=Array([0, Name.Fit])),
        _root(OpenAction=Dictionary(S=Name.GoTo, D=Array([0, Name.Fit]))),
        _annotation(Subtype=Name.Link, A=Dictionary(S=Name.URI, URI=String("https://dichvucong.gov.vn"))),
        _annotation(Subtype=Name.FreeText, Contents=String("/S /JavaScript /JS (x)")),
        _attached("data.json"),
    ],
    ids=["destination", "goto", "uri", "text", "attachment"],
)
def test_links_destinations_and_plain_attachments_are_not_active(change: Callable[[pikepdf.Pdf], None]) -> None:
    assert codes(changed(page(), change)) == []


def test_an_xfa_form_is_refused_even_where_active_content_is_allowed() -> None:
    pdf = changed(page(), _root(AcroForm=Dictionary(Fields=Array([]), XFA=String("<xdp/>"))))
    assert codes(pdf, replace(PROFILE, active_content=ContentPolicy.ALLOW)) == ["pdf-xfa"]


def test_a_hybrid_cross_reference_is_refused() -> None:
    data = page()
    pdf = data.replace(b"trailer <<", b"trailer << /XRefStm 15", 1)
    assert pdf != data
    assert "pdf-hybrid-xref" in codes(pdf)


def test_notices() -> None:
    def many(pdf: pikepdf.Pdf) -> None:
        pdf.Root.OCProperties = Dictionary(OCGs=Array([]), D=Dictionary())
        pdf.Root.AcroForm = Dictionary(Fields=Array([]), NeedAppearances=True)
        pdf.attachments["a.txt"] = b"x"

    notices = {n.code for n in preflight(changed(page(), many), PROFILE).notices}
    assert notices == {"pdf-has-layers", "form-needs-appearances", "pdf-has-attachments", "fonts-not-embedded"}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_secrecy_mark_on_the_first_page_is_refused(form: Form) -> None:
    from datetime import UTC, datetime

    from esign.pdf import FontSet
    from esign.pdf._typst import Project

    fonts = FontSet.find()

    def made(first: str, second: str) -> bytes:
        source = b"""#let input = json(bytes(sys.inputs.input))
#set text(font: input.font, fallback: false)
#grid(columns: (1fr, 1fr), input.first, [Ha Noi])
#pagebreak()
#input.second"""
        inputs = {"font": fonts.family, "first": first, "second": second}
        project = Project("x", {"x.typ": source}, main="x.typ", fonts=fonts)
        return project.typeset(inputs, at=datetime(2026, 1, 1, tzinfo=UTC)).pdf

    found = preflight(made(unicodedata.normalize(form, "TỐI MẬT"), "x"), PROFILE).findings
    assert [(f.code, f.facts["mark"]) for f in found] == [("secrecy-mark", "TỐI MẬT")]
    assert codes(made("Luật Bảo vệ bí mật nhà nước", "MẬT")) == []


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_bytes_end_in_a_report(data: st.DataObject) -> None:
    pdf = bytearray(page(b"BT /F 12 Tf (x) Tj ET") if data.draw(st.booleans()) else b"%PDF-1.7\n")
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(pdf)))
        pdf[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=12))
    preflight(bytes(pdf), PROFILE)
    with suppress(Error):
        find_places(bytes(pdf), seal=(28, 29), signature=(87, 36))


@pytest.mark.shared
def test_the_corpus_of_other_validators() -> None:
    if not CORPUS.is_dir():
        pytest.skip("../shared/corpus is missing")
    outcome: dict[str, list[str]] = {}
    for entry in json.loads((CORPUS / "manifest.json").read_text()):
        pdf = (CORPUS / "files" / entry["file"]).read_bytes()
        report = preflight(pdf, PROFILE)
        with suppress(Error):
            find_places(pdf, seal=(28.3, 28.9), signature=(87.5, 36))
        if entry["expect"]["verdict"] == "no_signature":
            outcome[entry["file"]] = [f.code for f in report.findings]
        if entry["expect"]["verdict"] == "accept" and "byte_range_valid" in entry["expect"]:
            assert not report.issuable, entry["file"]
    assert len(outcome) > 10
    assert sum(not found for found in outcome.values()) >= 12
    assert {code for found in outcome.values() for code in found} <= {"pdf-encrypted", "pdf-damaged"}


def _raised() -> dict[str, set[str]]:
    """Every code in the sources of this package, with the facts that it is given."""
    found: dict[str, set[str]] = {}
    for file in Path(esign.pdf.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
                continue
            code = node.args[0]
            if node.func.id in {"InputError", "PreflightError", "ConfigurationError", "Reason"} and isinstance(
                code, ast.Constant
            ):
                found.setdefault(str(code.value), set()).update(k.arg for k in node.keywords if k.arg)
    return found


def test_every_code_has_its_texts() -> None:
    raised = _raised()
    assert len(raised) > 30
    for code in (*raised, "no-room-for-seal", "no-room-for-signature"):
        entry = catalogue()[code]
        for kind, texts in entry.items():
            assert set(texts) == set(LANGUAGES), code
            fields = [{f for _, f, _, _ in string.Formatter().parse(t) if f} for t in texts.values()]
            assert fields[0] == fields[1] or kind == "next", code
            for said in texts.values():
                assert said == said.strip(), code
                assert not said.endswith("."), code


def test_what_a_report_says_can_be_said() -> None:
    samples = [
        page() + b"junk",
        b"\n" + page(),
        changed(page(), signed),
        *(changed(page(), c) for c in ACTIVE.values()),
    ]
    for pdf in samples:
        report = preflight(pdf, PROFILE)
        for reason in (*report.findings, *report.notices):
            for language in LANGUAGES:
                assert "{" not in reason.explain(language).what
                assert reason.explain(language).what != reason.code
