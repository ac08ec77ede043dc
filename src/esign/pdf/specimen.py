"""A red seal and a blue signature that say MẪU (specimen), for demonstrations and tests; they imitate nobody's."""

import io

from esign.pdf._typst import Project
from esign.pdf.fonts import FontSet
from esign.pdf.marks import NO_TIME, PERSON_MM, template_source
from esign.pdf.raster import page_image

__all__ = ["specimen_seal", "specimen_signature"]

_DPI = 600


def specimen_seal(*, diameter_mm: float = 36.0, upper: str = "cơ quan mẫu để thử", lower: str = "esign") -> bytes:
    """A round seal as a PNG at 600 dpi with a transparent background."""
    return _png("sample-seal", {"diameter": diameter_mm, "upper": upper, "lower": lower})


def specimen_signature(text: str = "Mẫu chữ ký") -> bytes:
    """`text` as if signed in blue, 40 x 20 mm: a PNG at 600 dpi with a transparent background."""
    return _png("sample-signature", {"width": PERSON_MM[0], "height": PERSON_MM[1], "text": text})


def _png(name: str, inputs: dict[str, object]) -> bytes:
    fonts = FontSet.find()
    main = f"{name}.typ"
    project = Project(name, {main: template_source(main)}, main=main, fonts=fonts)
    pdf = project.typeset({**inputs, "font": fonts.family}, at=NO_TIME).pdf
    png = io.BytesIO()
    page_image(pdf, 0, _DPI, transparent=True).save(png, "PNG", dpi=(_DPI, _DPI), optimize=True)
    return png.getvalue()
