"""Make docs/guide/issued-page.png: a result as it is issued today, by an office that exists only for the picture."""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from esign.pdf import page_image  # noqa: E402
from tests.support.office import Office, request  # noqa: E402

PICTURE = ROOT / "docs" / "guide" / "issued-page.png"


def main() -> None:
    """Issue, draw, keep a small palette: the picture is looked at in a browser."""
    with tempfile.TemporaryDirectory() as place:
        issued = Office.create(Path(place)).issuer().issue(request("picture"))
    page_image(issued.pdf, 0, 110).quantize(200).save(PICTURE, optimize=True)
    print(PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
