"""Make docs/guide/issued-page.png: a result as it is issued today, by an office that exists only for the picture."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from esign.pdf import page_image  # noqa: E402
from tests.support.office import Office, request  # noqa: E402

PICTURE = ROOT / "docs" / "guide" / "issued-page.png"


def main() -> None:
    """Issue, draw, keep a small palette: the picture is looked at in a browser."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        Office.create(folder)
        office = Office.open(folder, person=True)
        issuer = office.issuer()
        pending = issuer.submit(replace(request("picture"), person=office.person))
        signature = office.person_key.sign(pending.to_be_signed, mechanism=pending.mechanism)
        issued = issuer.release(issuer.complete(pending.id, signature).id)
    page_image(issued.pdf, 0, 110).quantize(200).save(PICTURE, optimize=True)
    print(PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
