"""Reports on PDFs that others made: each obeys its schema, and a page is made of each."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from esign.report import Integrity, VerificationReport
from esign.reports.etsi import to_xml
from esign.reports.json import schema, to_json
from esign.reports.page import to_html
from esign.reports.text import to_lines
from esign.trust import TrustStore
from esign.verification import Verifier
from tests.support import etsi_schema
from tests.support.office import NOW

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.skipif(not CORPUS.exists(), reason="../shared/corpus is not part of the project"),
]


@cache
def found() -> tuple[tuple[str, VerificationReport], ...]:
    verifier = Verifier(trust=TrustStore(), now=lambda: NOW)
    files = sorted(path for path in (CORPUS / "files").rglob("*") if path.is_file())
    return tuple((str(file.relative_to(CORPUS)), verifier.inspect(file.read_bytes())) for file in files)


def signed() -> Iterator[tuple[str, VerificationReport]]:
    return ((name, report) for name, report in found() if report.signatures)


def test_each_obeys_the_published_schema() -> None:
    judge = jsonschema.Draft202012Validator(schema())
    for name, report in found():
        said = json.loads(json.dumps(to_json(report)))
        assert next(judge.iter_errors(said), None) is None, name


def test_each_signature_has_a_report_that_etsis_schema_accepts() -> None:
    jars = etsi_schema.jars()
    if not jars:
        pytest.skip("the schemas are not here: `make interop` fetches them, or ESIGN_ETSI_SCHEMAS names their folder")
    from lxml import etree

    xsd: Any = etsi_schema.load(jars)
    count = 0
    for name, report in signed():
        document = etree.fromstring(to_xml(report))
        assert xsd.validate(document), f"{name}: {xsd.error_log}"
        count += len(document.findall("{*}SignatureValidationReport"))
    assert count == sum(len(report.signatures) for _, report in signed()) > 0


def test_a_page_and_lines_are_made_of_each_and_say_why() -> None:
    for name, report in found():
        page = to_html(report, name=name)
        lines = [line.text for line in to_lines(report, name=name, language="en")]
        if report.integrity is not Integrity.INTACT:
            assert report.reasons, name
            assert any(line.endswith(f"[{report.reasons[0].code}]") for line in lines), name
        assert all(reason.explain("vi").what != reason.code for reason in report.reasons), name
        assert page.count('class="vi"') == page.count('class="en"'), name
