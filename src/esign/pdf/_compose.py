"""Several marks as one: what a single signature field shows when it has everything to show."""

import io
from collections.abc import Sequence

import pikepdf

from esign.document import Mark
from esign.pdf._structure import MM

__all__ = ["composed"]


def composed(parts: Sequence[tuple[Mark, float, float]], size: tuple[float, float]) -> Mark:
    """A mark of `size` mm with each part at its (left, top) mm; later parts are drawn over earlier ones."""
    width, height = size
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page(page_size=(width * MM, height * MM))
        drawing = []
        forms = pikepdf.Dictionary()
        for index, (mark, left, top) in enumerate(parts):
            with pikepdf.open(io.BytesIO(mark.pdf)) as source:
                forms[f"/M{index}"] = pdf.copy_foreign(source.pages[0].as_form_xobject())
            drawing.append(f"q 1 0 0 1 {left * MM:.4f} {(height - top - mark.height_mm) * MM:.4f} cm /M{index} Do Q")
        page.Resources = pikepdf.Dictionary(XObject=forms)
        page.Contents = pdf.make_stream("\n".join(drawing).encode("ascii"))
        out = io.BytesIO()
        pdf.save(out, deterministic_id=True)
    return Mark(pdf=out.getvalue(), width_mm=width, height_mm=height, alt="\n".join(mark.alt for mark, _, _ in parts))
