"""What is asked stands in the audit before it is answered, or it is not answered."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, Request
from sqlalchemy import event

from esign.registry import Entry, Registry, actor
from esign.service import trail
from esign.service.access import Act
from esign.service.app import create_app
from esign.service.permission import Asked, permitted
from tests.support.office import Office
from tests.support.service import ServiceForTest, answering, problem, service, wanted


def asked(here: ServiceForTest) -> list[Entry]:
    """What the service recorded of requests."""
    return [e for e in here.office.registry.audit.all() if e.act.startswith("request.")]


def test_who_issued_stands_with_each_step(here: ServiceForTest) -> None:
    issued = here.issue()
    entries = here.office.registry.audit.entries(object=issued["id"])
    assert [e.act for e in entries][:4] == ["intent.reserved", "intent.prepared", "intent.signed", "intent.issued"]
    assert {e.actor for e in entries} == {"key:all-roles"}
    (request,) = {e.request for e in entries}
    assert len(request) >= 16
    assert asked(here) == [], "what changes the register is recorded there"


def test_reading_a_document_is_recorded(here: ServiceForTest) -> None:
    issued = here.issue()
    answer = here.get(f"results/{issued['id']}/document")
    here.get(f"results/{issued['id']}/document", headers={"If-None-Match": answer.headers["etag"]})
    here.get("audit")
    here.get("access/keys")
    here.get("results")
    found = [(e.actor, e.act, e.agency, e.object, e.digest, e.outcome) for e in asked(here)]
    document = ("key:all-roles", "request.document", str(here.agency), issued["id"], issued["file"]["sha256"], "ok")
    rest = [("key:all-roles", f"request.{act}", str(here.agency), "", "", "ok") for act in ("audit", "access")]
    assert found == [document, document, *rest]


def test_refusals_and_failures_are_recorded(here: ServiceForTest) -> None:
    problem(here.post("results", json={}), 400, "request-invalid")
    problem(here.post("results", json=wanted(template="no-such")), 422, "template-not-found")
    problem(here.get("results/0000-0000-0000-0000"), 404, "not-registered")
    auditor = replace(here, name="auditor")
    problem(auditor.post("results", json=wanted()), 403, "not-permitted")
    problem(replace(here, name="nobody").get("results"), 401, "not-authenticated")
    problem(auditor.get("/v1/agencies/H99/results"), 404, "agency-unknown")
    assert [(e.actor, e.act, e.agency, e.outcome) for e in asked(here)] == [
        ("key:all-roles", "request.issue", str(here.agency), "request-invalid"),
        ("key:all-roles", "request.issue", str(here.agency), "template-not-found"),
        ("key:all-roles", "request.read", str(here.agency), "not-registered"),
        ("key:auditor", "request.issue", str(here.agency), "not-permitted"),
        ("unknown", "request.read", str(here.agency), "not-authenticated"),
        ("key:auditor", "request.read", "H99", "agency-unknown"),
    ]


def test_nothing_that_a_caller_writes_comes_into_the_audit(here: ServiceForTest) -> None:
    canary = "Nguyễn Thị Canary"
    headers = {"X-Request-Id": canary, "User-Agent": "Canary", "Referer": "Canary"}
    here.get(f"results/{canary}", headers={k: v.encode() for k, v in headers.items()})
    here.get(f"results?dossier={canary}")
    here.post("results", json=wanted(holder=canary, subject=canary), key="Canary")
    here.post("results", json={canary: canary})
    here.post(f"approvals/{canary}", json={"sha256": "0" * 64, "approved": False, "why": canary})
    replace(here, name="Canary").get("results")
    here.client.get(f"/v1/agencies/{canary}/results")
    assert len(asked(here)) >= 5
    assert "Canary" not in repr(list(here.office.registry.audit.all()))


@contextmanager
def trouble(registry: Registry, statement: str, undo: str) -> Iterator[None]:
    for each in (statement, ""):
        with registry._store.write() as session:
            session.connection().exec_driver_sql(each or undo)
        if each:
            yield


BLOCKED = (
    "CREATE TRIGGER blocked BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'blocked'); END",
    "DROP TRIGGER blocked",
)
GONE = ("ALTER TABLE audit RENAME TO audit_gone", "ALTER TABLE audit_gone RENAME TO audit")


@pytest.mark.parametrize("how", [BLOCKED, GONE], ids=["blocked", "gone"])
def test_what_cannot_be_recorded_is_refused(here: ServiceForTest, how: tuple[str, str]) -> None:
    issued = here.issue("before")
    with trouble(here.office.registry, *how):
        refused = problem(here.get(f"results/{issued['id']}/document"), 503, "audit-not-writable")
        assert "Retry-After".lower() in here.get(f"results/{issued['id']}/document").headers
        assert refused["kind"] == "RegistryError"
        problem(replace(here, name="auditor").post("results", json=wanted()), 503, "audit-not-writable")
        problem(replace(here, name="nobody").get("results"), 503, "audit-not-writable")
        answer = here.post("results", key="during", json=wanted())
        assert answer.status_code == 503
        assert here.get("results").status_code == 200, "what needs no record is answered"
    assert len(here.get("results").json()["results"]) == 1, "nothing came into being meanwhile"
    assert here.post("results", key="during", json=wanted()).status_code == 201, "and afterwards it does"


def test_a_full_disk_refuses_as_well(rsa_office: Path, tmp_path: Path) -> None:
    """SQLite says SQLITE_FULL where the file may not grow."""
    office = Office.copied(rsa_office, tmp_path / "office")
    full = threading.Event()

    def limit(connection: Any, _branch: object = None) -> None:
        cursor = connection.cursor()
        (pages,) = cursor.execute("PRAGMA page_count").fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages if full.is_set() else 1 << 30}")
        cursor.close()

    with service(office) as here:
        issued = here.issue()
        event.listen(office.registry._store._reading.pool, "checkout", lambda dbapi, *_: limit(dbapi))
        full.set()
        codes = []
        for _ in range(60):  # a page holds some entries more
            answer = here.get(f"results/{issued['id']}/document")
            if answer.status_code != 200:
                codes.append((answer.status_code, answer.json()["code"]))
                break
        assert codes == [(503, "audit-not-writable")]
        full.clear()
        assert here.get(f"results/{issued['id']}/document").status_code == 200
    office.registry.close()


def test_an_unforeseen_failure_is_recorded_and_tells_nothing(office: Office) -> None:
    router = APIRouter()

    @router.get("/agencies/{agency}/broken")
    async def broken(asked: Annotated[Asked, Depends(permitted(Act.READ))]) -> None:
        raise RuntimeError(f"Canary {asked.principal.name} {actor().name}")

    with service(office, routers=(router,)) as here:
        failed = problem(here.get("broken"), 500, "service-failed")
        assert "Canary" not in repr(failed)
        assert [(e.act, e.actor, e.outcome) for e in asked(here)] == [
            ("request.read", "key:all-roles", "service-failed")
        ]


def test_a_route_that_slipped_past_every_check_answers_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deny by default, once more at the very end."""
    router = APIRouter()

    @router.get("/agencies/{agency}/forgotten")
    async def forgotten(request: Request, agency: str) -> str:
        return f"Canary {agency} {request.method}"

    with service(office) as here:
        monkeypatch.setattr("esign.service.app.refuse_undeclared", lambda _: None)
        app = create_app(replace(here.parts, routers=(router,)))
        with answering(app) as url:
            answer = here.client.get(f"{url}{here.url('forgotten')}")
        problem(answer, 403, "not-permitted")
        assert "Canary" not in answer.text


def test_what_only_says_later_fills_no_audit(here: ServiceForTest) -> None:
    assert {"service-busy", "request-is-in-flight", "credentials-too-often"} <= trail._LATER
    before = len(asked(here))
    with here.parts.in_flight.alone("http-x", "x"):
        pass
    assert len(asked(here)) == before
