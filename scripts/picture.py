"""Make the pictures of docs/guide: a result as it is issued today, and the report on one that was attacked.

Both come from an office that exists only for the pictures. The report is drawn by Chromium, as a reader would see it.
"""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from PIL import Image, ImageChops

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from esign.comparison import with_pages  # noqa: E402
from esign.pdf import page_image  # noqa: E402
from esign.reports.page import to_html  # noqa: E402
from tests.support import shadow  # noqa: E402
from tests.support.office import Office, request  # noqa: E402

GUIDE = ROOT / "docs" / "guide"
_WIDTH, _HEIGHT = 800, 3000


def main() -> None:
    """Make them, and keep a small palette: they are looked at in a browser."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        Office.create(folder / "office")
        for name, picture in (
            ("issued-page.png", issued_page(folder / "office")),
            ("attacked-report.png", attacked_report(folder)),
        ):
            picture.quantize(200).save(GUIDE / name, optimize=True)
            print((GUIDE / name).relative_to(ROOT))


def issued_page(folder: Path) -> Image.Image:
    """A decision that a person and the agency signed."""
    office = Office.open(folder, person=True)
    issuer = office.issuer()
    pending = issuer.submit(replace(request("picture"), person=office.person))
    signature = office.person_key.sign(pending.to_be_signed, mechanism=pending.mechanism)
    issued = issuer.release(issuer.complete(pending.id, signature).id)
    return page_image(issued.pdf, 0, 110)


def attacked_report(folder: Path) -> Image.Image:
    """What the report says of a file that shows another text than the one that was signed."""
    office = Office.create(folder / "attacked")
    _, pdf = shadow.attacked(office)
    report = office.verifier(registry=None).inspect(pdf)
    page = folder / "report.html"
    page.write_text(to_html(with_pages(report, pdf), name="quyet-dinh.pdf"), "utf-8")
    return drawn(page, folder / "report.png")


def drawn(page: Path, out: Path) -> Image.Image:
    """`page` as Chromium shows it, without the empty space below."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        message = "the picture of the report needs Chromium: apt-get install chromium"
        raise SystemExit(message)
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={_WIDTH},{_HEIGHT}")
    subprocess.run([browser, *options, f"--screenshot={out}", page.as_uri()], check=True, capture_output=True)
    image = Image.open(out).convert("RGB")
    box = ImageChops.difference(image, Image.new("RGB", image.size, image.getpixel((0, _HEIGHT - 1)))).getbbox()
    assert box is not None
    return image.crop((0, 0, _WIDTH, min(_HEIGHT, box[3] + 20)))


if __name__ == "__main__":
    main()
