"""Reading QR symbols from an image, as a phone would."""

import zxingcpp
from PIL import Image

from esign.errors import SealError
from esign.seal.token import split_url

__all__ = ["read", "seal_urls"]

# An A4 page at 600 dpi has 35 million pixels; four times as many are not worth the memory.
_MAX_UPSCALED_PIXELS = 40_000_000


def read(image: Image.Image) -> tuple[str, ...]:
    """The texts of all QR symbols in `image`, each once.

    If none of them is a seal, the image is read once more at twice its size: in simulation that lifted photos at
    150 dpi from 67 to 100 percent.
    """
    grey = _on_white(image)
    texts = _texts(grey)
    if not any(map(_is_seal, texts)) and 4 * grey.width * grey.height <= _MAX_UPSCALED_PIXELS:
        larger = grey.resize((2 * grey.width, 2 * grey.height), Image.Resampling.BICUBIC)
        texts += _texts(larger)
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


def _texts(image: Image.Image) -> list[str]:
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
