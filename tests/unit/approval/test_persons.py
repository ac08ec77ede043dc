"""Who signed: in which order, how many, and by what authority."""

from datetime import date, timedelta
from typing import Any

import pytest

from esign.authority import ALL, AuthorityTable, Capacity
from esign.codes import AgencyCode, ProcedureCode
from tests.support.pki import YEAR
from tests.unit.approval.signing import AGENCY, DRAFTER, HOUR, NOW, PERSON, Signer, check, codes, page, refusal, signed


def test_the_agency_signs_last() -> None:
    refused = refusal(signed(signed(page(), AGENCY, field="S1")), agency_certificate=AGENCY.certificate)
    assert refused.code == "agency-signed-first"
    assert "phải ký sau cùng" in refused.diagnostics("vi").what


def test_the_agency_is_known_by_its_key_and_by_its_field() -> None:
    renewed = Signer.of("UBND PHƯỜNG MẪU (gia hạn)", key=AGENCY.key)
    pdf = signed(signed(page()), renewed, field="S2")
    assert refusal(pdf, agency_certificate=AGENCY.certificate).code == "agency-signed-first"
    pdf = signed(signed(page()), AGENCY, field="AgencySignature")
    assert refusal(pdf).code == "agency-signed-first"


# Several persons.


def test_several_persons_may_sign() -> None:
    pdf = signed(signed(page(), DRAFTER, field="Drafter"))
    approval = check(pdf, expected_prefix=page())
    assert approval.report.field_name == "PersonSignature"
    assert codes(approval) == ["permitted-change", "several-persons-signed"]


def test_the_competent_one_is_found_also_when_another_signs_after() -> None:
    pdf = signed(signed(page()), DRAFTER, field="Joint")
    approval = check(pdf, expected_prefix=page())
    assert approval.report.field_name == "PersonSignature"
    assert refusal(pdf, person_field="Joint").code == "not-authorised-person"
    both = AuthorityTable(grants=(PERSON.granted(), DRAFTER.granted(id="pct")))
    assert check(pdf, authority=both).report.field_name == "Joint"


def test_each_of_several_must_be_sound() -> None:
    late = Signer.of("Trần Thị Ví Dụ", since=NOW - YEAR, until=NOW - HOUR)
    refused = refusal(signed(signed(page(), late, field="Drafter")))
    assert refused.code == "person-certificate-expired"
    assert refused.reason.facts["field"] == "Drafter"


# Authority.


@pytest.mark.parametrize(
    ("changed", "asked", "code"),
    [
        ({"public_key_sha256": "0" * 64}, {}, "not-authorised-person"),
        ({}, {"agency": AgencyCode("H26.18.02")}, "not-authorised-agency"),
        ({}, {"procedure": ProcedureCode("2.000815")}, "not-authorised-procedure"),
        ({}, {"procedure": None}, "not-authorised-procedure"),
        ({"since": date(2026, 11, 22)}, {}, "not-authorised-date"),
        ({"until": date(2026, 11, 20)}, {}, "not-authorised-date"),
    ],
)
def test_who_may_not_sign_this_is_refused(changed: dict[str, Any], asked: dict[str, Any], code: str) -> None:
    table = AuthorityTable(grants=(PERSON.granted(**changed),))
    assert refusal(signed(page()), authority=table, **asked).code == code


def test_a_signature_that_claims_a_day_before_the_grant_is_refused() -> None:
    table = AuthorityTable(grants=(PERSON.granted(since=date(2026, 11, 21)),))
    refused = refusal(signed(page(), at=NOW - timedelta(days=1)), authority=table)
    assert refused.code == "not-authorised-date"
    assert "20.11.2026" in str(refused)


def test_a_claim_does_not_outlive_the_grant_but_the_registers_word_does() -> None:
    """Who lost the authority yesterday can write any time; only what was taken in before is known to be from before."""
    table = AuthorityTable(grants=(PERSON.granted(until=date(2026, 11, 20)),))
    pdf = signed(page(), at=NOW - timedelta(days=2))
    assert refusal(pdf, authority=table).code == "not-authorised-date"
    approval = check(pdf, authority=table, received=NOW - timedelta(days=1))
    assert approval.authority == table.grants[0]


def test_the_grant_of_the_day_of_signing_is_the_one_that_is_named() -> None:
    deputy = PERSON.granted(id="pct", capacity=Capacity.KT, principal="CHỦ TỊCH", until=date(2026, 11, 20))
    chair = PERSON.granted(id="ct", since=date(2026, 11, 21), procedures=ALL)
    approval = check(signed(page(), at=NOW - timedelta(days=1)), authority=AuthorityTable(grants=(deputy, chair)))
    assert approval.authority == deputy


def test_without_a_table_nothing_is_implied() -> None:
    approval = check(signed(page()), authority=None)
    assert approval.authority is None
    assert codes(approval) == ["authority-not-checked"]
