"""Pages that look different are found, framed and kept; what costs too much is refused and never half done."""

import io
import re
from pathlib import Path

import pytest
from PIL import Image

from esign.errors import InputError
from esign.pdf.page_changes import CompareLimits, compare_pages

VECTORS = Path(__file__).parents[2] / "vectors" / "pades"


def vector(name: str) -> tuple[bytes, list[int]]:
    """A signed file of the project's own, and how many bytes each of its signatures speaks for."""
    pdf = (VECTORS / f"{name}.vector").read_bytes().partition(b"\n\n")[2]
    ranges = re.findall(rb"/ByteRange\s*\[\s*0 +(\d+) +(\d+) +(\d+)", pdf)
    return pdf, sorted(int(start) + int(length) for _, start, length in ranges)


def test_a_number_that_was_changed_shows_on_the_page() -> None:
    pdf, ends = vector("number-changed")
    last = len(ends) - 1
    found = [d for d in compare_pages(pdf, ends) if d.signature == last]
    assert [d.page for d in found] == [1]
    assert 0 < found[0].share < 0.05
    before, after = (Image.open(io.BytesIO(png)) for png in (found[0].before, found[0].after))
    assert before.size == after.size
    assert before.tobytes() != after.tobytes()


def test_a_later_signature_shows_where_it_stands_and_nothing_else_does() -> None:
    pdf, ends = vector("ok-released")
    found = compare_pages(pdf, ends)
    # Number, date, QR and red seal after the leader's signature; nothing after the agency's.
    assert [(d.page, d.signature) for d in found] == [(1, 0)]
    assert found[0].share < 0.5


def test_the_same_bytes_look_the_same() -> None:
    pdf, ends = vector("ok-prepared-signed")
    assert compare_pages(pdf, ends) == ()
    assert compare_pages(pdf, []) == ()
    assert compare_pages(pdf, [0]) == ()


def test_a_page_that_was_added_differs_wholly() -> None:
    pdf, ends = vector("ok-released")
    longer = pdf + _second_page(pdf)
    (added,) = (d for d in compare_pages(longer, ends) if d.signature == len(ends) - 1)
    assert (added.page, added.share) == (2, 1.0)
    assert added.before == b""
    assert added.after


def _second_page(pdf: bytes) -> bytes:
    """An update that gives the page tree one more page; written by hand, as an attacker would."""
    import pikepdf

    with pikepdf.open(io.BytesIO(pdf)) as opened:
        pages = opened.Root.Pages.objgen[0]
        kids = " ".join(f"{k.objgen[0]} 0 R" for k in opened.Root.Pages.Kids)
        root = opened.Root.objgen[0]
        size = int(opened.trailer.Size)
    start = int(re.findall(rb"startxref\s+(\d+)", pdf)[-1])
    tree = b"%d 0 obj\n<< /Type /Pages /Count 2 /Kids [%s %d 0 R] >>\nendobj\n" % (pages, kids.encode(), size)
    page = b"%d 0 obj\n<< /Type /Page /Parent %d 0 R /MediaBox [0 0 200 200] >>\nendobj\n" % (size, pages)
    first = len(pdf) + 1
    second = first + len(tree)
    table = b"xref\n%d 1\n%010d 00000 n \n%d 1\n%010d 00000 n \n" % (pages, first, size, second)
    trailer = b"trailer\n<< /Size %d /Root %d 0 R /Prev %d >>\n" % (size + 1, root, start)
    return b"\n" + tree + page + table + trailer + b"startxref\n%d\n%%%%EOF\n" % (second + len(page))


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (CompareLimits(pages=0), "pages-not-compared"),
        (CompareLimits(seconds=-1), "pages-not-compared"),
        (CompareLimits(pixels=1000), "pdf-not-rendered"),
    ],
)
def test_beyond_a_limit_nothing_is_said(limits: CompareLimits, code: str) -> None:
    pdf, ends = vector("number-changed")
    with pytest.raises(InputError) as caught:
        compare_pages(pdf, ends, limits=limits)
    assert caught.value.code == code


def test_only_so_many_pictures_are_kept() -> None:
    pdf, ends = vector("number-changed")
    found = compare_pages(pdf, ends, limits=CompareLimits(pictures=1))
    assert [bool(d.after) for d in found] == [True] + [False] * (len(found) - 1)


def test_what_is_no_pdf_is_refused() -> None:
    with pytest.raises(InputError):
        compare_pages(b"no PDF" * 10, [12])
