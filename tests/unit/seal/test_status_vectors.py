"""Every vector of status and trust lists says what a reader must find; the examples of the specifications are true."""

from datetime import datetime
from pathlib import Path

import pytest

from esign.errors import SealError
from esign.seal import read_parts
from esign.seal.shard import Shard
from esign.seal.signed_file import SignedFile
from esign.seal.status_details import read_details
from esign.seal.status_manifest import read_manifest
from tests.support.site import KID, NOW
from tests.vectors.status import generate

FOLDER = Path(generate.__file__).parent
VECTORS = sorted(FOLDER.glob("*.txt"))
TRUST = read_parts(generate.SITE.trust_files, roots=[generate.SITE.root], at=NOW)


def header_and_data(path: Path) -> tuple[dict[str, str], bytes]:
    header, _, body = path.read_text("utf-8").partition("\n\n")
    lines = (line.partition(": ") for line in header.split("\n"))
    return {name: value for name, _, value in lines}, bytes.fromhex(body.replace("\n", ""))


def looked_at(kind: str, data: bytes) -> None:
    """As `esign.seal.status` and `read_parts` look at files."""
    host = TRUST.host(KID)
    assert host is not None

    def check(file: SignedFile, at: datetime) -> None:
        key = host.status_key(file.kid, at)
        if key is None:
            raise SealError("status-key-unknown", kid=file.kid.hex())
        file.check(key.public_key)

    match kind:
        case "shard":
            shard = Shard.read(data)
            if shard.uri != generate.URI:
                raise SealError("status-list-invalid", field="sub")
            check(shard.file, shard.issued_at)
        case "details":
            file, details = read_details(data, uri=generate.URI)
            check(file, details.issued_at)
        case "manifest":
            file, manifest = read_manifest(data)
            check(file, manifest.issued_at)
        case "trust":
            read_parts([data], roots=[generate.SITE.root], at=NOW)


def judged(kind: str, data: bytes) -> str:
    try:
        looked_at(kind, data)
    except SealError as e:
        return e.code
    return "good"


@pytest.mark.parametrize("path", VECTORS, ids=lambda p: p.stem)
def test_vector(path: Path) -> None:
    header, data = header_and_data(path)
    assert judged(header["kind"], data) == header["expect"]


def test_vectors_are_as_generated() -> None:
    made = generate.files()
    assert {p.name for p in VECTORS} == made.keys()
    assert len(VECTORS) > 40
    for name, text in made.items():
        # Another zlib may pack otherwise; what is said stays the same (test_vector).
        if "bits" not in text and not name.startswith("shard"):
            assert (FOLDER / name).read_text("utf-8").split("\n\n")[0] == text.split("\n\n")[0], name


@pytest.mark.parametrize("name", sorted(generate.EXAMPLES))
def test_the_worked_examples_are_true(name: str) -> None:
    text = (generate.SPECS / name).read_text("utf-8")
    assert generate.with_example(text, generate.EXAMPLES[name]()) == text
