"""The same request again gives the same answer, however often and by however many it is sent."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from esign.codes import ResultId
from esign.keys import Mechanism, SigningKey
from tests.support.office import Office
from tests.support.service import ServiceForTest, office_of, problem, service, wanted


class Counting:
    """A key that counts its signatures."""

    def __init__(self, key: SigningKey) -> None:
        self.key = key
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.key, name)

    def sign(self, data: bytes, *, mechanism: Mechanism) -> bytes:
        self.count += 1
        return self.key.sign(data, mechanism=mechanism)


def test_the_same_request_is_answered_alike(here: ServiceForTest) -> None:
    first = here.post("results", key="portal-1", json=wanted())
    again = here.post("results", key="portal-1", json=wanted())
    quoted = here.post("results", key='"portal-1"', json=wanted())
    assert first.status_code == again.status_code == quoted.status_code == 201
    assert first.content == again.content == quoted.content
    assert first.headers["location"] == again.headers["location"]


def test_another_body_under_the_same_key_is_refused(here: ServiceForTest) -> None:
    here.issue("portal-1")
    problem(here.post("results", key="portal-1", json=wanted(symbol="GP-UBND")), 422, "request-conflict")


@pytest.mark.parametrize("key", [None, "x" * 201, "đơn", '""'])
def test_a_key_is_needed(here: ServiceForTest, key: str | None) -> None:
    headers = {b"Authorization": f"Bearer {here.name}".encode()}
    if key is not None:
        headers[b"Idempotency-Key"] = key.encode()
    answer = here.client.post(here.url("results"), json=wanted(), headers=headers)
    problem(answer, 400, "idempotency-key-missing")


def test_keys_belong_to_an_agency(rsa_office: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    from esign.codes import AgencyCode

    office = Office.copied(rsa_office, tmp_path / "office")
    other = replace(office, agency=replace(office.agency, code=AgencyCode.parse("H26.18.02")))
    with service(office, office_of(other)) as here:
        first = here.issue("same")
        path = f"/v1/agencies/{other.agency.code}/results"
        second = here.post(path, key="same", json=wanted()).json()
        assert first["id"] != second["id"]
        assert second["agency"] == "H26.18.02"
        problem(here.get(f"/v1/agencies/{other.agency.code}/results/{first['id']}"), 404, "not-registered")
    office.registry.close()


@pytest.mark.slow
def test_many_at_once_make_one_signature(rsa_office: Path, tmp_path: Path) -> None:
    office = Office.copied(rsa_office, tmp_path / "office")
    office.key = key = Counting(office.key)
    rounds, threads = 3, 40
    with service(office) as here, ThreadPoolExecutor(threads) as pool:

        def ask(key: str) -> httpx.Response:
            while True:
                answer = here.post("results", key=key, json=wanted())
                if answer.status_code not in {409, 503}:
                    return answer
                assert answer.headers["retry-after"]

        for n in range(rounds):
            answers = list(pool.map(ask, [f"round-{n}"] * threads))
            assert Counter(a.status_code for a in answers) == {201: threads}
            assert len({a.content for a in answers}) == 1
    assert key.count == rounds
    assert len(office.registry.listing().entries) == rounds
    office.registry.close()


def test_what_is_issued_is_told_also_while_somebody_else_asks_for_it(here: ServiceForTest) -> None:
    first = here.post("results", key="portal-1", json=wanted())
    with here.office.registry.claim(ResultId.parse(first.json()["id"])):  # as another process does, to answer it
        again = here.post("results", key="portal-1", json=wanted())
        problem(here.post("results", key="portal-1", json=wanted(symbol="GP-UBND")), 422, "request-conflict")
    assert (again.status_code, again.content) == (201, first.content)


def test_what_is_not_issued_yet_is_in_flight(here: ServiceForTest) -> None:
    accepted = here.post("results", key="portal-1", json=wanted(), headers={"Prefer": "respond-async"}).json()
    with here.office.registry.claim(ResultId.parse(accepted["id"])):
        problem(here.post("results", key="portal-1", json=wanted()), 409, "request-in-flight")


def test_what_was_given_up_is_told_the_same_each_time(here: ServiceForTest) -> None:
    answer = here.post("results", key="k", json=wanted(), headers={"Prefer": "respond-async"})
    taken = here.post(f"results/{answer.json()['id']}/withdrawal", json={"why": "Người nộp rút hồ sơ"})
    assert (taken.status_code, taken.json()["state"]) == (200, "void")
    answers = [here.post("results", key="k", json=wanted()) for _ in range(2)]
    for each in answers:
        problem(each, 409, "request-voided")
    assert answers[0].content == answers[1].content


def test_a_change_of_standing_is_entered_once(here: ServiceForTest) -> None:
    issued = here.issue()
    path, change = f"results/{issued['id']}/standing", {"standing": "suspended", "why": "QĐ 21/QĐ-UBND"}
    first = here.post(path, key="stop", json=change)
    here.office.clock.advance(timedelta(minutes=5))
    again = here.post(path, key="stop", json=change)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert len(here.get(path).json()["history"]) == 1
    problem(here.post(path, key="stop", json={**change, "why": "khác"}), 422, "request-key-in-use")
    problem(here.post(path, key="other", json=change), 409, "standing-step")


def test_an_answer_that_was_lost_is_made_again_without_doing_it_again(here: ServiceForTest) -> None:
    """A crash between the change and the memory of its answer."""
    from sqlalchemy import update

    from esign.registry.requests import RequestRow

    issued = here.issue()
    path, change = f"results/{issued['id']}/standing", {"standing": "withdrawn", "why": "QĐ 21/QĐ-UBND"}
    first = here.post(path, key="once", json=change)
    with here.office.registry._store.write() as session:
        session.execute(update(RequestRow).values(status=None, answer=None))
    again = here.post(path, key="once", json=change)
    assert (again.status_code, again.json()["history"]) == (201, first.json()["history"])
