"""A certified copy: the scan, and behind it the statement with places for certifier and agency (NĐ 45/2020 Đ.10)."""

import io
from dataclasses import replace
from datetime import date
from typing import Any

import pikepdf
import pytest

from esign.document import Agency
from esign.errors import InputError
from esign.pdf import (
    Rendered,
    Renderer,
    agency_mark,
    append_statement,
    certification,
    check_scan,
    page_image,
    person_mark,
    specimen_signature,
)
from esign.pdf.preflight import preflight
from esign.pdf.templates import templates
from esign.profile import IssuanceProfile
from tests.unit.pdf.measuring import SIGNED_AT, area, around, black, blue, extent, letters, red, signed, words
from tests.unit.pdf.test_marks import SIGNER
from tests.unit.pdf.test_render import AT, SEAL_MM, cut, is_white
from tests.unit.pdf.test_scan import WHOLE, scanned, sheet
from tests.unit.pdf.tools import assert_clean, changed, page, text_of


@pytest.fixture(scope="module")
def scan() -> bytes:
    return scanned([(sheet(200), WHOLE)], [(sheet(200), WHOLE)])


def statement(renderer: Renderer, agency: Agency, **changes: Any) -> Rendered:
    template = certification()
    arguments: dict[str, Any] = {
        "agency": agency,
        "number": "123/SCT-BS",
        "issued": date(2026, 11, 21),
        "at": AT,
        "seal_mm": SEAL_MM,
        "person": True,
    } | changes
    return renderer.render(template, template.sample, **arguments)


def test_the_statement_says_what_the_register_of_certifications_says(renderer: Renderer, agency: Agency) -> None:
    text = " ".join(text_of(statement(renderer, agency).pdf).split())
    assert "LỜI CHỨNG" in text
    assert "Chứng thực bản sao điện tử từ bản chính" in text
    assert "đúng với bản chính" in text
    assert "Số chứng thực: 123 quyển số: 01/2026 - SCT/BS" in text
    assert "Hà Nội, ngày 21 tháng 11 năm 2026" in text
    assert "Trần Văn Thử" in text
    assert "ỦY BAN NHÂN DÂN PHƯỜNG CỬA NAM" in text
    assert "Số: " not in text  # no số, ký hiệu: it has its own register


def test_it_is_no_result_by_itself() -> None:
    template = certification()
    assert template.name == "chung-thuc"
    template.check(template.sample)
    assert template.name not in {t.name for t in templates()}


def test_number_and_date_may_be_given_later(renderer: Renderer, agency: Agency) -> None:
    rendered = statement(renderer, agency, number=None, issued=None)
    assert set(rendered.release) == {"number", "day", "month", "seal"}
    box = rendered.release["number"]
    assert is_white(cut(rendered, replace(box, left=box.left + 1, width=box.width - 2), 300))
    after = around(words(letters(rendered.pdf), "quyển số:"))
    before = around(words(letters(rendered.pdf), "Số chứng thực:"))
    assert before.right < area(box).left
    assert area(box).right < after.left


def test_the_statement_stands_behind_the_scan_with_its_places(renderer: Renderer, agency: Agency, scan: bytes) -> None:
    alone = statement(renderer, agency, number=None, issued=None)
    whole = append_statement(scan, alone)
    assert_clean(whole.pdf)
    assert whole.pages == 3
    assert whole.pdfa is None
    for page_of_scan in range(2):
        assert page_image(whole.pdf, page_of_scan, 60) == page_image(scan, page_of_scan, 60)
    assert page_image(whole.pdf, 2, 60) == page_image(alone.pdf, 0, 60)
    assert whole.signature == replace(alone.signature, page=2)
    assert whole.person == replace(alone.person, page=2)  # type: ignore[type-var]  # asked for
    assert whole.seal == replace(alone.seal, page=2)  # type: ignore[type-var]  # asked for
    assert {name: box.page for name, box in whole.release.items()} == dict.fromkeys(alone.release, 2)
    assert append_statement(scan, alone).pdf == whole.pdf


def test_it_can_be_issued_and_claims_nothing(renderer: Renderer, agency: Agency, scan: bytes) -> None:
    def claim(pdf: pikepdf.Pdf) -> None:
        with pdf.open_metadata() as metadata:
            metadata["pdfaid:part"] = "1"
            metadata["pdfaid:conformance"] = "B"

    claiming = changed(scan, claim)
    assert preflight(claiming, IssuanceProfile()).pdfa == "1B"
    whole = append_statement(claiming, statement(renderer, agency))
    report = preflight(whole.pdf, IssuanceProfile())
    assert (report.findings, report.pdfa, report.pages) == ((), "", 3)
    assert check_scan(scan).findings == ()


def test_certifier_and_agency_sign_on_the_last_page(renderer: Renderer, agency: Agency, scan: bytes) -> None:
    whole = append_statement(scan, statement(renderer, agency))
    assert whole.person is not None
    person = person_mark(specimen_signature(), signer="Trần Văn Thử")
    stamped = agency_mark(agency, signer=SIGNER, signing_time=SIGNED_AT)
    pdf = signed(whole.pdf, (person, whole.person), (stamped, whole.signature))
    assert_clean(pdf)
    last = changed(pdf, lambda opened: opened.pages.__delitem__(slice(0, 2)))
    found, place = extent(last, red), area(whole.person)
    assert 0.28 <= (found.right - place.left) / place.width <= 0.38
    assert extent(last, blue).right <= place.right + 0.2
    assert extent(last, black).right <= 196


def test_a_signed_file_is_never_rewritten(renderer: Renderer, agency: Agency, scan: bytes) -> None:
    alone = statement(renderer, agency)
    assert alone.person is not None
    already = signed(scan, (person_mark(specimen_signature()), alone.person))
    with pytest.raises(InputError) as error:
        append_statement(already, alone)
    assert error.value.code == "already-signed"


def test_locked_and_damaged_scans_are_typed_refusals(renderer: Renderer, agency: Agency, scan: bytes) -> None:
    alone = statement(renderer, agency)
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(scan)) as opened:
        opened.save(out, encryption=pikepdf.Encryption(owner="x", user=""))
    with pytest.raises(InputError) as error:
        append_statement(out.getvalue(), alone)
    assert error.value.code == "pdf-encrypted"
    with pytest.raises(InputError) as error:
        append_statement(b"%PDF-1.7 nothing", alone)
    assert error.value.code == "pdf-damaged"


def test_a_tagged_scan_keeps_no_false_structure(renderer: Renderer, agency: Agency) -> None:
    def tag(pdf: pikepdf.Pdf) -> None:
        pdf.Root.StructTreeRoot = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.StructTreeRoot))
        pdf.Root.MarkInfo = pikepdf.Dictionary(Marked=True)
        pdf.pages[0].obj.StructParents = 0

    whole = append_statement(changed(page(), tag), statement(renderer, agency))
    assert_clean(whole.pdf)
    with pikepdf.open(io.BytesIO(whole.pdf)) as pdf:
        assert "/StructTreeRoot" not in pdf.Root
        assert all("/StructParents" not in p.obj for p in pdf.pages)
