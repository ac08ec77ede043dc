"""The agency's key signs what a second person approved, byte for byte, and nothing else."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from esign.consent import FourEyes
from esign.errors import ApprovalMissing, Error, RegistryError
from esign.issuance import Issuer
from esign.issued import Issued
from esign.keys import Mechanism
from esign.line import Line
from esign.registry import Grant, IntentState, acting
from esign.request import Request
from esign.service.access import Role
from tests.support.office import Office, request
from tests.support.service import Names, ServiceForTest, office_of, problem, service, wanted


class CountingKey:
    """A key that remembers what it signed."""

    def __init__(self, key: Any) -> None:
        self._key = key
        self.signed: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._key, name)

    def sign(self, data: bytes, *, mechanism: Mechanism) -> bytes:
        self.signed.append(data)
        return bytes(self._key.sign(data, mechanism=mechanism))


@pytest.fixture
def key(office: Office) -> CountingKey:
    return CountingKey(office.key)


@pytest.fixture
def here(office: Office, key: CountingKey) -> Iterator[ServiceForTest]:
    """A portal that asks, and two registrars."""
    own = office_of(office)
    with_consent = replace(own, line=Line(office.issuer(key=key, delivery=None, consent=FourEyes(office.registry))))
    both = {own.code: frozenset({Role.SIGNER, Role.REGISTRAR})}
    names = Names(portal=both, registrar={own.code: frozenset({Role.REGISTRAR})}, other=both)
    with service(office, offices={own.code: with_consent}, authenticator=names) as running:
        yield replace(running, name="portal")


def test_it_waits_is_approved_and_is_issued(here: ServiceForTest, key: CountingKey) -> None:
    accepted = here.post("results", key="k", json=wanted())
    assert accepted.status_code == 202, accepted.text
    result = accepted.json()["id"]
    assert here.post("results", key="k", json=wanted()).status_code == 202, "asking again does not help"
    assert here.get(f"results/{result}").json()["state"] == "prepared"
    registrar = replace(here, name="registrar")
    (waiting,) = registrar.get("approvals").json()["waiting"]
    assert (waiting["id"], waiting["number"]) == (result, "01/QĐ-UBND")
    shown = registrar.get(f"approvals/{result}/document")
    assert hashlib.sha256(shown.content).hexdigest() == waiting["sha256"]
    assert shown.headers["etag"] == f'"{waiting["sha256"]}"'
    assert key.signed == []
    said = {"sha256": waiting["sha256"], "approved": True, "why": "đã xem"}
    decided = registrar.post(f"approvals/{result}", json=said)
    assert decided.status_code == 200, decided.text
    assert registrar.post(f"approvals/{result}", json=said).json() == decided.json()
    assert registrar.get("approvals").json()["waiting"] == []
    issued = here.post("results", key="k", json=wanted())
    assert (issued.status_code, issued.json()["id"]) == (201, result)
    assert len(key.signed) == 1
    document = here.get(f"results/{result}/document").content
    assert len(document) == len(shown.content), "what was looked at, with the signature in its place"
    start = next(n for n, (a, b) in enumerate(zip(document, shown.content, strict=True)) if a != b)
    assert document[:start] == shown.content[:start]
    acts = [(e.act, e.actor) for e in here.office.registry.audit.entries(object=result)]
    assert acts.index(("approval.given", "key:registrar")) < acts.index(("intent.signed", "key:portal"))


def test_nobody_approves_their_own(here: ServiceForTest, key: CountingKey) -> None:
    """Whatever other roles they have."""
    result = here.post("results", key="k", json=wanted()).json()["id"]
    sha256 = here.get("approvals").json()["waiting"][0]["sha256"]
    for approved in (True, False):
        own = here.post(f"approvals/{result}", json={"sha256": sha256, "approved": approved})
        problem(own, 409, "approval-own")
    assert here.post("results", key="k", json=wanted()).status_code == 202
    assert key.signed == []


@pytest.mark.parametrize("maker", ["portal", "registrar"])
def test_a_key_that_one_made_for_oneself_is_no_second_person(
    here: ServiceForTest, key: CountingKey, maker: str
) -> None:
    """An operator with other roles could make the key that is missing; one who is nothing else may make both."""
    access, other = here.office.registry.access, "registrar" if maker == "portal" else "portal"
    grants = [Grant(here.agency, "registrar")]

    def made_by(name: str, whose: str) -> None:
        with acting(f"key:{name}"):
            access.issue(name=whose, digest=f"{name}-{whose}", grants=grants, lifetime=timedelta(days=1))

    made_by("operator", maker)
    result = here.post("results", key="k", json=wanted()).json()["id"]
    sha256 = here.get("approvals").json()["waiting"][0]["sha256"]
    made_by(maker, other)
    registrar = replace(here, name="registrar")
    problem(registrar.post(f"approvals/{result}", json={"sha256": sha256, "approved": True}), 409, "approval-own")
    assert key.signed == []
    third = replace(here, name="other")
    assert third.post(f"approvals/{result}", json={"sha256": sha256, "approved": True}).status_code == 200
    assert here.post("results", key="k", json=wanted()).status_code == 201


def test_an_approval_of_other_bytes_does_not_count(here: ServiceForTest, key: CountingKey) -> None:
    first = here.post("results", key="k1", json=wanted()).json()["id"]
    second = here.post("results", key="k2", json=wanted()).json()["id"]
    registrar = replace(here, name="registrar")
    digests = {w["id"]: w["sha256"] for w in registrar.get("approvals").json()["waiting"]}
    crossed = registrar.post(f"approvals/{first}", json={"sha256": digests[second], "approved": True})
    problem(crossed, 409, "approval-other-bytes")
    answer = registrar.post(f"approvals/{first}", json={"sha256": "0" * 64, "approved": True})
    problem(answer, 409, "approval-other-bytes")
    assert here.post("results", key="k1", json=wanted()).status_code == 202
    assert key.signed == []


def test_a_row_that_was_slipped_in_does_not_count(here: ServiceForTest, key: CountingKey) -> None:
    """Not the requester's own, and not one for other bytes, even if they are in the table."""
    result = here.post("results", key="k", json=wanted()).json()["id"]
    sha256 = here.get("approvals").json()["waiting"][0]["sha256"]
    rows = [(sha256, "key:portal"), ("0" * 64, "key:registrar")]
    with here.office.registry._store.write() as session:
        for digest, by in rows:
            session.connection().exec_driver_sql(
                "INSERT INTO approval VALUES (?, ?, ?, '2026-11-21 00:00:00', 1, '')", (result, digest, by)
            )
    assert here.post("results", key="k", json=wanted()).status_code == 202
    assert key.signed == []


def test_a_refusal_gives_it_up(here: ServiceForTest, key: CountingKey) -> None:
    result = here.post("results", key="k", json=wanted()).json()["id"]
    registrar = replace(here, name="registrar")
    sha256 = registrar.get("approvals").json()["waiting"][0]["sha256"]
    said = {"sha256": sha256, "approved": False, "why": "sai tên"}
    assert registrar.post(f"approvals/{result}", json=said).status_code == 200
    problem(registrar.post(f"approvals/{result}", json=said | {"approved": True}), 409, "approval-decided")
    problem(here.post("results", key="k", json=wanted()), 409, "request-voided")
    details = here.get(f"results/{result}").json()
    assert (details["state"], details["void"]["code"], details["void_why"]) == ("void", "approval-refused", "sai tên")
    assert key.signed == []
    other = replace(here, name="other").post(f"approvals/{result}", json=said)
    problem(other, 409, "intent-state")


def test_the_library_asks_as_well(office: Office, key: CountingKey) -> None:
    """Right before the key is used, whoever calls: nothing of the way there needs the service."""
    issuer = office.issuer(key=key, consent=FourEyes(office.registry))
    with acting("key:a"), pytest.raises(ApprovalMissing):
        issuer.issue(request("k"))
    (intent,) = office.registry.unfinished()
    assert intent.state is IntentState.PREPARED
    with acting("worker"), pytest.raises(ApprovalMissing):
        issuer.go_on(intent.id)
    with acting("key:a"), pytest.raises(RegistryError, match="does not approve it"):
        office.registry.approvals.decide(intent.id, prepared_sha256=intent.prepared_sha256 or "", approved=True)
    with acting("key:b"):
        office.registry.approvals.decide(intent.id, prepared_sha256=intent.prepared_sha256 or "", approved=True)
    with acting("worker"):
        assert issuer.go_on(intent.id).state is IntentState.ISSUED
    assert len(key.signed) == 1


def test_who_prepared_it_does_not_approve_it_either(office: Office, key: CountingKey) -> None:
    issuer = office.issuer(key=key, consent=FourEyes(office.registry))
    with acting("key:a"):
        intent = issuer.accept(request("k"))
    with acting("key:b"), pytest.raises(ApprovalMissing):
        issuer.go_on(intent.id)
    intent = office.registry.get(intent.id)
    for name in ("key:a", "key:b"):
        with acting(name), pytest.raises(RegistryError, match="does not approve it"):
            office.registry.approvals.decide(intent.id, prepared_sha256=intent.prepared_sha256 or "", approved=True)


def test_without_four_eyes_nothing_waits(rsa_office: Path, tmp_path: Path) -> None:
    office = Office.copied(rsa_office, tmp_path / "office")
    with service(office) as here:
        assert here.issue()["state"] == "issued"
        assert here.get("approvals").json()["waiting"] == []
    office.registry.close()


def test_many_at_once_wait_one_by_one(office: Office, key: CountingKey) -> None:
    """Grouped steps ask for consent as well; what is approved goes on, the rest waits."""
    issuer = office.issuer(key=key, consent=FourEyes(office.registry))
    asked = [request(f"k{n}") for n in range(4)]
    with acting("key:a"):
        outcomes = line_of(issuer, asked)
    assert [type(o) for o in outcomes] == [ApprovalMissing] * 4
    assert key.signed == []
    waiting = office.registry.approvals.waiting(office.agency.code)
    assert len(waiting) == 4
    with acting("key:b"):
        for intent in waiting[:2]:
            office.registry.approvals.decide(intent.id, prepared_sha256=intent.prepared_sha256 or "", approved=True)
    with acting("key:a"):
        outcomes = line_of(issuer, asked)
    assert sum(isinstance(o, ApprovalMissing) for o in outcomes) == 2
    assert len(key.signed) == 2
    assert office.registry.audit.unaudited() == ()
    acts = [e.actor for e in office.registry.audit.all() if e.act.startswith("intent.")]
    assert set(acts) == {"key:a"}, "also what other threads of the line do"


def line_of(issuer: Issuer, requests: list[Request]) -> list[Issued | Error]:
    with Line(issuer, group=4, lanes=1, setters=1) as line:
        return list(line.issue(requests))
