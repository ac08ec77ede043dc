"""The preparation revision, and filling it: on plain files, forms of others, turned pages; and what is refused."""

import io
from collections.abc import Callable
from typing import Any, NoReturn

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esign.document import Box
from esign.errors import InputError
from esign.pades import sign, signing_revision
from esign.pades.fields import AGENCY_FIELD, FilledField, ReleaseField, ReleaseName, add_release_fields
from esign.pades.inspect import inspect_signatures
from esign.pades.sign import Appearance
from esign.pades.updating import form_of
from esign.pdf.links import seal_links
from esign.pdf.raster import page_image
from esign.report import Integrity, Outcome
from esign.seal import seal_urls
from esign.syntax.outline import NotPlain
from esign.trust import TrustStore
from tests.unit.pdf.tools import assert_clean, changed, page, saved
from tests.vectors.pades import generate as g


def integrity(pdf: bytes) -> Integrity:
    return inspect_signatures(pdf, trust=TrustStore(), at=g.RELEASED).integrity


def widgets(pdf: bytes) -> dict[str, dict[str, Any]]:
    """Every widget of the first page by the full name of its field, as plain values."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return {name(w): plain(w) for w in opened.pages[0].obj.get("/Annots", [])}


def name(widget: pikepdf.Object) -> str:
    above = name(widget["/Parent"]) + "." if "/Parent" in widget else ""
    return above + str(widget["/T"])


def plain(widget: pikepdf.Object) -> dict[str, Any]:
    found: dict[str, Any] = {k: widget[k] for k in ("/F", "/Ff") if k in widget}
    found |= {k: str(widget[k]) for k in ("/FT", "/DA", "/TU") if k in widget}
    found |= {"/V": str(widget["/V"])} if isinstance(widget.get("/V"), pikepdf.String) else {}
    normal = widget["/AP"]["/N"]
    shown = normal[str(widget["/AS"])] if widget["/FT"] == "/Btn" else normal  # ISO 19005-2 §6.3.3
    found["picture"] = isinstance(shown, pikepdf.Stream) and list(widget["/AP"].keys()) == ["/N"]
    found["rect"] = tuple(round(float(v), 3) for v in widget["/Rect"])
    found["lock"] = [str(f) for f in widget["/Lock"]["/Fields"]] if "/Lock" in widget else None
    return found


def test_the_preparation_revision() -> None:
    before = g.decision()
    pdf = g.prepared()
    assert pdf.startswith(before)
    assert_clean(pdf)
    found = widgets(pdf)
    assert list(found) == [*g.LOCK, "PersonSignature", "AgencySignature"]
    assert all(w["picture"] for w in found.values())
    assert all(w["/F"] == 4 | 128 for w in found.values())
    texts = [found[n] for n in (ReleaseName.NUMBER, ReleaseName.DAY, ReleaseName.MONTH)]
    assert all(w["/FT"] == "/Tx" and w["/Ff"] == 1 and w["/V"] == "" for w in texts)
    assert all(w["/DA"] == "/EsignBlank 0 Tf 0 g" for w in texts)
    seal = found[ReleaseName.SEAL]
    assert (seal["/FT"], seal["/Ff"], "/V" in seal) == ("/Btn", 1 | 1 << 16, False)
    assert found["AgencySignature"]["lock"] == list(g.LOCK)
    assert found["PersonSignature"]["lock"] is None
    assert found[ReleaseName.NUMBER]["rect"] == (60, 520, 100, 536)
    # What /DA names is in the file, and nothing shows.
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert opened.Root.AcroForm.DR.Font.EsignBlank.Subtype == "/Type3"
        assert opened.Root.AcroForm.Fields[0].T == "esign"
        assert "/NeedAppearances" not in opened.Root.AcroForm
    assert page_image(pdf, 0, 72).tobytes() == page_image(before, 0, 72).tobytes()


def test_what_the_agency_signs_is_one_revision() -> None:
    pending, released = g.pending(), g.released()
    assert released.startswith(pending)
    assert released.count(b"%%EOF") == pending.count(b"%%EOF") + 1
    assert_clean(released)
    found = widgets(released)
    assert [found[n].get("/V") for n in g.LOCK] == ["1234", "21", "11", None]
    before = widgets(pending)
    for field in found:
        # Nothing but value and picture differs: everything else would be a change after the leader's signature.
        assert found[field] | {"/V": 0} == before[field] | {"/V": 0}, field
    with pikepdf.open(io.BytesIO(released)) as opened:
        signature = opened.Root.AcroForm.Fields[2].V
        reference = signature.Reference[0]
        assert reference.TransformMethod == "/FieldMDP"
        assert reference.TransformParams.Action == "/Include"
        assert [str(f) for f in reference.TransformParams.Fields] == list(g.LOCK)
        assert str(signature.EsignSeal) == seal_links(released)[0].url


def form(pdf: pikepdf.Pdf, *, indirect: bool) -> None:
    """A form of somebody else: a text field, a font, and a request to set everything anew."""
    field = pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.Widget,
            FT=pikepdf.Name.Tx,
            T=pikepdf.String("ghi chu"),
            Rect=pikepdf.Array([10, 10, 60, 30]),
            F=4,
        )
    )
    pdf.pages[0].obj.Annots = pikepdf.Array([field])
    made = pikepdf.Dictionary(
        Fields=pikepdf.Array([field]),
        DR=pikepdf.Dictionary(Font=pikepdf.Dictionary(Helv=pdf.pages[0].obj.Resources.Font.F)),
        NeedAppearances=True,
    )
    pdf.Root.AcroForm = pdf.make_indirect(made) if indirect else made
    if indirect:
        pdf.pages[0].obj.Annots = pdf.make_indirect(pdf.pages[0].obj.Annots)
        pdf.Root.AcroForm.Fields = pdf.make_indirect(pdf.Root.AcroForm.Fields)
        pdf.Root.AcroForm.DR = pdf.make_indirect(pdf.Root.AcroForm.DR)


@pytest.mark.parametrize("indirect", [False, True])
@pytest.mark.parametrize("streams", [False, True])
def test_a_form_that_is_there_is_kept(*, indirect: bool, streams: bool) -> None:
    mode = pikepdf.ObjectStreamMode.generate if streams else pikepdf.ObjectStreamMode.disable
    given = changed(g.decision(), lambda pdf: form(pdf, indirect=indirect), object_stream_mode=mode)
    prepared = add_release_fields(given, g.FIELDS, agency_box=g.AGENCY, alt="-", person_box=g.PERSON)
    assert prepared.startswith(given)
    released = g.by_agency(g.by_person(prepared))
    assert_clean(released)
    with pikepdf.open(io.BytesIO(released)) as opened:
        assert [str(f.T) for f in opened.Root.AcroForm.Fields] == [
            "ghi chu",
            "esign",
            "PersonSignature",
            "AgencySignature",
        ]
        assert set(opened.Root.AcroForm.DR.Font.keys()) == {"/Helv", "/EsignBlank"}
    report = inspect_signatures(released, trust=TrustStore(), at=g.RELEASED)
    assert report.integrity is Integrity.INTACT
    assert [c.outcome for c in report.checks if c.name == "release-fields"] == [Outcome.PASSED]


# Where a place stands in user space that is 40 x 20 points, 30 from the left and 50 from the bottom as shown.
TURNED: dict[int, Callable[[float, float], tuple[float, float, float, float]]] = {
    0: lambda _w, _h: (30, 50, 40, 20),
    90: lambda w, _h: (w - 50 - 20, 30, 20, 40),
    180: lambda w, h: (w - 30 - 40, h - 50 - 20, 40, 20),
    270: lambda _w, h: (50, h - 30 - 40, 20, 40),
}


@pytest.mark.parametrize("turn", TURNED)
def test_marks_stand_upright_on_turned_pages(turn: int) -> None:
    width, height = 300, 200
    left, bottom, w, h = TURNED[turn](width, height)
    box = Box(page=0, left=left, bottom=bottom, width=w, height=h, rotate=turn)
    given = page(b"", media=(0, 0, width, height), Rotate=turn)
    field = ReleaseField(ReleaseName.SEAL, box)
    number = ReleaseField(ReleaseName.NUMBER, Box(page=0, left=1, bottom=1, width=9, height=9, rotate=turn))
    # As shown: red on the left, blue on the right, and a mark twice as wide as high fills the place.
    mark = g.picture(b"1 0 0 rg 0 0 20 20 re f 0 0 1 rg 20 0 20 20 re f", width=40, height=20)
    prepared = add_release_fields(given, [field, number], agency_box=None, alt="-")
    released = g.signed(
        prepared,
        g.OFFICE,
        g.RELEASED,
        AGENCY_FIELD,
        None,
        fill=[FilledField(ReleaseName.SEAL, "", mark), FilledField(ReleaseName.NUMBER, "", mark)],
        lock=[ReleaseName.SEAL, ReleaseName.NUMBER],
    )
    assert integrity(released) is Integrity.INTACT
    shown = page_image(released, 0, 72)
    shown_height = shown.height
    assert shown.getpixel((30 + 10, shown_height - 50 - 10)) == (255, 0, 0)
    assert shown.getpixel((30 + 30, shown_height - 50 - 10)) == (0, 0, 255)
    assert shown.getpixel((30 - 3, shown_height - 50 - 10)) == (255, 255, 255)
    assert shown.getpixel((30 + 43, shown_height - 50 - 10)) == (255, 255, 255)


def test_a_mark_of_another_shape_is_not_distorted() -> None:
    """A shorter number makes a smaller symbol than the place was measured for."""
    square = g.picture(b"0 g 0 0 10 10 re f", width=10, height=10)
    box = Box(page=0, left=100, bottom=100, width=80, height=40)
    prepared = add_release_fields(page(), [ReleaseField(ReleaseName.SEAL, box)], agency_box=None, alt="-")
    filled = [FilledField(ReleaseName.SEAL, "", square)]
    released = g.signed(prepared, g.OFFICE, g.RELEASED, AGENCY_FIELD, None, fill=filled, lock=[ReleaseName.SEAL])
    dark = page_image(released, 0, 72).convert("L").point(lambda v: 255 * (v < 128)).getbbox()
    assert dark == (120, 842 - 140, 160, 842 - 100)


def refused(action: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        action()
    assert caught.value.diagnostics("vi").next_step
    assert caught.value.diagnostics("en").next_step
    return caught.value.code


def test_what_cannot_be_prepared() -> None:
    def prepare(pdf: bytes, *fields: ReleaseField) -> Callable[[], object]:
        return lambda: add_release_fields(pdf, fields or g.FIELDS, agency_box=g.AGENCY, alt="-")

    assert refused(prepare(g.pending())) == "release-after-signature"
    assert refused(prepare(g.prepared())) == "release-fields-exist"
    assert refused(prepare(g.decision(), ReleaseField("number", g.NUMBER))) == "release-field-name"
    assert refused(prepare(g.decision(), ReleaseField("esign.release.a.b", g.NUMBER))) == "release-field-name"
    assert refused(prepare(g.decision(), g.FIELDS[0], g.FIELDS[0])) == "release-field-name"
    assert refused(prepare(b"%PDF-1.7\nno")) == "pdf-not-updatable"


def test_what_cannot_be_filled() -> None:
    mark = g.text("1", g.NUMBER)
    once = [FilledField(ReleaseName.NUMBER, "1", mark)]
    unknown = [FilledField("esign.release.year", "1", mark)]
    assert refused(lambda: g.by_agency(g.pending(), fill=unknown)) == "release-field-missing"
    assert refused(lambda: g.by_agency(g.by_person(g.decision()))) == "release-field-missing"
    assert refused(lambda: g.by_agency(g.pending(), fill=once * 2)) == "release-field-filled"
    filled = g.updated(g.pending(), g.value(ReleaseName.NUMBER, "9"))
    assert refused(lambda: g.by_agency(filled)) == "release-field-filled"
    drawn = g.updated(g.pending(), g.shown(ReleaseName.SEAL, "9"))
    assert refused(lambda: g.by_agency(drawn)) == "release-field-filled"
    assert refused(lambda: g.by_agency(g.pending(), lock=g.LOCK[:2])) == "release-lock-differs"


def test_the_agency_signs_where_the_leader_saw_room_for_it() -> None:
    elsewhere = Box(page=0, left=10, bottom=90, width=102, height=102)
    wrong = Appearance(mark=g.stamp().mark, box=elsewhere)
    assert (
        refused(lambda: g.signed(g.pending(), g.OFFICE, g.RELEASED, AGENCY_FIELD, wrong, lock=g.LOCK))
        == "release-field-elsewhere"
    )


def test_a_field_that_has_a_lock_is_signed_with_it() -> None:
    released = g.by_agency(g.pending(), lock=())
    report = inspect_signatures(released, trust=TrustStore(), at=g.RELEASED)
    assert [c.outcome for c in report.checks if c.name == "release-fields"] == [Outcome.PASSED]


def test_a_name_that_is_taken_gets_a_number() -> None:
    """As before: a signed field, and an empty one that stands elsewhere, are left alone."""
    box = Box(page=0, left=300, bottom=300, width=50, height=50)
    mark = Appearance(mark=g.stamp().mark, box=box)
    twice = g.signed(g.by_person(g.prepared()), g.OFFICE, g.RELEASED, "PersonSignature", mark)
    beside = g.signed(twice, g.OFFICE, g.RELEASED, AGENCY_FIELD, mark)
    report = inspect_signatures(beside, trust=TrustStore(), at=g.RELEASED)
    assert [s.field_name for s in report.signatures] == ["PersonSignature", "PersonSignature2", "AgencySignature2"]
    assert report.integrity is Integrity.INTACT


def _never_plain(_revision: object) -> NoReturn:
    raise NotPlain


@pytest.mark.parametrize("flags", [None, 1, 3])
def test_the_form_of_an_adopted_document_is_left_as_it_is(flags: int | None) -> None:
    """Some software writes /SigFlags 1 or none; to mend that would be a change after the leader's signature."""

    def keep(update: Any) -> None:
        form = form_of(update)
        form.pop("SigFlags", None)
        if flags is not None:
            form["SigFlags"] = flags

    with pytest.MonkeyPatch.context() as patch:
        # The leader's software, which writes other flags than ours.
        patch.setattr(signing_revision, "set_signature_flags", keep)
        patch.setattr(sign, "plain_revision", _never_plain)
        leaders = g.signed(g.decision(), g.LEADER, g.SIGNED, "Signature1", None)
    before, url, symbol = g.sealed(leaders)
    adopted = g.signed(before, g.OFFICE, g.RELEASED, AGENCY_FIELD, Appearance(mark=symbol, box=g.AGENCY), seal_url=url)
    with pikepdf.open(io.BytesIO(adopted)) as opened:
        assert opened.Root.AcroForm.get("/SigFlags") == flags
    assert integrity(adopted) is Integrity.INTACT
    assert [(link.url, link.page) for link in seal_links(adopted)] == [(url, 0)]


@settings(max_examples=25, deadline=None)
@given(
    words=st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=40),
    left=st.floats(0, 300, allow_nan=False),
    bottom=st.floats(0, 500, allow_nan=False),
)
def test_any_value_in_any_place_is_read_back(words: str, left: float, bottom: float) -> None:
    box = Box(page=0, left=left, bottom=bottom, width=40, height=16)
    prepared = add_release_fields(g.decision(), [ReleaseField(ReleaseName.NUMBER, box)], agency_box=None, alt="-")
    filled = [FilledField(ReleaseName.NUMBER, words, g.text("x", box))]
    released = g.signed(prepared, g.OFFICE, g.RELEASED, AGENCY_FIELD, None, fill=filled, lock=[ReleaseName.NUMBER])
    with pikepdf.open(io.BytesIO(released)) as opened:
        number = opened.Root.AcroForm.Fields[0].Kids[0].Kids[0]
        assert str(number.V) == words
        assert [float(v) for v in number.Rect[:2]] == pytest.approx([left, bottom], abs=0.001)
    assert integrity(released) is Integrity.INTACT


def test_the_seal_is_on_the_page_that_shows_it() -> None:
    box = Box(page=2, left=100, bottom=100, width=66, height=66)
    prepared = add_release_fields(page(pages=3), [ReleaseField(ReleaseName.SEAL, box)], agency_box=None, alt="-")
    before, url, symbol = g.sealed(prepared)
    filled = [FilledField(ReleaseName.SEAL, "", symbol)]
    lock = [ReleaseName.SEAL]
    released = g.signed(before, g.OFFICE, g.RELEASED, AGENCY_FIELD, None, fill=filled, lock=lock, seal_url=url)
    assert [(link.url, link.page) for link in seal_links(released)] == [(url, 2)]
    assert seal_urls(page_image(released, 2, 150)) == (url,)
    assert integrity(released) is Integrity.INTACT
    # The page says where its annotations are, not the annotation (/P).
    with pikepdf.open(io.BytesIO(released)) as opened:
        opened.pages[2].obj.Annots[0].P = opened.pages[0].obj
        assert seal_links(saved(opened))[0].page == 2
