"""Who may do what: every cell of role, route and agency, by a grid that nothing computes."""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from esign.codes import AgencyCode
from esign.registry import EndpointId, Event
from esign.service.access import Act, Role
from esign.service.app import create_app
from esign.service.offices import Parts
from esign.service.permission import permitted
from esign.service.trail import declared_act, refuse_undeclared
from tests.support.office import Office
from tests.support.service import ServiceForTest, office_of, problem, service, wanted

# Written by hand, from what the roles mean; x: may, ·: may not.
GRID = """
                                               signer registrar auditor operator
GET  templates                                    x       x        x       ·
POST results                                      x       ·        ·       ·
GET  results                                      x       x        x       ·
GET  results/{result}                             x       x        x       ·
GET  results/{result}/document                    x       x        x       ·
GET  results/{result}/standing                    x       x        x       ·
POST results/{result}/standing                    ·       x        ·       ·
POST results/{result}/withdrawal                  ·       x        ·       ·
POST results/{result}/presentations               x       x        ·       ·
POST submissions                                  x       ·        ·       ·
GET  results/{result}/pending                     x       x        x       ·
GET  results/{result}/pending/document            x       x        x       ·
POST results/{result}/signature                   x       ·        ·       ·
POST adoptions                                    x       ·        ·       ·
POST results/{result}/release                     ·       x        ·       ·
POST results/{result}/retry                       ·       x        ·       ·
POST results/{result}/attachments                 x       ·        ·       ·
POST copies                                       x       ·        ·       ·
POST signatures                                   x       ·        ·       ·
POST verifications                                x       x        x       x
POST verifications/by-hash                        x       x        x       x
GET  approvals                                    x       x        x       ·
GET  approvals/{result}/document                  x       x        x       ·
POST approvals/{result}                           ·       x        ·       ·
GET  access/keys                                  ·       ·        ·       x
POST access/keys                                  ·       ·        ·       x
POST access/keys/{key}/rotation                   ·       ·        ·       x
POST access/keys/{key}/revocation                 ·       ·        ·       x
GET  audit                                        ·       ·        x       ·
POST batches                                      x       ·        ·       ·
GET  batches                                      x       x        x       ·
GET  batches/{batch}                              x       x        x       ·
POST batches/{batch}/authorisation                x       x        ·       ·
POST batches/{batch}/cancellation                 x       x        ·       ·
GET  batches/{batch}/rows                         x       x        x       ·
GET  batches/{batch}/rows/{row}/proof             x       x        x       ·
POST batches/{batch}/rows/{row}/retry             x       x        ·       ·
GET  work                                         x       x        x       ·
GET  webhooks                                     ·       ·        ·       x
POST webhooks                                     ·       ·        ·       x
GET  webhooks/{endpoint}                          ·       ·        ·       x
POST webhooks/{endpoint}/secret                   ·       ·        ·       x
POST webhooks/{endpoint}/activation               ·       ·        ·       x
DELETE webhooks/{endpoint}                        ·       ·        ·       x
GET  webhook-deliveries                           ·       ·        ·       x
POST webhook-deliveries/{message}/replay          ·       ·        ·       x
"""
_HEAD, *_LINES = GRID.strip("\n").splitlines()
ROLES = _HEAD.split()
CELLS = [
    pytest.param(method, path, role, mark == "x", id=f"{method} {path} {role}")
    for method, path, *marks in (line.split() for line in _LINES)
    for role, mark in zip(ROLES, marks, strict=True)
]
ROUTES = [(line.split()[0], line.split()[1]) for line in _LINES]
_keys = itertools.count()
IDS = {"batch": "0" * 20, "row": "1", "endpoint": "0" * 20, "message": "0" * 20}
OPEN = {"/", "/docs", "/openapi.json", "/livez", "/readyz", "/problems/{code}"}
NEIGHBOUR = AgencyCode.parse("H26.18.02")
NOBODY = "0000-0000-0000-0000"
NOT_LET_IN = {"not-authenticated", "not-permitted", "agency-unknown"}


@pytest.fixture(scope="module")
def here(rsa_office: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceForTest]:
    """Two agencies of one register; each role's name is that role at the first, and nothing at the second."""
    office = Office.copied(rsa_office, tmp_path_factory.mktemp("roles") / "office")
    neighbour = replace(office, agency=replace(office.agency, code=NEIGHBOUR))
    with service(office, office_of(neighbour)) as running:
        yield running
    office.registry.close()


def ask(
    here: ServiceForTest, method: str, path: str, *, agency: object, name: str, body: Any = None, **ids: str
) -> Any:
    place = path.format(**{"result": NOBODY, "key": "0000000000", **IDS, **ids})
    headers = {"Authorization": f"Bearer {name}", "Idempotency-Key": f"k-{next(_keys)}"}
    return here.client.request(method, f"/v1/agencies/{agency}/{place}", headers=headers, json=body or {})


def test_the_grid_has_every_route(here: ServiceForTest) -> None:
    served = {
        (method, str(route.path).removeprefix("/v1/agencies/{agency}/"))
        for route in iter_route_contexts(here.app.routes)
        if str(route.path).startswith("/v1/")
        for method in route.methods or ()
    }
    assert served == set(ROUTES)


def test_what_needs_no_name_is_listed(here: ServiceForTest) -> None:
    outside = {str(route.path) for route in iter_route_contexts(here.app.routes)}
    assert {path for path in outside if not path.startswith("/v1/")} == OPEN


def test_every_role_is_in_the_grid() -> None:
    assert [role.value for role in Role] == ROLES
    assert len(CELLS) == len(ROUTES) * len(ROLES)


@pytest.mark.parametrize(("method", "path", "role", "may"), CELLS)
def test_a_cell(here: ServiceForTest, method: str, path: str, role: str, *, may: bool) -> None:
    answer = ask(here, method, path, agency=here.agency, name=role)
    if may:
        assert answer.status_code != 401
        assert answer.status_code < 300 or answer.json()["code"] not in NOT_LET_IN
    else:
        problem(answer, 403, "not-permitted")
    # Nobody is anything at an agency that they have no role at, and cannot tell it from one that is not there.
    there = problem(ask(here, method, path, agency=NEIGHBOUR, name=role), 404, "agency-unknown")
    nowhere = problem(ask(here, method, path, agency="H99.1", name=role), 404, "agency-unknown")
    assert there == nowhere


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobody_comes_in_without_a_name(here: ServiceForTest, method: str, path: str) -> None:
    for agency in (here.agency, NEIGHBOUR, "H99.1", "x'--"):
        problem(ask(here, method, path, agency=agency, name="nobody"), 401, "not-authenticated")


@pytest.mark.parametrize(("method", "path"), [r for r in ROUTES if "{result}" in r[1]])
def test_what_is_another_agencys_is_not_there(here: ServiceForTest, method: str, path: str) -> None:
    """Asked by somebody who may do everything at the other agency: the answer is that of an id that never was."""
    mine = here.issue()["id"]
    foreign = ask(here, method, path, agency=NEIGHBOUR, name="all-roles", result=mine)
    unknown = ask(here, method, path, agency=NEIGHBOUR, name="all-roles", result=NOBODY)
    assert foreign.status_code == unknown.status_code
    assert foreign.status_code >= 400
    said = [{k: v for k, v in a.json().items() if k not in {"facts", "vi", "en", "detail"}} for a in (foreign, unknown)]
    assert said[0] == said[1]
    assert here.get(f"results/{mine}").json()["standing"] == "in-force"


def test_what_is_another_agencys_is_in_no_list(here: ServiceForTest) -> None:
    mine = here.issue()
    for path in ("results", "approvals", f"results?number={mine['number']}&year=2026", f"audit?object={mine['id']}"):
        answer = ask(here, "GET", path, agency=NEIGHBOUR, name="all-roles")
        assert answer.status_code == 200, answer.text
        assert mine["id"] not in answer.text


def test_keys_of_another_agency_are_not_there(here: ServiceForTest) -> None:
    made = here.post("access/keys", key=None, json={"name": "cong-dich-vu", "roles": ["signer"]}).json()
    for path in (f"access/keys/{made['id']}/rotation", f"access/keys/{made['id']}/revocation"):
        problem(ask(here, "POST", path, agency=NEIGHBOUR, name="all-roles"), 404, "access-key-unknown")
    assert ask(here, "GET", "access/keys", agency=NEIGHBOUR, name="all-roles").json() == {"keys": []}
    assert [k["revoked_at"] for k in here.get("access/keys").json()["keys"]] == [None]


@pytest.fixture(scope="module")
def foreign(here: ServiceForTest) -> dict[str, str]:
    """What the first agency has: a batch, and an endpoint with a message on its way."""
    registry = here.office.registry
    endpoint = registry.endpoints.add(
        EndpointId.random(), agency=here.agency, url="https://x.vn/", events=tuple(Event), key_check="0", by="key:x"
    )
    here.issue()
    (webhook,) = registry.outbox.listing(agency=here.agency)
    batch = here.post("batches", content=json.dumps(wanted()), headers={"Content-Type": "application/x-ndjson"}).json()
    return {"batch": batch["id"], "row": "1", "endpoint": str(endpoint.id), "message": webhook.message.id}


@pytest.mark.parametrize(("method", "path"), [r for r in ROUTES if re.search("{batch}|{endpoint}|{message}", r[1])])
def test_batches_and_webhooks_of_another_agency_are_not_there(
    here: ServiceForTest, foreign: dict[str, str], method: str, path: str
) -> None:
    bodies = {"authorisation": {"root": "0" * 64}, "secret": {}, "replay": {}}
    body = bodies.get(path.rpartition("/")[2], {})
    unknown = {**IDS, "message": f"msg_{'0' * 32}", "batch": NOBODY, "endpoint": NOBODY}
    answers = [
        ask(here, method, path, agency=NEIGHBOUR, name="all-roles", body=body, **ids) for ids in (foreign, unknown)
    ]
    assert {a.status_code for a in answers} == {404}, [a.text for a in answers]
    assert answers[0].json()["code"] == answers[1].json()["code"]


def test_no_list_and_no_cursor_of_another_agency_is_read(here: ServiceForTest, foreign: dict[str, str]) -> None:
    for path in ("batches", "webhooks", "webhook-deliveries", f"webhook-deliveries?endpoint={foreign['endpoint']}"):
        answer = ask(here, "GET", path, agency=NEIGHBOUR, name="all-roles")
        assert answer.status_code == 200
        assert not [id_ for id_ in foreign.values() if len(id_) > 1 and id_ in answer.text]
    mine = here.issue()["id"]
    for path in (f"batches?after={foreign['batch']}", f"results?after={mine}"):
        assert ask(here, "GET", path, agency=NEIGHBOUR, name="all-roles").status_code == 404


def test_a_key_of_one_agency_stands_for_nothing_at_another(here: ServiceForTest) -> None:
    """The same Idempotency-Key: another request, another result."""
    mine = here.issue(key="k-shared")
    headers = {"Authorization": "Bearer all-roles", "Idempotency-Key": "k-shared"}
    theirs = here.client.post(f"/v1/agencies/{NEIGHBOUR}/results", headers=headers, json=wanted(symbol="QĐ-X"))
    assert theirs.status_code == 201, theirs.text
    assert theirs.json()["id"] != mine["id"]
    digest = here.client.post(
        f"/v1/agencies/{NEIGHBOUR}/verifications/by-hash", headers=headers, json={"sha256": mine["file"]["sha256"]}
    )
    assert digest.json()["registered"] is False


def test_a_route_without_an_act_is_not_served(here: ServiceForTest, parts_with: Any) -> None:
    with pytest.raises(TypeError, match="declares no act"):
        create_app(parts_with(here.parts))


def test_every_act_is_somebodys_and_every_route_has_one(here: ServiceForTest) -> None:
    routes = [r for r in iter_route_contexts(here.app.routes) if str(r.path).startswith("/v1/")]
    acts = {declared_act(r.original_route) for r in routes}
    assert len(routes) >= len(ROUTES)
    assert None not in acts
    assert acts <= set(Act)
    refuse_undeclared(here.app)
    assert permitted(Act.READ) is not permitted(Act.READ)


@pytest.fixture
def parts_with() -> Any:
    """The parts of a service with a route that forgot to say what it is."""
    from fastapi import APIRouter

    def given(parts: Parts) -> Parts:
        router = APIRouter()

        @router.get("/agencies/{agency}/forgotten")
        def forgotten(agency: str) -> str:
            return agency

        return replace(parts, routers=(router,))

    return given
