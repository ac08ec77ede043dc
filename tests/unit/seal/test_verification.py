"""Reports: typed, without a truth value, and never an exception. The cases stand in the vectors."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from esign.report import Indication, Outcome
from esign.seal import SealKeys, verify
from esign.softkey import SoftwareKey
from tests.vectors.seal import generate

URL = generate.token().url(generate.HOST)


def test_a_genuine_seal_passes_every_check() -> None:
    report = verify(URL, keys=generate.KEYS, at=generate.AT)
    assert [c.name for c in report.checks] == [
        "seal-format",
        "seal-key",
        "seal-signature",
        "seal-host",
        "seal-key-validity",
        "seal-time",
        "seal-expiry",
    ]
    assert {c.outcome for c in report.checks} == {Outcome.PASSED}
    assert report.token == generate.token()
    assert report.key is generate.GOOD
    assert report.findings == ()
    for check in report.checks:
        number = check.clause.removeprefix("docs/spec/seal.md §")
        assert f"\n## {number}. " in generate.SPEC.read_text("utf-8")


def test_a_report_has_no_truth_value() -> None:
    with pytest.raises(TypeError, match="not a verdict"):
        bool(verify(URL, keys=generate.KEYS, at=generate.AT))


def test_without_keys_nothing_is_known() -> None:
    report = verify(URL, keys=SealKeys(), at=generate.AT)
    assert report.indication is Indication.INDETERMINATE
    assert not report.authentic
    assert report.key is None


def test_several_faults_are_all_reported() -> None:
    key = replace(generate.GOOD, public_key=other_key(), host="a.vn", not_before=generate.AT)
    report = verify(URL, keys=SealKeys([key]), at=generate.AT - timedelta(days=1))
    assert [r.code for r in report.findings] == [
        "seal-signature-invalid",
        "seal-host-unexpected",
        "seal-key-not-yet-valid",
        "seal-from-future",
    ]
    assert report.indication is Indication.TOTAL_FAILED


def test_a_forged_seal_of_a_stolen_key_fails_and_is_not_merely_unknown() -> None:
    stolen = replace(generate.CLAIMS, issued_at=generate.STOLEN.not_before)
    token = generate.token(stolen, generate.STOLEN.kid)
    assert verify(token, keys=generate.KEYS, at=generate.AT).indication is Indication.INDETERMINATE
    forged = replace(token, signature=generate.token().signature)
    assert verify(forged, keys=generate.KEYS, at=generate.AT).indication is Indication.TOTAL_FAILED


def test_expired_and_genuine_are_two_facts() -> None:
    said = replace(generate.CLAIMS, expires=generate.AT)
    report = verify(generate.token(said), keys=generate.KEYS, at=generate.AT)
    assert report.authentic
    assert report.indication is Indication.TOTAL_FAILED


def other_key() -> bytes:
    return SoftwareKey.from_private_key(ec.derive_private_key(5, ec.SECP256R1())).public_key
