"""Whether what a page showed is still shown, after something was appended to the file.

A signature permits more signatures behind it, with pictures of any size (ISO 32000-1 §12.8.2.2), so no comparison of
structures tells a countersignature on white paper from one that hides the text. Pictures of the pages do.
"""

from PIL import Image, ImageChops

from esign.errors import InputError
from esign.pdf.raster import page_count, page_image

__all__ = ["is_covered"]

_DPI = 72
_MOST_PAGES = 200
# The same page drawn twice has the same pixels; these leave room for colour that shines through.
_PAPER = 230
_CHANGED = 24


def is_covered(before: bytes, after: bytes) -> bool:
    """Whether ink of a page of `before` looks otherwise in `after`, which begins with it; more ink beside it may.

    Raises:
        InputError: `pdf-not-rendered`: the pages cannot be drawn, or are too many to look at.
    """
    count = page_count(before)
    if count > _MOST_PAGES:
        raise InputError("pdf-not-rendered", problem=f"> {_MOST_PAGES}")
    if page_count(after) != count:
        return True
    return any(_differs(page_image(before, page, _DPI), page_image(after, page, _DPI)) for page in range(count))


def _differs(before: Image.Image, after: Image.Image) -> bool:
    if before.size != after.size:
        return True
    for one, other in zip(before.split(), after.split(), strict=True):
        # A band at a time: red ink is white in the red band and tells in the others.
        ink = one.point([255 if value < _PAPER else 0 for value in range(256)])
        changed = ImageChops.difference(one, other).point([255 if value > _CHANGED else 0 for value in range(256)])
        if ImageChops.multiply(ink, changed).getbbox() is not None:
            return True
    return False
