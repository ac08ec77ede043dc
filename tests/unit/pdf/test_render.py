import copy
import io
import json
import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pikepdf
import pytest
from PIL import Image

from esign.document import Agency, Box
from esign.errors import InputError, PreflightError
from esign.pdf import PDFA, FontSet, Rendered, Renderer, agency_mark_size, load, page_image
from esign.pdf.preflight import preflight
from esign.profile import IssuanceProfile
from tests.unit.pdf.test_templates import NAMES, own
from tests.unit.pdf.tools import MM, Form, assert_clean, darkest, run, text_of

AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
SEAL_MM = (28.3, 28.9)


def render(renderer: Renderer, agency: Agency, name: str | Path = "quyet-dinh", **changes: Any) -> Rendered:
    template = load(name)
    arguments: dict[str, Any] = {
        "agency": agency,
        "number": "15/QĐ-UBND",
        "issued": date(2026, 11, 21),
        "at": AT,
        "seal_mm": SEAL_MM,
    } | changes
    data = arguments.pop("data", template.sample)
    return renderer.render(template, data, **arguments)


def cut(rendered: Rendered, box: Box, dpi: int = 100) -> Image.Image:
    """What is on the page where `box` says."""
    picture = page_image(rendered.pdf, box.page, dpi)
    scale = dpi / 72
    top = picture.height - (box.bottom + box.height) * scale
    left = box.left * scale
    return picture.crop((round(left), round(top), round(left + box.width * scale), round(top + box.height * scale)))


def is_white(picture: Image.Image) -> bool:
    return darkest(picture) == 255


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_set_with_white_room_for_the_marks(renderer: Renderer, agency: Agency, name: str) -> None:
    rendered = render(renderer, agency, name)
    assert_clean(rendered.pdf)
    assert rendered.font == FontSet.find().family
    assert rendered.pages == 1
    assert rendered.seal is not None
    assert (rendered.seal.width / MM, rendered.seal.height / MM) == pytest.approx(SEAL_MM)
    assert (rendered.signature.width / MM, rendered.signature.height / MM) == pytest.approx(agency_mark_size(agency))
    for box in (rendered.seal, rendered.signature):
        assert is_white(cut(rendered, box))
        assert box.left >= 30 * MM - 0.1
        assert box.left + box.width <= 195 * MM + 0.1
        assert box.bottom >= 20 * MM
    # The seal is bottom left, the signature right of it.
    assert rendered.seal.left + rendered.seal.width < rendered.signature.left
    report = preflight(rendered.pdf, IssuanceProfile())
    assert report.issuable
    assert report.notices == ()
    assert report.pdfa == "2B"


def test_the_room_between_title_and_name_holds_seal_and_a_persons_signature(renderer: Renderer, agency: Agency) -> None:
    rendered = render(renderer, agency)
    box = rendered.signature
    found = re.findall(
        r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">([^<]*)</word>',
        run("pdftotext", "-bbox", "@", "-", pdf=rendered.pdf).stdout,
    )
    # The last three words before the page's footer are the signer's name.
    words = [(word, *map(float, numbers)) for *numbers, word in found]
    at = max(i for i, w in enumerate(words) if w[0] == "Trần")
    assert [w[0] for w in words[at : at + 3]] == ["Trần", "Văn", "Thử"]
    name = words[at]
    title = next(w for w in words if w[0] == "PHÓ")
    middle = (words[at][1] + words[at + 2][3]) / 2  # the name is centred in its column
    seal_right = box.left + 36 * MM
    person_left = middle - 20 * MM
    # II.8.a: the seal covers about a third of the person's image (40 mm), on its left.
    assert (seal_right - person_left) / (40 * MM) == pytest.approx(1 / 3, abs=0.02)
    assert title[4] < 841.89 - (box.bottom + box.height)
    assert name[2] > 841.89 - box.bottom
    assert box.height >= 36 * MM - 0.1


def test_the_page_follows_nd30(renderer: Renderer, agency: Agency) -> None:
    text = text_of(render(renderer, agency, issued=date(2026, 2, 5), number="05/QĐ-UBND").pdf)
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in text
    assert "Độc lập - Tự do - Hạnh phúc" in text
    assert "Số: 05/QĐ-UBND" in text
    assert "Hà Nội, ngày 05 tháng 02 năm 2026" in text
    assert "QUYẾT ĐỊNH:" in text
    assert "KT. CHỦ TỊCH" in text
    assert "- Lưu: VT, VHXH (03)." in text
    assert "cuanam@example.invalid" in text
    assert re.search(r"ỦY BAN NHÂN DÂN\s", text)
    assert "Điều 1." in text


@pytest.mark.parametrize(
    ("day", "printed"),
    [
        (date(2026, 1, 9), "ngày 09 tháng 01 năm 2026"),
        (date(2026, 2, 10), "ngày 10 tháng 02 năm 2026"),
        (date(2026, 3, 1), "ngày 01 tháng 3 năm 2026"),
        (date(2026, 12, 31), "ngày 31 tháng 12 năm 2026"),
    ],
)
def test_dates_have_zeros_for_days_below_ten_and_months_one_and_two(
    renderer: Renderer, agency: Agency, day: date, printed: str
) -> None:
    assert printed in text_of(render(renderer, agency, issued=day).pdf)


def _long(sample: Any, articles: int) -> dict[str, Any]:
    data = copy.deepcopy(dict(sample))
    data["articles"] = [
        [f"Nội dung của điều thứ {n}. " + "Chữ tiếng Việt có dấu đầy đủ. " * 12] for n in range(articles)
    ]
    return data


@pytest.mark.parametrize("articles", [5, 6, 7, 8, 9, 20])
def test_long_documents_number_their_pages_and_keep_the_closing_whole(
    renderer: Renderer, agency: Agency, articles: int
) -> None:
    rendered = render(renderer, agency, data=_long(load("quyet-dinh").sample, articles))
    pages = text_of(rendered.pdf).split("\f")[: rendered.pages]
    assert rendered.pages > 1
    assert rendered.seal is not None
    assert rendered.seal.page == rendered.signature.page == rendered.pages - 1
    for number, page in enumerate(pages, 1):
        first = page.strip().splitlines()[0].strip()
        assert (first == str(number)) is (number > 1)
        assert ("cuanam@example.invalid" in page) is (number == 1)
    # A signature never stands alone: the last article's text is on its page, and all of the block is.
    assert "Chữ tiếng Việt" in pages[-1]
    assert "Nơi nhận:" in pages[-1]
    assert "KT. CHỦ TỊCH" in pages[-1]
    assert "Trần Văn Thử" in pages[-1]
    assert is_white(cut(rendered, rendered.seal))
    assert is_white(cut(rendered, rendered.signature))


@pytest.mark.parametrize("diameter", [30.0, 36.0, 42.0])
@pytest.mark.parametrize("seal", [(23.0, 29.0), (35.0, 42.0), None])
def test_marks_of_other_sizes_have_their_room(
    renderer: Renderer, agency: Agency, diameter: float, seal: tuple[float, float] | None
) -> None:
    rendered = render(renderer, replace(agency, seal_diameter_mm=diameter), seal_mm=seal)
    # The seal, or 40 mm where a smaller one leaves a person's signature and the text less.
    assert rendered.signature.height == pytest.approx(max(diameter, 40) * MM)
    assert is_white(cut(rendered, rendered.signature))
    assert (rendered.seal is None) is (seal is None)
    if rendered.seal:
        assert is_white(cut(rendered, rendered.seal))
        assert rendered.seal.left + rendered.seal.width <= rendered.signature.left


def test_an_agency_without_parent_seal_and_address(renderer: Renderer, agency: Agency) -> None:
    rendered = render(renderer, replace(agency, parent="", address="", seal_image=None))
    assert rendered.signature.width / MM == pytest.approx(50)
    assert is_white(cut(rendered, rendered.signature))


@pytest.mark.parametrize("attach", [False, True])
def test_the_same_call_gives_the_same_bytes(agency: Agency, *, attach: bool) -> None:
    first, second = (render(Renderer(), agency, attach_data=attach).pdf for _ in range(2))
    assert first == second
    assert b"2026" in first
    later = render(Renderer(), agency, attach_data=attach, at=datetime(2027, 1, 1, tzinfo=UTC)).pdf
    assert later != first


def test_the_data_travel_with_their_schema(renderer: Renderer, agency: Agency) -> None:
    rendered = render(renderer, agency, "xac-nhan-cu-tru", attach_data=True)
    assert rendered.pdfa is PDFA.A_3B
    assert_clean(rendered.pdf)
    with pikepdf.open(io.BytesIO(rendered.pdf)) as pdf:
        files = {name: spec.get_file().read_bytes() for name, spec in pdf.attachments.items()}
        relations = {str(f.F): str(f.AFRelationship) for f in pdf.Root.AF}
        kinds = {str(f.F): str(f.EF.F.Subtype) for f in pdf.Root.AF}
    data, schema = json.loads(files["data.json"]), json.loads(files["schema.json"])
    assert data == load("xac-nhan-cu-tru").sample
    jsonschema.Draft202012Validator(schema).validate(data)
    assert relations == {"data.json": "/Data", "schema.json": "/Supplement"}
    assert kinds == {"data.json": "/application/json", "schema.json": "/application/schema+json"}
    assert preflight(rendered.pdf, IssuanceProfile()).pdfa == "3B"
    assert preflight(rendered.pdf, IssuanceProfile()).issuable


def test_without_asking_nothing_is_attached(renderer: Renderer, agency: Agency) -> None:
    rendered = render(renderer, agency)
    assert rendered.pdfa is PDFA.A_2B
    assert b"/EmbeddedFile" not in rendered.pdf


def test_fonts_are_embedded_and_the_output_intent_is_there(renderer: Renderer, agency: Agency) -> None:
    rendered = render(renderer, agency)
    fonts = run("pdffonts", "@", pdf=rendered.pdf).stdout.splitlines()[2:]
    assert fonts
    for line in fonts:
        assert re.search(r" yes +yes +yes ", line), line
        assert rendered.font.replace(" ", "") in line
    with pikepdf.open(io.BytesIO(rendered.pdf)) as pdf:
        assert pdf.Root.OutputIntents[0].S == "/GTS_PDFA1"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_decomposed_data_are_set_composed(renderer: Renderer, agency: Agency, form: Form) -> None:
    spelled = json.dumps(load("ho-kinh-doanh").sample, ensure_ascii=False)
    data = json.loads(unicodedata.normalize(form, spelled))
    text = text_of(render(renderer, agency, "ho-kinh-doanh", data=data).pdf)
    assert "HỘ KINH DOANH NGUYỄN VĂN MẪU" in text
    assert unicodedata.is_normalized("NFC", text)


def test_a_strange_character_in_the_data_is_refused_by_code_point(renderer: Renderer, agency: Agency) -> None:
    data = copy.deepcopy(dict(load("quyet-dinh").sample)) | {"subject": "Về việc 𓀀"}
    with pytest.raises(PreflightError) as error:
        render(renderer, agency, data=data)
    assert error.value.reason.facts["codepoint"] == "U+13000"


def test_markup_in_the_data_is_text(renderer: Renderer, agency: Agency) -> None:
    data = copy.deepcopy(dict(load("quyet-dinh").sample))
    data["articles"][0] = ['#read("/etc/passwd") *đậm* $x$ <esign-place> \\ // #panic() @abc']
    rendered = render(renderer, agency, data=data)
    assert '#read("/etc/passwd") *đậm* $x$ <esign-place>' in text_of(rendered.pdf)


@pytest.mark.parametrize(
    "source",
    [
        '#read("/etc/passwd")',
        '#read("../../etc/passwd")',
        '#read("/../etc/passwd")',
        '#image("../x.png")',
    ],
)
def test_a_template_cannot_read_outside_its_folder(
    renderer: Renderer, agency: Agency, tmp_path: Path, source: str
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("root")
    with pytest.raises(InputError) as error:
        render(renderer, agency, own(tmp_path / "x", source), data={})
    assert error.value.code == "template-broken"
    assert error.value.reason.facts["template"] == "x"


@pytest.mark.parametrize(
    "source",
    [
        "Không gọi closing.",
        '#import "nd30.typ": *\n#closing()\n#closing()',
        '#panic("hỏng")',
        "#let x = ",
        '#metadata((kind: "signature")) <esign-place>',
    ],
)
def test_a_broken_template_is_a_typed_error(renderer: Renderer, agency: Agency, tmp_path: Path, source: str) -> None:
    with pytest.raises(InputError) as error:
        render(renderer, agency, own(tmp_path / "x", source), data={})
    assert error.value.code == "template-broken"


def test_a_font_that_is_not_there_is_refused_because_its_text_would_vanish(
    renderer: Renderer, agency: Agency, tmp_path: Path
) -> None:
    source = '#import "nd30.typ": *\n#show: result\n#text(font: "No Such Font")[chữ]\n#closing()'
    with pytest.raises(InputError) as error:
        render(renderer, agency, own(tmp_path / "x", source), data={})
    assert error.value.code == "template-font-unknown"


def test_wrong_data_are_refused_before_anything_is_set(renderer: Renderer, agency: Agency) -> None:
    with pytest.raises(InputError) as error:
        render(renderer, agency, data={})
    assert error.value.code == "template-data-invalid"


def test_threads_get_what_one_thread_gets(agency: Agency) -> None:
    renderer = Renderer()
    numbers = [f"{n:02}/QĐ-UBND" for n in range(1, 25)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda n: render(renderer, agency, number=n).pdf, numbers))
    alone = Renderer()
    assert together == [render(alone, agency, number=n).pdf for n in numbers]


def test_files_that_tmp_cleaners_take_are_laid_again(renderer: Renderer, agency: Agency) -> None:
    render(renderer, agency)
    for project in renderer._projects.values():
        for file in project._root.iterdir():
            file.unlink()
    assert render(renderer, agency).pages == 1
