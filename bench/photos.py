"""How often a printed seal is read from simulated scans and photos (`make bench`): a 156-byte token, 20 mm, zxing-cpp.

The mark is set as it is in documents, drawn by PDFium at a resolution, then turned, tilted, blurred (in mm of paper),
flattened in contrast, lit from one side, made noisy and pressed through JPEG. Reading is `esign.seal.read`: one pass,
and one more at twice the size where the first finds nothing. The same seeds give the same pictures.
"""

import argparse
import io
import json
import math
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import zxingcpp
from PIL import Image, ImageChops, ImageFilter

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from esign.pdf import page_image, seal_mark  # noqa: E402
from esign.seal import Symbol, seal_urls  # noqa: E402
from tests.vectors.seal import generate  # noqa: E402

TRIALS = 36
RESOLUTIONS = (150, 200, 300, 400, 600)
_MARGIN_MM = 8
# The standard deviation of the mean of two uniform bytes.
_NOISE_SD = 255 / math.sqrt(24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How a picture is taken; the figures are those of the study behind docs/adr/0004-seal.md."""

    turn: float
    """Degrees, either way."""
    tilt: float
    """How much shorter the far side looks than the near one."""
    blur_mm: float
    """Gaussian, on paper."""
    contrast: float
    """Of the range between black and white."""
    shade: float
    """How much darker one side is."""
    noise: float
    """Standard deviation, of 255."""
    jpeg: int
    """Quality."""


MODES: Mapping[str, Conditions] = {
    "scan": Conditions(turn=2, tilt=0.0, blur_mm=0.04, contrast=0.9, shade=0.02, noise=5, jpeg=85),
    "photo": Conditions(turn=12, tilt=0.12, blur_mm=0.08, contrast=0.75, shade=0.15, noise=10, jpeg=80),
    "bad": Conditions(turn=25, tilt=0.2, blur_mm=0.13, contrast=0.6, shade=0.3, noise=16, jpeg=65),
}


def taken(mark: Image.Image, dpi: int, how: Conditions, dice: random.Random) -> Image.Image:
    """A picture of `mark`, which was drawn at `dpi`."""
    margin = round(_MARGIN_MM * dpi / 25.4)
    paper = Image.new("L", (mark.width + 2 * margin, mark.height + 2 * margin), 255)
    paper.paste(mark.convert("L"), (margin, margin))
    picture = paper.transform(
        paper.size, Image.Transform.PERSPECTIVE, _view(paper.size, how, dice), Image.Resampling.BICUBIC, fillcolor=255
    )
    picture = picture.filter(ImageFilter.GaussianBlur(how.blur_mm * dpi / 25.4))
    low = 255 * (1 - how.contrast) / 2
    picture = picture.point([round(low + value * how.contrast) for value in range(256)])
    picture = ImageChops.multiply(picture, _light(picture.size, how.shade, dice))
    picture = _noisy(picture, how.noise, dice)
    pressed = io.BytesIO()
    picture.save(pressed, "JPEG", quality=how.jpeg)
    return Image.open(pressed)


def _view(size: tuple[int, int], how: Conditions, dice: random.Random) -> tuple[float, ...]:
    """Coefficients of the projection (x, y) → ((ax + by + c) / (gx + hy + 1), …) about the centre of the picture."""
    angle = math.radians(dice.uniform(-how.turn, how.turn))
    cos, sin = math.cos(angle), math.sin(angle)
    cx, cy = size[0] / 2, size[1] / 2
    g, h = (dice.uniform(-how.tilt, how.tilt) / side for side in size)
    whole = 1 - g * cx - h * cy
    across = (cx * g + cos, cx * h + sin, cx * whole - cos * cx - sin * cy)
    down = (cy * g - sin, cy * h + cos, cy * whole + sin * cx - cos * cy)
    return tuple(value / whole for value in (*across, *down, g, h))


def _light(size: tuple[int, int], shade: float, dice: random.Random) -> Image.Image:
    """Light that falls off to one side."""
    gradient = Image.linear_gradient("L").rotate(dice.choice([0, 90, 180, 270])).resize(size)
    return gradient.point([round(255 - shade * (255 - value)) for value in range(256)])


def _noisy(picture: Image.Image, sd: float, dice: random.Random) -> Image.Image:
    layers = [Image.frombytes("L", picture.size, dice.randbytes(picture.width * picture.height)) for _ in range(2)]
    noise = Image.blend(layers[0], layers[1], 0.5)
    scaled = noise.point([round(128 + (value - 127.5) * sd / _NOISE_SD) for value in range(256)])
    return ImageChops.add(picture, scaled, offset=-128)


def read_once(image: Image.Image, url: str) -> bool:
    """Without the second look."""
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    return any(found.text == url for found in zxingcpp.read_barcodes(image, formats=formats))


def measure(dpi: int, mode: str, *, trials: int, size_mm: float = 20.0) -> tuple[float, float]:
    """The share that is read in one pass, and with the second look."""
    token = generate.token()
    url = token.url(generate.HOST)
    symbol = Symbol.of(url, size_mm=size_mm)
    mark = seal_mark(
        symbol.rows,
        size_mm=symbol.size_mm,
        quiet_mm=symbol.quiet_mm,
        host=generate.HOST,
        printed_id=str(token.claims.result_id),
    )
    drawn = page_image(mark.pdf, 0, dpi)
    once = twice = 0
    for trial in range(trials):
        picture = taken(drawn, dpi, MODES[mode], random.Random(f"{dpi} {mode} {trial}"))  # noqa: S311  # a simulation
        once += read_once(picture, url)
        twice += url in seal_urls(picture)
    return once / trials, twice / trials


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=TRIALS)
    arguments = parser.parse_args()
    token = generate.token()
    symbol = Symbol.of(token.url(generate.HOST))
    print(
        f"{len(bytes(token))}-byte token, version {symbol.version}-{symbol.level.name}, {symbol.size_mm} mm,"
        f" modules of {symbol.module_mm:.3f} mm; {arguments.trials} pictures each:"
        " read in one pass / with a second look\n"
    )
    print(f"{'dpi':>5} " + " ".join(f"{mode:>12}" for mode in MODES))
    kept: dict[str, dict[str, tuple[float, float]]] = {}
    for dpi in RESOLUTIONS:
        kept[str(dpi)] = {mode: measure(dpi, mode, trials=arguments.trials) for mode in MODES}
        cells = (f"{once:5.0%} /{twice:5.0%}" for once, twice in kept[str(dpi)].values())
        print(f"{dpi:>5} " + " ".join(f"{cell:>12}" for cell in cells))
    target = ROOT / "build" / "bench-photos.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"at": datetime.now(UTC).isoformat(), "trials": arguments.trials, "read": kept}))


if __name__ == "__main__":
    main()
