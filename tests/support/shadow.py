"""A shadow attack ("hide-and-replace", published in 2021): a file that brings a second text to its signature.

Whoever prepares the file hides another text in it; the agency signs what it sees; afterwards a few bytes behind the
signature make every reader show the other text. Everything here is a specimen.

`python -m tests.support.shadow SIGNED ATTACKED` writes such a file as its agency signed it, and as it came back.
"""

import io
import sys
import tempfile
from pathlib import Path

import pikepdf
import typst

from esign.codes import DocumentNumber
from esign.request import Given, Request
from tests.support.office import Office, request

__all__ = ["attacked", "prepared", "revealed"]

_PAGE = """
#set page("a4", margin: (top: 20mm, bottom: 20mm, left: 30mm, right: 15mm))
#set text(lang: "vi", size: 13pt, font: ("Liberation Serif", "New Computer Modern"))
#let trang(so-tien) = [
  #grid(columns: (2fr, 3fr), align: center,
    [UỶ BAN NHÂN DÂN\\ *PHƯỜNG MẪU*\\ \\ Số: 05/QĐ-UBND],
    [*CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM*\\ *Độc lập - Tự do - Hạnh phúc*\\ \\ _Hà Nội, ngày 21 tháng 11 năm 2026_])
  #v(8mm)
  #align(center)[*QUYẾT ĐỊNH*\\ *Về việc hỗ trợ (MẪU, không có giá trị)*]
  #v(5mm)
  *Điều 1.* Hỗ trợ ông Nguyễn Văn Mẫu số tiền *#so-tien đồng*.

  *Điều 2.* Quyết định có hiệu lực kể từ ngày ký.
]
#trang("5.000.000")
#pagebreak()
#trang("95.000.000")
"""
_KEPT = "/SpecimenShadow"


def prepared() -> bytes:
    """What is put before the agency: one page to see, and another that no page tree leads to."""
    made: bytes = typst.compile(_PAGE.encode())
    with pikepdf.open(io.BytesIO(made)) as pdf:
        # The object stays in the file because the catalog mentions it under a name that no reader knows.
        pdf.Root[_KEPT] = pdf.make_indirect(pikepdf.Array([pdf.pages[1].obj]))
        del pdf.pages[1]
        for entry in ("/StructTreeRoot", "/MarkInfo", "/Outlines", "/PageLabels", "/Metadata", "/OutputIntents"):
            if entry in pdf.Root:
                del pdf.Root[entry]
        for page in (pdf.pages[0].obj, pdf.Root[_KEPT][0]):
            for entry in ("/StructParents", "/Tabs"):
                if entry in page:
                    del page[entry]
        out = io.BytesIO()
        pdf.save(out, static_id=True, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return out.getvalue()


def revealed(signed: bytes) -> bytes:
    """The signed file with an update behind it: the page keeps its seal and shows the other text."""
    with pikepdf.open(io.BytesIO(signed)) as pdf:
        page, shadow = pdf.pages[0].obj, pdf.Root[_KEPT][0]
        number = page.objgen[0]
        streams = list(page.Contents)
        text = max(streams, key=lambda stream: len(stream.read_bytes()))  # the others draw the QR
        entries = dict(page.items())
        entries["/Contents"] = pikepdf.Array([shadow.Contents if s == text else s for s in streams])
        spelled = b" ".join(key.encode() + b" " + _spelled(value) for key, value in entries.items())
        size, root = int(pdf.trailer.Size), pdf.Root.objgen[0]
    start = int(signed[signed.rindex(b"startxref") :].split()[1])
    body = b"%d 0 obj\n<< %b >>\nendobj\n" % (number, spelled)
    table = b"xref\n%d 1\n%010d 00000 n \n" % (number, len(signed))
    trailer = b"trailer\n<< /Size %d /Root %d 0 R /Prev %d >>\n" % (size, root, start)
    return signed + body + table + trailer + b"startxref\n%d\n%%%%EOF\n" % (len(signed) + len(body))


def _spelled(value: object) -> bytes:
    if isinstance(value, pikepdf.Object):
        return b"%d %d R" % value.objgen if value.is_indirect else bytes(value.unparse())
    return str(value).encode()  # numbers


def attacked(office: Office) -> tuple[bytes, bytes]:
    """Such a file as `office` signed it, and as it came back."""
    asked = Request(
        idempotency_key="shadow",
        content=Given(pdf=prepared()),
        metadata=request("-").metadata,
        number=DocumentNumber(5, None, "QĐ-UBND"),
    )
    signed = office.issuer().issue(asked).pdf
    return signed, revealed(signed)


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        made = attacked(Office.create(Path(place) / "office"))
    for path, pdf in zip(sys.argv[1:], made, strict=True):
        Path(path).write_bytes(pdf)


if __name__ == "__main__":
    main()
