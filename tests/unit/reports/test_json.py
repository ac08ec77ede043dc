"""The JSON report obeys its published schema, whatever was verified, and has one canonical spelling."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings

from esign.report import VerificationReport
from esign.reports.json import canonical, schema, to_json
from tests.support import reports

ROOT = Path(__file__).parents[3]
MADE = {
    f.__name__: f
    for f in (
        reports.good,
        reports.shadow,
        reports.unknown,
        reports.withdrawn,
        reports.unsigned,
        reports.unreadable,
    )
}
ANSWERS = {
    "good": "good",
    "shadow": "bad",
    "unknown": "unknown",
    "withdrawn": "bad",
    "unsigned": "bad",
    "unreadable": "bad",
}


def test_the_schema_is_a_schema_and_the_published_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    published = json.loads((ROOT / "docs/spec/report.schema.json").read_text("utf-8"))
    assert published == schema()


@pytest.mark.parametrize("name", MADE)
def test_each_answer_obeys_the_schema(name: str) -> None:
    said = to_json(MADE[name]())
    jsonschema.validate(said, schema(), cls=jsonschema.Draft202012Validator)
    assert said["answer"] == ANSWERS[name]
    assert json.loads(json.dumps(said)) == said


@settings(deadline=None)
@given(report=reports.REPORTS)
def test_any_report_obeys_the_schema(report: VerificationReport) -> None:
    said = to_json(report)
    jsonschema.Draft202012Validator(schema()).validate(said)
    assert json.loads(canonical(said)) == said


def test_reasons_are_told_in_both_languages() -> None:
    (check,) = (c for c in to_json(reports.unsigned())["checks"])  # type: ignore[attr-defined]
    assert check["reason"] == "no-signature"
    assert check["what"]["vi"] != check["what"]["en"]


def test_personal_numbers_are_masked_and_certificates_left_out() -> None:
    said = json.dumps(to_json(reports.good(signatures=(reports.signature(signer="MẪU 37101010021"),))))
    assert "37101010021" not in said
    assert "certificates" not in said


def test_the_canonical_spelling_is_that_of_rfc_8785() -> None:
    assert canonical({"b": [1, None, True], "a": '€ö\u000f\n\\"'}) == (
        b'{"a":"\xe2\x82\xac\xc3\xb6\\u000f\\n\\\\\\"","b":[1,null,true]}'
    )
    with pytest.raises(TypeError):
        canonical({"a": [1.5]})
