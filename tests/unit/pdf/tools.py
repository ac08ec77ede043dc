"""PDFs for tests: plain ones through pikepdf, and the programs that people check PDFs with."""

import io
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pikepdf
from PIL import Image

from tests.support.programs import program

Form = Literal["NFC", "NFD"]
MM = 72 / 25.4


def page(
    content: bytes = b"",
    *,
    media: tuple[float, float, float, float] = (0, 0, 595, 842),
    pages: int = 1,
    **entries: Any,
) -> bytes:
    """A PDF with `pages` equal pages; `entries` go into the page dictionaries."""
    pdf = pikepdf.new()
    for _ in range(pages):
        pdf.add_blank_page(page_size=(100, 100))
        made = pdf.pages[-1].obj
        made.MediaBox = pikepdf.Array(list(media))
        made.Contents = pdf.make_stream(content)
        made.Resources = pikepdf.Dictionary(
            Font=pikepdf.Dictionary(
                F=pikepdf.Dictionary(
                    Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
                )
            )
        )
        for key, value in entries.items():
            made[f"/{key}"] = value
    return saved(pdf)


def saved(pdf: pikepdf.Pdf, **options: Any) -> bytes:
    out = io.BytesIO()
    pdf.save(out, **options)
    return out.getvalue()


def changed(data: bytes, change: Callable[[pikepdf.Pdf], object], **options: Any) -> bytes:
    """`data` after `change(pdf)`."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        change(pdf)
        return saved(pdf, **options)


def run(name: str, *arguments: str, pdf: bytes) -> subprocess.CompletedProcess[str]:
    """Run the program `name` on a file with `pdf`; `@` among the arguments stands for the file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "x.pdf")
        file.write_bytes(pdf)
        return subprocess.run(
            [program(name), *(str(file) if a == "@" else a for a in arguments)],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )


def assert_clean(pdf: bytes) -> None:
    checked = run("qpdf", "--check", "@", pdf=pdf)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def text_of(pdf: bytes) -> str:
    return run("pdftotext", "-layout", "@", "-", pdf=pdf).stdout


def alpha_at(picture: Image.Image, x: int, y: int) -> int:
    """How opaque the RGBA `picture` is there: 0 is transparent."""
    pixel = picture.getpixel((x, y))
    assert isinstance(pixel, tuple)
    return pixel[3]


def darkest(picture: Image.Image) -> int:
    """The least value of any band: 255 is pure white."""
    return min(next(v for v, n in enumerate(band.histogram()) if n) for band in picture.split())
