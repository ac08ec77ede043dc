"""Every vector says what a verifier must find, as it is stored and as it is made anew."""

import io
from pathlib import Path

import pytest
from pyhanko.pdf_utils import misc
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation.errors import SignatureValidationError

from esign.pades.inspect import inspect_signatures
from esign.report import Check, Outcome
from esign.texts import LANGUAGES
from esign.trust import TrustStore
from tests.vectors.pades import generate

FOLDER = Path(generate.__file__).parent
STORED = sorted(FOLDER.glob("*.vector"))
MADE = {v.name: v for v in generate.vectors()}


def read(content: bytes) -> tuple[dict[str, str], bytes]:
    header, _, pdf = content.partition(b"\n\n")
    lines = (line.partition(": ") for line in header.decode().split("\n"))
    return {name: value for name, _, value in lines}, pdf


def judge(content: bytes) -> None:
    header, pdf = read(content)
    report = inspect_signatures(pdf, trust=TrustStore(), at=generate.RELEASED)
    assert report.integrity.value == header["expect"]
    checks = [c for c in report.checks if c.name == "release-fields"]
    assert code(checks) == header["finding"]
    # The check fails where the file is altered, and only there; nothing else decides in its place.
    failed = any(c.outcome is Outcome.FAILED for c in checks)
    assert failed is (header["expect"] == "ALTERED")
    for check in checks:
        for language in LANGUAGES if check.reason else ():
            assert check.reason is not None
            said = check.reason.explain(language)
            assert said.what != check.reason.code
            assert said.next_step
            assert "{" not in said.what


def code(checks: list[Check]) -> str:
    if not checks:
        return "-"
    return checks[0].reason.code if checks[0].reason else checks[0].outcome.value


@pytest.mark.parametrize("path", STORED, ids=lambda p: p.stem)
def test_stored(path: Path) -> None:
    judge(path.read_bytes())


@pytest.mark.parametrize("name", sorted(MADE))
def test_made_anew(name: str) -> None:
    judge(MADE[name].content())


def test_the_stored_ones_are_those_that_are_made() -> None:
    assert {p.stem for p in STORED} == MADE.keys()
    for path in STORED:
        made = read(MADE[path.stem].content())[0]
        assert read(path.read_bytes())[0] == made, path.stem


def test_readers_let_some_of_these_attacks_pass() -> None:
    """Why there is a check of our own: these changes are permitted after every signature that is in the file."""
    attacks = {n: v for n, v in MADE.items() if v.expect == "ALTERED"}
    assert {
        "unlocked-number-changed",
        "unlocked-then-locked",
        "covered-by-empty-field",
        "adopted-covered",
    } <= {n for n, v in attacks.items() if pyhanko_permits(v.pdf)}
    # Our own comparison refuses empty fields that show something; who locks what is beyond any comparison.
    assert {"unlocked-number-changed", "unlocked-then-locked"} <= {n for n, v in attacks.items() if is_silent(v.pdf)}


def pyhanko_permits(pdf: bytes) -> bool:
    try:
        signatures = PdfFileReader(io.BytesIO(pdf), strict=False).embedded_signatures
        for signature in signatures:
            signature.compute_integrity_info()
        return all(signature.summarise_integrity_info()["docmdp_ok"] for signature in signatures)
    except (misc.PdfReadError, SignatureValidationError):
        return False


def is_silent(pdf: bytes) -> bool:
    return all(s.intact for s in inspect_signatures(pdf, trust=TrustStore(), at=generate.RELEASED).signatures)
