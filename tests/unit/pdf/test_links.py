"""Which links are seals'."""

import pikepdf
import pytest

from esign.errors import InputError
from esign.pdf.links import seal_links
from tests.unit.pdf.tools import changed, page


@pytest.mark.parametrize(
    ("url", "count"),
    [
        ("https://q.gov.vn/1#" + "7" * 372, 1),
        ("https://q.gov.vn/2#" + "7" * 372, 1),  # a version that is not known yet is a seal all the same
        ("https://thuvienphapluat.vn/2024#12", 0),
        ("https://q.gov.vn/1", 0),
    ],
)
def test_an_ordinary_link_is_no_seal(url: str, count: int) -> None:
    def add(pdf: pikepdf.Pdf) -> None:
        link = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.Link,
            Rect=[72, 740, 200, 760],
            A=pikepdf.Dictionary(S=pikepdf.Name.URI, URI=pikepdf.String(url)),
        )
        pdf.pages[0].obj.Annots = pikepdf.Array([pdf.make_indirect(link)])

    assert len(seal_links(changed(page(), add))) == count


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7\n", b"not a PDF"])
def test_what_cannot_be_read_is_not_without_a_seal(data: bytes) -> None:
    with pytest.raises(InputError) as refused:
        seal_links(data)
    assert refused.value.code == "seal-not-looked-for"
