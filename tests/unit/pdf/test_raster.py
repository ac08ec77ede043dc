from concurrent.futures import ThreadPoolExecutor

import pytest

from esign.errors import InputError
from esign.pdf import page_count, page_image, page_text
from tests.unit.pdf.tools import alpha_at, page


def test_a_page_is_a_picture_of_its_size_and_rotation() -> None:
    assert page_image(page(), 0, 144).size == (1190, 1684)
    assert page_image(page(Rotate=90), 0, 72).size == (842, 595)
    assert page_image(page(), 0, 72).mode == "RGB"
    assert alpha_at(page_image(page(), 0, 72, transparent=True), 5, 5) == 0


def test_pages_are_counted() -> None:
    assert page_count(page(pages=7)) == 7


def test_text_comes_as_lines_and_runs() -> None:
    text = page_text(page(b"BT /F 12 Tf 50 700 Td (Left) Tj 300 0 Td (Right) Tj ET"), 0)
    assert text[0].split() == ["Left", "Right"]
    assert [run.strip() for run in text[1:]] == ["Left", "Right"]


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7\n", b"\x00" * 100])
def test_what_is_no_pdf_is_a_typed_error(data: bytes) -> None:
    for look in (page_count, lambda d: page_image(d, 0, 72), lambda d: page_text(d, 0)):
        with pytest.raises(InputError) as error:
            look(data)
        assert error.value.code == "pdf-not-rendered"


def test_pages_that_are_not_there_and_enormous_pictures_are_typed_errors() -> None:
    for number, dpi in ((1, 72), (0, 100_000), (0, 0)):
        with pytest.raises(InputError) as error:
            page_image(page(), number, dpi)
        assert error.value.code == "pdf-not-rendered"


def test_threads_take_turns() -> None:
    pdf = page(b"q 0 g 100 100 300 300 re f Q", pages=3)
    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(lambda n: page_image(pdf, n % 3, 50).tobytes(), range(40)))
    assert len(set(pictures)) == 1
