"""An agency with a specimen seal, and small PDFs built byte by byte where a library would be too polite."""

from datetime import UTC, datetime

import pytest

from esign.codes import AgencyCode
from esign.document import Agency
from esign.pdf import Renderer, specimen_seal

SIGNED_AT = datetime(2026, 11, 21, 3, 32, 58, tzinfo=UTC)


@pytest.fixture(scope="session")
def seal_image() -> bytes:
    return specimen_seal()


@pytest.fixture(scope="session")
def agency(seal_image: bytes) -> Agency:
    return Agency(
        code=AgencyCode("H26.1.2"),
        name="Ủy ban nhân dân phường Cửa Nam",
        parent="Ủy ban nhân dân thành phố Hà Nội",
        place="Hà Nội",
        address="Số 1 phố Thử Nghiệm, phường Cửa Nam, thành phố Hà Nội; thư điện tử: cuanam@example.invalid",
        seal_image=seal_image,
    )


@pytest.fixture(scope="session")
def renderer() -> Renderer:
    return Renderer()
