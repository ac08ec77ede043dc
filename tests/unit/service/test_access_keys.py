"""Keys of access over HTTP, with the real way to come in; and the audit that the auditor reads."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from esign.authority import ALL, Authority, AuthorityTable, Capacity
from esign.line import Line
from esign.registry import Grant
from esign.service.access import Role
from esign.service.identity.api_keys import ApiKeys, digest_of, new_key
from esign.service.identity.authenticator import Credentials
from tests.support.office import Office, request
from tests.support.service import Names, ServiceForTest, office_of, problem, service

EVERYTHING = ("signer", "registrar", "auditor", "operator")


@pytest.fixture
def here(office: Office) -> Iterator[ServiceForTest]:
    """Asked with a key of access that may do everything."""
    code = office.agency.code
    key = new_key()
    grants = [Grant(code, role) for role in EVERYTHING]
    office.registry.access.issue(name="first", digest=digest_of(key), grants=grants, lifetime=timedelta(days=3))
    keys = ApiKeys({code: office.registry}, now=office.clock)
    with service(office, authenticator=Credentials(keys=keys)) as running:
        yield replace(running, name=key)


def test_a_key_is_made_shown_once_used_rotated_and_ended(here: ServiceForTest, office: Office) -> None:
    made = here.post("access/keys", key=None, json={"name": "cong-dich-vu", "roles": ["signer"], "days": 30})
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    portal = replace(here, name=made.json()["key"])
    issued = portal.issue()
    assert {e.actor for e in office.registry.audit.entries(object=issued["id"])} == {"key:cong-dich-vu"}
    problem(portal.get("access/keys"), 403, "not-permitted")
    listed = here.get("access/keys")
    assert "esign_" not in listed.text
    (shown,) = (k for k in listed.json()["keys"] if k["name"] == "cong-dich-vu")
    assert (shown["roles"], shown["last_used"]) == (["signer"], "2026-11-21")
    again = here.post("access/keys", key=None, json={"name": "cong-dich-vu", "roles": ["signer"]})
    problem(again, 409, "access-name-taken")

    rotated = here.post(f"access/keys/{shown['id']}/rotation", key=None, json={"overlap_hours": 2})
    newer = replace(here, name=rotated.json()["key"])
    assert (portal.get("results").status_code, newer.get("results").status_code) == (200, 200)
    problem(here.post(f"access/keys/{shown['id']}/rotation", key=None, json={}), 409, "access-key-rotated")
    office.clock.advance(timedelta(hours=3))
    problem(portal.get("results"), 401, "credentials-rejected")
    assert newer.get("results").status_code == 200

    ended = here.post(f"access/keys/{rotated.json()['id']}/revocation", key=None)
    assert ended.json()["revoked_at"] is not None
    problem(newer.get("results"), 401, "credentials-rejected")
    assert here.post(f"access/keys/{rotated.json()['id']}/revocation", key=None).json() == ended.json()


@pytest.mark.parametrize("body", [{}, {"name": "a", "roles": []}, {"name": "A", "roles": ["signer"]}, {"name": "a\n"}])
def test_what_is_no_request_for_a_key(here: ServiceForTest, body: dict[str, object]) -> None:
    problem(here.post("access/keys", key=None, json=body), 400, "request-invalid")


def test_a_role_that_there_is_not(here: ServiceForTest) -> None:
    problem(here.post("access/keys", key=None, json={"name": "a", "roles": ["king"]}), 422, "access-role-unknown")


def test_a_key_for_several_agencies_is_not_for_one_operator(here: ServiceForTest, office: Office) -> None:
    code = office.agency.code
    both = [Grant(code, "signer"), Grant(type(code).parse("H26.18.02"), "signer")]
    wide = office.registry.access.issue(name="tinh", digest="0" * 64, grants=both, lifetime=timedelta(days=1))
    problem(here.post(f"access/keys/{wide.id}/revocation", key=None), 404, "access-key-unknown")
    problem(here.post(f"access/keys/{wide.id}/rotation", key=None, json={}), 404, "access-key-unknown")
    assert wide.id not in here.get("access/keys").text


def test_wrong_keys_are_recorded_and_then_held_off(here: ServiceForTest, office: Office) -> None:
    wrong = replace(here, name=new_key())
    answers = [wrong.get("results") for _ in range(25)]
    assert [a.status_code for a in answers[:20]] == [401] * 20
    held = problem(answers[-1], 429, "credentials-too-often")
    assert int(answers[-1].headers["retry-after"]) == held["retry_after"] > 0
    refused = [e for e in office.registry.audit.all() if e.outcome == "credentials-rejected"]
    assert 20 <= len(refused) <= 25
    assert {e.actor for e in refused} == {"unknown"}
    assert here.get("results").status_code == 200


def test_the_auditor_reads_the_chain_in_pages(here: ServiceForTest) -> None:
    issued = here.issue()
    page = here.get("audit?limit=2").json()
    assert [e["act"] for e in page["entries"]] == ["access.issued", "intent.reserved"]
    rest = here.get(f"audit?after={page['next']}").json()
    assert rest["entries"][0]["act"] == "intent.prepared"
    assert rest["next"] is None
    assert rest["entries"][-1]["act"] == "request.audit", "that it was read is there, too"
    about = here.get(f"audit?object={issued['id']}").json()["entries"]
    assert {e["object"] for e in about} == {issued["id"]}


def test_who_may_sign_what_holds_over_http(office: Office) -> None:
    """The table of authorities names somebody else: the agency's key does not follow this person's signature."""
    granted = Authority(
        id="1",
        public_key_sha256="0" * 64,
        name="Trần Văn Thử",
        title="PHÓ CHỦ TỊCH",
        agency=office.agency.code,
        procedures=ALL,
        capacity=Capacity.KT,
        principal="CHỦ TỊCH",
        since=office.clock().date() - timedelta(days=30),
        basis="QĐ 12/QĐ-UBND",
    )
    own = office_of(office)
    guarded = replace(own, line=Line(office.issuer(delivery=None, authority=AuthorityTable(grants=(granted,)))))
    names = Names(**{"all-roles": {own.code: frozenset(Role)}})
    with service(office, offices={own.code: guarded}, authenticator=names) as running:
        pending = guarded.issuer.submit(replace(request("k"), person=office.person))
        guarded.issuer.complete(pending.id, office.person_key.sign(pending.to_be_signed, mechanism=pending.mechanism))
        answer = running.post(f"results/{pending.id}/release", json={})
        assert answer.status_code in {409, 422}
        assert answer.json()["code"].startswith("not-authorised")
        assert running.get(f"results/{pending.id}").json()["state"] == "approved"
    entries = office.registry.audit.entries(object=str(pending.id))
    assert "request.release" in {e.act for e in entries if e.outcome.startswith("not-authorised")}
