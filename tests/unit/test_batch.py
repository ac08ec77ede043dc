"""Batches: what a plan says, that a run does just that, and what stops it."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from esign.batch import Outcome, Outlook, Plan, Refused, Released, Requested, Row, findings, plan, run
from esign.codes import DocumentNumber
from esign.document import Person
from esign.errors import InputError, KeyStoreError, PreflightError, RegistryError
from esign.issuance import Issuer
from esign.keys import DelegatedKey, Mechanism
from esign.layout import GivenFiles
from esign.pdf.preflight import Preflight, preflight
from esign.profile import DuplicatePolicy, IssuanceProfile, Numbering
from esign.reasons import Reason
from esign.registry import Intent, IntentState
from esign.request import Given, Request
from esign.steps import Step
from tests.support.office import Office, request
from tests.support.plain_pdf import plain_pdf
from tests.unit.pdf.tools import page


@pytest.fixture
def office(p256_office: Path, tmp_path: Path) -> Office:
    return Office.copied(p256_office, tmp_path / "office")


def wanted(key: str, **changes: object) -> Requested:
    return Requested(name=key, request=lambda: replace(request(key), **changes))  # type: ignore[arg-type]  # by tests


def file(name: str, pdf: bytes) -> Requested:
    return Requested(name=name, request=lambda: Request(idempotency_key=f"sign-{hash(pdf)}", content=Given(pdf=pdf)))


def planned(office: Office, *tasks: Requested | Released | Refused) -> Plan:
    return plan(tasks, issuer=office.issuer(key=None), registry=office.registry)


def outlooks(made: Plan) -> list[Outlook]:
    return [e.seen.outlook for e in made.entries]


def outcomes(rows: list[Row]) -> list[Outcome]:
    return [r.outcome for r in rows]


def test_a_plan_records_nothing_and_a_run_does_it_once(office: Office) -> None:
    tasks: list[Requested | Released | Refused] = [
        wanted("a"),
        wanted("b"),
        Refused(name="c", error=InputError("sheet-x")),
        wanted("d"),
    ]
    first = planned(office, *tasks)
    assert outlooks(first) == [Outlook.TO_DO, Outlook.TO_DO, Outlook.REFUSED, Outlook.TO_DO]
    assert first.needs_key
    assert office.registry.listing().entries == ()
    rows = list(run(first, office.issuer()))
    assert outcomes(rows) == [Outcome.ISSUED, Outcome.ISSUED, Outcome.REFUSED, Outcome.ISSUED]
    assert [str(r.number) for r in rows if r.number] == ["01/QĐ-UBND", "02/QĐ-UBND", "03/QĐ-UBND"]
    again = planned(office, *tasks)
    assert outlooks(again) == [Outlook.DONE, Outlook.DONE, Outlook.REFUSED, Outlook.DONE]
    assert not again.needs_key
    repeated = list(run(again, office.issuer(key=None)))
    assert outcomes(repeated) == [Outcome.KNOWN, Outcome.KNOWN, Outcome.REFUSED, Outcome.KNOWN]
    assert [r.id for r in repeated] == [r.id for r in rows]


def test_what_cannot_be_issued_is_refused_with_every_finding(office: Office) -> None:
    broken = wanted("a", content=Given(pdf=b"no PDF"), number=DocumentNumber.parse("5/QĐ-UBND"))
    (entry,) = planned(office, broken).entries
    assert entry.error is not None
    assert isinstance(entry.error, PreflightError)
    assert entry.seen.reasons == findings(entry.error) == entry.error.findings


def test_what_the_plan_examined_is_not_examined_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    examined: list[bytes] = []

    def watched(pdf: bytes, profile: IssuanceProfile) -> Preflight:
        examined.append(pdf)
        return preflight(pdf, profile)

    monkeypatch.setattr("esign.layout.preflight", watched)
    given, files = GivenFiles(), [plain_pdf(text) for text in "abc"]
    made = plan(
        [file(str(n), pdf) for n, pdf in enumerate(files)],
        issuer=office.issuer(key=None, given=given),
        registry=office.registry,
    )
    assert examined == files
    assert outcomes(list(run(made, office.issuer(given=given)))) == [Outcome.ISSUED] * 3
    assert examined == files
    # Under other circumstances it is.
    stricter = replace(office.profile, visible=not office.profile.visible)
    office.issuer(given=given, profile=stricter).check(Request(idempotency_key="k", content=Given(pdf=files[0])))
    assert examined == [*files, files[0]]


def test_two_equal_results_are_a_slip_and_two_equal_files_are_not(office: Office) -> None:
    pdf = plain_pdf()
    made = planned(office, wanted("a"), wanted("a"), file("x", pdf), file("y", pdf))
    assert outlooks(made) == [Outlook.TO_DO, Outlook.REFUSED, Outlook.TO_DO, Outlook.TO_DO]
    assert made.entries[1].error is not None
    assert made.entries[1].error.reason == Reason("batch-repeated", {"first": "a"})
    rows = list(run(made, office.issuer()))
    assert rows[2].id == rows[3].id
    assert outcomes(rows) == [Outcome.ISSUED, Outcome.REFUSED, Outcome.ISSUED, Outcome.KNOWN]
    assert len(office.registry.listing().entries) == 2


def test_a_signed_file_of_ours_is_left_alone(office: Office) -> None:
    (row,) = run(planned(office, file("x", plain_pdf())), office.issuer())
    assert row.issued is not None
    made = planned(office, file("y", row.issued.pdf))
    assert outlooks(made) == [Outlook.OURS]
    assert outcomes(list(run(made, office.issuer(key=None)))) == [Outcome.OURS]


def test_what_changed_since_the_plan_is_not_done(office: Office) -> None:
    content = [plain_pdf("one")]
    task = Requested(name="x", request=lambda: Request(idempotency_key="k", content=Given(pdf=content[0])))
    made = planned(office, task)
    content[0] = plain_pdf("two")
    (row,) = run(made, office.issuer())
    assert row.outcome is Outcome.FAILED
    assert [r.code for r in row.reasons] == ["batch-changed"]
    assert office.registry.listing().entries == ()


def test_a_key_that_stands_for_something_else_is_refused(office: Office) -> None:
    office.issuer().issue(request("a"))
    (entry,) = planned(office, wanted("a", issue_date=date(2026, 11, 20))).entries
    assert entry.error is not None
    assert entry.error.code == "request-conflict"
    assert entry.seen.intent is not None, "a summary names it by its id"


def standing_still() -> float:
    """A clock by which everything takes less than a second."""
    return 0.0


def test_rows_come_in_the_order_of_the_plan_and_so_do_numbers(office: Office) -> None:
    """Also where some join the line, some go by themselves, and some are refused on the way."""
    large = file("large", page(b"%" + random.Random(1).randbytes(3 << 19).hex().encode()))
    tasks = [
        *map(wanted, "abcde"),
        large,
        wanted("bad", content=Given(pdf=b"no PDF"), number=DocumentNumber.parse("5/QĐ-UBND")),
        *map(wanted, "fghijklm"),
    ]
    made = planned(office, *tasks)
    rows = list(run(made, office.issuer(), clock=standing_still))
    assert [r.entry for r in rows] == list(made.entries)
    assert outcomes(rows) == [Outcome.ISSUED] * 6 + [Outcome.REFUSED] + [Outcome.ISSUED] * 8
    assert [str(r.number) for r in rows if r.number] == [f"{n:02}/QĐ-UBND" for n in range(1, 14)]
    assert list((office.folder / "spool").iterdir()) == []


def test_somebody_stops_it_and_what_is_under_way_is_finished(office: Office) -> None:
    rows: list[Row] = []
    tasks = [wanted(f"k{n}") for n in range(40)]
    for row in run(planned(office, *tasks), office.issuer(), stop=lambda: len(rows) >= 1):
        rows.append(row)  # noqa: PERF402 - `stop` looks at it
    done = outcomes(rows).count(Outcome.ISSUED)
    assert 1 <= done <= 2, "as long as nobody knows how fast it goes, few are under way"
    assert outcomes(rows) == [Outcome.ISSUED] * done + [Outcome.LEFT] * (40 - done)
    assert [e.state for e in office.registry.listing().entries] == [IntentState.ISSUED] * done


def test_as_many_are_under_way_as_are_done_in_a_second(office: Office) -> None:
    """A token that takes long: whoever stops does not wait for dozens."""
    seconds = iter(range(10**6))
    begun: list[str] = []

    def asked(key: str) -> Request:
        begun.append(key)
        return request(key)

    tasks = [Requested(name=key, request=partial(asked, key)) for key in "abcdefgh"]
    made = planned(office, *tasks)
    begun.clear()
    for position, row in enumerate(run(made, office.issuer(), clock=lambda: float(next(seconds))), 1):
        assert row.outcome is Outcome.ISSUED
        assert len(begun) <= position + 1


def test_who_listens_no_more_stops_it(office: Office) -> None:
    rows = run(planned(office, *[wanted(f"k{n}") for n in range(40)]), office.issuer())
    next(rows)
    rows.close()  # type: ignore[attr-defined]  # it is a generator
    assert {e.state for e in office.registry.listing().entries} == {IntentState.ISSUED}
    assert len(office.registry.listing().entries) <= 2


@pytest.mark.parametrize(
    ("error", "stops"),
    [
        (KeyStoreError("token-unplugged"), True),
        (RegistryError("disk-not-writable", folder="x", problem="full"), True),
        (InputError("output-exists", file="x"), False),
        (RegistryError("main-not-issued"), False),
    ],
)
def test_only_what_would_fail_again_stops_it(office: Office, error: Exception, *, stops: bool) -> None:
    batch = planned(office, *[wanted(f"k{n}") for n in range(12)])

    def keep(entry: object, _issued: object) -> None:
        if entry is batch.entries[1]:
            raise error

    rows = outcomes(list(run(batch, office.issuer(), keep=keep)))
    assert rows[:2] == [Outcome.ISSUED, Outcome.FAILED]
    assert set(rows[-6:]) == {Outcome.LEFT if stops else Outcome.ISSUED}


def test_a_token_that_dies_is_told_once(office: Office) -> None:
    """What was under way with it is left as well, and another run finishes it with the numbers that it has."""
    dead: list[KeyStoreError] = []

    class Dying(DelegatedKey):
        _key = office.key

        def sign_all(self, data: Sequence[bytes], *, mechanism: Mechanism) -> list[bytes]:
            if dead:
                raise dead[0]
            return super().sign_all(data, mechanism=mechanism)

    batch = planned(office, *[wanted(f"k{n}") for n in range(40)])
    rows: list[Row] = []
    for row in run(batch, office.issuer(key=Dying()), clock=standing_still):
        rows.append(row)
        if len(rows) == 10:
            dead.append(KeyStoreError("token-gone", token="t", serial="1"))
    found = outcomes(rows)
    done = found.count(Outcome.ISSUED)
    assert found == [Outcome.ISSUED] * done + [Outcome.FAILED] + [Outcome.LEFT] * (39 - done)
    assert 10 <= done <= 34
    begun = {str(e.number) for e in office.registry.listing().entries}
    again = list(run(planned(office, *[wanted(f"k{n}") for n in range(40)]), office.issuer()))
    assert [str(r.number) for r in again] == [f"{n:02}/QĐ-UBND" for n in range(1, 41)]
    assert begun <= {str(r.number) for r in again}


@pytest.mark.parametrize("step", [Step.RESERVED, Step.PREPARED, Step.KEY_USED, Step.ISSUED])
def test_a_crash_in_the_middle_is_repaired_by_the_next_run(office: Office, step: Step) -> None:
    done: list[Step] = []

    def crash(reached: Step, _intent: Intent | None) -> None:
        done.append(reached)
        if done.count(step) >= 3:  # and from then on nothing is done
            raise Crash

    tasks = [wanted(k) for k in "abcdef"]
    with pytest.raises(Crash):
        list(run(planned(office, *tasks), office.issuer(crash)))
    made = planned(office, *tasks)
    assert made.entries[0].seen.outlook is Outlook.DONE
    rows = list(run(made, office.issuer()))
    assert sorted(str(r.number) for r in rows) == [f"{n:02}/QĐ-UBND" for n in range(1, 7)]
    entries = office.registry.listing().entries
    assert {e.state for e in entries} == {IntentState.ISSUED}
    assert len(entries) == 6


class Crash(BaseException):
    """Nobody is prepared for it."""


# --- release ----------------------------------------------------------------------------------------------------


@pytest.fixture
def two(p256_office: Path, tmp_path: Path) -> Office:
    return Office.copied(p256_office, tmp_path / "two", person=True, numbering=Numbering.AT_RELEASE)


def approve(office: Office, issuer: Issuer, key: str, person: Person | None = None) -> Intent:
    pending = issuer.submit(replace(request(key), person=person or office.person))
    return issuer.complete(pending.id, office.person_key.sign(pending.to_be_signed, mechanism=pending.mechanism))


def test_a_release_takes_numbers_in_order_or_from_a_sheet(two: Office) -> None:
    issuer = two.issuer()
    one, other, waiting = (approve(two, issuer, k) for k in "abc")
    left = issuer.submit(replace(request("d"), person=two.person))
    given = DocumentNumber.parse("77/QĐ-UBND")
    tasks = [
        Released(name="1", id=one.id),
        Released(name="2", id=other.id, number=given, issue_date=date(2026, 11, 20)),
        Released(name="3", id=left.id),
        Released(name="4", id=one.id),
    ]
    made = planned(two, *tasks)
    assert outlooks(made) == [Outlook.TO_DO, Outlook.TO_DO, Outlook.REFUSED, Outlook.REFUSED]
    assert [e.error.code for e in made.refused if e.error] == ["person-signature-missing", "batch-repeated"]
    assert [n.code for n in made.entries[0].seen.reasons] == ["authority-not-checked"]
    rows = list(run(made, two.issuer()))
    assert [str(r.number or "") for r in rows] == ["01/QĐ-UBND", "77/QĐ-UBND", "", ""]
    assert two.registry.get(other.id).issue_date == date(2026, 11, 20)
    assert two.registry.get(waiting.id).state is IntentState.APPROVED
    assert outlooks(planned(two, *tasks[:2])) == [Outlook.DONE, Outlook.DONE]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"number": DocumentNumber.parse("2/QĐ-UBND")}, "number-is-given"),
        ({"issue_date": date(2026, 11, 1)}, "number-is-given"),
        ({"number": DocumentNumber.parse("1/QĐ-UBND"), "issue_date": date(2026, 11, 21)}, None),
    ],
)
def test_another_number_than_it_has_is_refused(two: Office, changes: dict[str, object], code: str | None) -> None:
    issuer = two.issuer()
    released = issuer.release(approve(two, issuer, "a").id)
    (entry,) = planned(two, replace(Released(name="1", id=released.id), **changes)).entries  # type: ignore[arg-type]
    assert (entry.error.code if entry.error else None) == code


def test_a_number_that_is_taken_is_refused_where_the_profile_says_so(two: Office) -> None:
    issuer = two.issuer()
    issuer.release(approve(two, issuer, "a").id)
    task = Released(name="2", id=approve(two, issuer, "b").id, number=DocumentNumber.parse("1/QĐ-UBND"))
    assert outlooks(planned(two, task)) == [Outlook.REFUSED]
    assert outlooks(planned(two, replace(task, duplicates=DuplicatePolicy.WARN))) == [Outlook.TO_DO]


def test_what_was_taken_back_is_not_released(two: Office) -> None:
    issuer = two.issuer()
    waiting = approve(two, issuer, "a")
    issuer.withdraw(waiting.id, why="sai")
    (entry,) = planned(two, Released(name="1", id=waiting.id)).entries
    assert entry.error is not None
    assert entry.error.code == "request-voided"
