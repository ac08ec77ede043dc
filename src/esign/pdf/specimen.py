"""A red seal that says MẪU (specimen), for demonstrations and tests; it imitates no agency's seal."""

import io

from esign.pdf._typst import Project
from esign.pdf.fonts import FontSet
from esign.pdf.marks import NO_TIME, template_source
from esign.pdf.raster import page_image

__all__ = ["specimen_seal"]

_DPI = 600


def specimen_seal(*, diameter_mm: float = 36.0, upper: str = "cơ quan mẫu để thử", lower: str = "esign") -> bytes:
    """A round seal as a PNG at 600 dpi with a transparent background."""
    fonts = FontSet.find()
    inputs = {"diameter": diameter_mm, "font": fonts.family, "upper": upper, "lower": lower}
    source = {"sample-seal.typ": template_source("sample-seal.typ")}
    pdf = Project("sample-seal", source, main="sample-seal.typ", fonts=fonts).typeset(inputs, at=NO_TIME).pdf
    png = io.BytesIO()
    page_image(pdf, 0, _DPI, transparent=True).save(png, "PNG", dpi=(_DPI, _DPI), optimize=True)
    return png.getvalue()
