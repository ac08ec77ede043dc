"""PDFs that others made: every unsigned one is issued and verifies, or is refused with a reason; no verdict crashes."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from esign.codes import DocumentNumber
from esign.errors import PreflightError
from esign.pades.inspect import inspect_signatures
from esign.report import Integrity
from esign.request import Given, Request
from esign.trust import TrustStore
from tests.support.office import NOW, Office, request

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not CORPUS.exists(), reason="../shared/corpus is not part of the project"),
]


def cases() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((CORPUS / "manifest.json").read_text("utf-8")) if CORPUS.exists() else []
    return found


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office.create(tmp_path_factory.mktemp("corpus") / "office")


UNSIGNED = [c["file"] for c in cases() if c["expect"].get("verdict") == "no_signature"]


@pytest.mark.parametrize("number", range(1, 1 + len(UNSIGNED)))
def test_unsigned_files_are_issued_or_refused_with_a_reason(office: Office, tmp_path: Path, number: int) -> None:
    pdf = (CORPUS / "files" / UNSIGNED[number - 1]).read_bytes()
    asked = Request(
        idempotency_key=f"corpus-{number}",
        content=Given(pdf=pdf),
        metadata=request("-").metadata,
        number=DocumentNumber(number, None, "GP-UBND"),
    )
    try:
        issued = office.issuer().issue(asked)
    except PreflightError as error:
        refused = error.findings
    else:
        refused = ()
    if refused:
        assert all(f.explain("vi").what and f.explain("en").what != f.code for f in refused)
        return
    assert issued.pdf.startswith(pdf)
    assert office.verifier().verify(issued.pdf).integrity is Integrity.INTACT
    file = tmp_path / "issued.pdf"
    file.write_bytes(issued.pdf)
    pdfsig = subprocess.run(["pdfsig", "-nocert", file], capture_output=True, text=True, check=False).stdout
    assert "Signature Validation: Signature is Valid." in pdfsig
    # 2 would be an error; the warnings that some originals have (3) are theirs and stay.
    assert subprocess.run(["qpdf", "--check", file], capture_output=True, check=False).returncode in {0, 3}


def test_every_file_ends_in_a_report() -> None:
    """None raises, and every rejection has a reason; agreement is the hardened verifier's matter."""
    for case in cases():
        pdf = (CORPUS / "files" / case["file"]).read_bytes()
        report = inspect_signatures(pdf, trust=TrustStore(), at=NOW)
        if report.integrity is not Integrity.INTACT:
            reasons = [
                c.reason for c in (*report.checks, *(k for s in report.signatures for k in s.checks)) if c.reason
            ]
            assert reasons, case["file"]
            assert all(r.explain("vi").what != r.code for r in reasons), case["file"]
