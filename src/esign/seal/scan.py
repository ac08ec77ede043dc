"""Reading QR symbols from an image, as a phone would."""

from PIL import Image, ImageFilter

from esign.errors import SealError
from esign.seal.token import split_url

__all__ = ["read", "seal_urls"]

# An A4 page at 600 dpi has 35 million pixels; four times as many are not worth the memory.
_MAX_UPSCALED_PIXELS = 40_000_000
# A seal has 53 modules or more a side, so that one too small for a cell and its neighbours is too small to be read.
_CELL = 16
_NEIGHBOURHOOD = 3
_INKED = 248  # half of a symbol is dark: even a pale one is darker than this on average
_MARGIN = 10 * _CELL  # zxing-cpp looks at pictures of 500 pixels and more at smaller scales, too


def read(image: Image.Image) -> tuple[str, ...]:
    """The texts of all QR symbols in `image`, each once.

    If none of them is a seal, the part that is inked throughout is read once more at twice its size: in simulation
    that lifted photos at 150 dpi from 67 to 100 percent.
    """
    grey = _on_white(image)
    texts = _texts(grey)
    if not any(map(_is_seal, texts)) and 4 * grey.width * grey.height <= _MAX_UPSCALED_PIXELS:
        part = _inked(grey)
        if part is not None:
            texts += _texts(part.resize((2 * part.width, 2 * part.height), Image.Resampling.BICUBIC))
    return tuple(dict.fromkeys(texts))


def seal_urls(image: Image.Image) -> tuple[str, ...]:
    """Only the URLs of seals; whether they are genuine says `esign.seal.verify`."""
    return tuple(text for text in read(image) if _is_seal(text))


def _on_white(image: Image.Image) -> Image.Image:
    """`image` in grey; what is transparent is paper."""
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(paper, layer).convert("L")
    return image.convert("L")


def _inked(grey: Image.Image) -> Image.Image | None:
    """The part with everything that may be a symbol: lines of text have paper between them, a symbol has none."""
    cells = grey.reduce(_CELL).filter(ImageFilter.MaxFilter(_NEIGHBOURHOOD))
    found = cells.point([255 if value < _INKED else 0 for value in range(256)]).getbbox()
    if found is None:
        return None
    left, top, right, bottom = (_CELL * side for side in found)
    reach = _CELL * (_NEIGHBOURHOOD // 2) + _MARGIN
    return grey.crop(
        (
            max(0, left - reach),
            max(0, top - reach),
            min(grey.width, right + reach),
            min(grey.height, bottom + reach),
        )
    )


def _texts(image: Image.Image) -> list[str]:
    import zxingcpp  # noqa: PLC0415  # needed where a QR is looked for; the modules of the seal are loaded without one

    # Made anew each time: one that lives as long as the module is reported as a leak on stderr when Python ends.
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    found = zxingcpp.read_barcodes(image, formats=formats)
    return [barcode.text for barcode in found if barcode.valid]


def _is_seal(text: str) -> bool:
    try:
        split_url(text)
    except SealError:
        return False
    return True
