"""When it was signed, by what the signature claims."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from pyhanko.sign.fields import SigSeedSubFilter

from esign.authority import AuthorityTable
from tests.unit.approval.signing import (
    HOUR,
    NOW,
    PERSON,
    PKI_,
    TRUST,
    check,
    codes,
    page,
    refusal,
    signed,
    signed_elsewhere,
)


def test_a_signature_from_the_future_is_refused() -> None:
    assert refusal(signed(page(), at=NOW + 9 * HOUR)).code == "person-signed-in-future"
    assert check(signed(page(), at=NOW + timedelta(minutes=4))).notices == ()


def test_vietnamese_time_written_as_utc_is_noted_and_not_corrected() -> None:
    ahead = check(signed(page(), at=NOW + 7 * HOUR - timedelta(minutes=20)))
    assert codes(ahead) == ["signing-time-as-utc"]
    assert ahead.report.signing_time == NOW + 7 * HOUR - timedelta(minutes=20)
    assert "21.11.2026 17:12:58" in ahead.notices[0].explain("vi").what
    # Days later only the two times of the signature tell.
    pdf = signed_elsewhere(page(), written=NOW, attribute=NOW + 7 * HOUR)
    days_later = check(pdf, trust=replace(TRUST, crls=PKI_.crls(at=NOW + 70 * HOUR)), at=NOW + 72 * HOUR)
    assert codes(days_later)[-1] == "signing-time-as-utc"


def test_the_day_of_a_signature_in_the_wrong_zone_is_the_one_that_was_meant() -> None:
    """Signed at 18:30 on the last day, and written as 18:30 UTC, which is the next day in Vietnam."""
    signed_at = datetime(2026, 11, 21, 11, 30, tzinfo=UTC)
    table = AuthorityTable(grants=(PERSON.granted(until=date(2026, 11, 21)),))
    approval = check(signed(page(), at=signed_at + 7 * HOUR), authority=table, at=signed_at + HOUR)
    assert codes(approval) == ["signing-time-as-utc"]


def test_a_signature_without_a_time_is_noted() -> None:
    pdf = signed_elsewhere(page(), subfilter=SigSeedSubFilter.PADES, written=None, attribute=None)
    assert codes(check(pdf)) == ["signing-time-missing"]
