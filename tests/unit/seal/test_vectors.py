"""Every vector file says what a verifier must find; they and the example in the specification are as generated."""

from datetime import datetime
from pathlib import Path

import pytest

from esign.errors import SealError
from esign.report import Indication
from esign.seal import SealKeys, SealToken, Symbol, verify
from esign.texts import LANGUAGES
from tests.vectors.seal import generate

FOLDER = Path(generate.__file__).parent
VECTORS = sorted(FOLDER.glob("*.txt"))
INDETERMINATE = {"unknown-seal-key", "seal-key-revoked-since", "seal-version-unknown"}


def read(path: Path) -> tuple[dict[str, str], str]:
    header, _, body = path.read_bytes().decode("utf-8").partition("\n\n")
    lines = (line.partition(": ") for line in header.split("\n"))
    return {name: value for name, _, value in lines}, body.replace("\n", "")


@pytest.mark.parametrize("path", VECTORS, ids=lambda p: p.stem)
def test_vector(path: Path) -> None:
    header, body = read(path)
    keys = SealKeys.from_json((FOLDER / "keys.json").read_text("utf-8"))
    at = datetime.fromisoformat(header["at"])
    seal: SealToken | str = body
    expect = header["expect"]
    if not body.startswith("http") and not body.lower().startswith("https") and not is_digits(path):
        data = bytes.fromhex(body)
        if (refusal := refused(data)) is not None:
            assert refusal.code == expect
            assert_said(refusal)
            return
        seal = SealToken.parse(data)
    report = verify(seal, keys=keys, at=at, host=header.get("host"))
    found = [reason.code for reason in report.findings]
    assert (found or ["genuine"])[0] == expect
    if expect == "genuine":
        assert report.indication is Indication.TOTAL_PASSED
        assert report.authentic
    else:
        indeterminate = expect in INDETERMINATE
        assert report.indication is (Indication.INDETERMINATE if indeterminate else Indication.TOTAL_FAILED)
        assert report.authentic is (expect == "seal-expired")
    for reason in report.findings:
        assert_said(SealError(reason.code, **reason.facts))


def refused(data: bytes) -> SealError | None:
    try:
        SealToken.parse(data)
    except SealError as e:
        return e
    return None


def is_digits(path: Path) -> bool:
    # Hex and digits cannot be told apart by looking; the names say it.
    return path.stem.startswith(("digits-", "ok-digits"))


def assert_said(error: SealError) -> None:
    for language in LANGUAGES:
        said = error.diagnostics(language)
        assert said.what != error.code
        assert "{" not in said.what + said.next_step


def test_vectors_are_as_generated() -> None:
    made = generate.files()
    assert {p.name for p in VECTORS} | {"keys.json"} == made.keys()
    for name, text in made.items():
        assert (FOLDER / name).read_bytes().decode("utf-8") == text, name


def test_the_worked_example_is_true() -> None:
    current = generate.SPEC.read_text("utf-8")
    assert generate.BEGIN in current
    assert generate.example() in current
    assert generate.spec(current) == current


def test_the_sample_has_156_bytes_and_fits_version_9_m_at_20_mm() -> None:
    token = generate.token()
    symbol = Symbol.of(token.url("q.gov.vn"))
    assert len(bytes(token)) == 156
    assert (symbol.version, symbol.level.name, symbol.size_mm) == (9, "M", 20.0)
    assert symbol.module_mm == pytest.approx(0.377, abs=0.0005)


def test_every_reason_of_the_specification_has_a_vector_or_is_about_making() -> None:
    spec = generate.SPEC.read_text("utf-8")
    expected = {read(p)[0]["expect"] for p in VECTORS} - {"genuine"}
    assert {code for code in expected if f"`{code}`" not in spec} == {
        "seal-url-invalid",
        "seal-host-invalid",
        "seal-digits-invalid",
    }
