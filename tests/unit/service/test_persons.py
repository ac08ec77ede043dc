"""One person is one pair of eyes, whatever they come in with: keys of access, tokens, certificates."""

import base64
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import httpx
import pytest

from esign.consent import FourEyes
from esign.line import Line
from esign.registry import Grant
from esign.registry.persons import person_code
from esign.service.access import Role
from esign.service.identity.api_keys import ApiKeys, digest_of, new_key
from esign.service.identity.authenticator import Credentials
from esign.service.identity.bearer import BearerTokens, GrantRule
from esign.service.identity.proxy import ClientCertificates, Pin
from tests.support.office import Office
from tests.support.service import ServiceForTest, office_of, service, wanted
from tests.unit.service.identity.asking import CERTIFICATE, CLAIMS, ISSUER, RSA_KEY, SHA256, Keys, key_set, signed

BOTH = frozenset({Role.SIGNER, Role.REGISTRAR})


class Certified(ServiceForTest):
    def _ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        shown = base64.b64encode(CERTIFICATE).decode()
        headers = {"Client-Cert": f":{shown}:", **given.pop("headers", {})}
        return self.client.request(method, self.url(path), headers=headers, **given)


class Desk:
    """The people of an office, each with several ways to come in."""

    def __init__(self, here: ServiceForTest, office: Office) -> None:
        self._here = here
        self._office = office

    def key(self, name: str, person: str = "") -> ServiceForTest:
        key = new_key()
        self._office.registry.access.issue(
            name=name,
            digest=digest_of(key),
            grants=[Grant(self._here.agency, role.value) for role in BOTH],
            lifetime=timedelta(days=1),
            person=person,
        )
        return replace(self._here, name=key)

    def token(self, person: str, subject: str = "8c1f2b7e-1111") -> ServiceForTest:
        at = int(self._office.clock().timestamp())
        claims = {**CLAIMS, "sub": subject, "iat": at, "exp": at + 3000, "staff": person}
        return replace(self._here, name=signed(RSA_KEY, claims=claims))

    def certificate(self) -> ServiceForTest:
        """A proxy shows it, and nothing else."""
        return Certified(**{f.name: getattr(self._here, f.name) for f in fields(self._here)})


@pytest.fixture(params=[False, True], ids=["persons optional", "persons required"])
def persons(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def desk(office: Office, persons: bool) -> Iterator[Desk]:  # noqa: FBT001  # a fixture of pytest's
    own = office_of(office)
    eyes = FourEyes(office.registry, persons=persons)
    own = replace(own, persons=persons, line=Line(office.issuer(delivery=None, consent=eyes)))
    rules = tuple(GrantRule(claim="groups", value="van-thu", agency=own.code, role=role) for role in BOTH)
    issuer = replace(ISSUER, rules=rules, person_claim="staff")
    credentials = Credentials(
        keys=ApiKeys({own.code: office.registry}, now=office.clock),
        tokens=[BearerTokens(issuer, Keys(key_set(RSA_KEY)), now=office.clock)],
        certificates=ClientCertificates(
            peers=(ip_network("127.0.0.1/32"),),
            pins=(Pin(name="may-1", sha256=SHA256, roles={own.code: BOTH}, person="cb-017"),),
        ),
    )
    with service(office, offices={own.code: own}, authenticator=credentials) as here:
        yield Desk(here, office)


def approve(asker: ServiceForTest, approver: ServiceForTest) -> tuple[int, str]:
    """What the approver is answered, and what the audit calls them."""
    asked = asker.post("results", json=wanted())
    assert asked.status_code == 202, asked.text
    result = asked.json()["id"]
    (sha256,) = (w["sha256"] for w in approver.get("approvals").json()["waiting"] if w["id"] == result)
    answer = approver.post(f"approvals/{result}", json={"sha256": sha256, "approved": True})
    return answer.status_code, answer.json().get("code") or answer.json()["by"]


def test_one_person_with_two_credentials_is_one(desk: Desk) -> None:
    asker = desk.key("an", "CB-017")
    ways = [desk.key("an-2", "cb-017 "), desk.token("cb-017"), desk.token("CB-017", "9d2f2b7e-2222")]
    for same in ways:
        assert approve(asker, same) == (409, "approval-own")
        assert approve(same, asker) == (409, "approval-own")


def test_two_persons_are_two(desk: Desk) -> None:
    asker = desk.key("an", "cb-017")
    assert approve(asker, desk.key("binh", "cb-018")) == (200, "key:binh+cb-018")
    assert approve(asker, desk.token("cb-019")) == (200, "oidc:staff#8c1f2b7e-1111+cb-019")


def test_who_is_nobody_counts_only_where_that_is_allowed(desk: Desk, *, persons: bool) -> None:
    nobody, somebody = desk.key("cong-dich-vu"), desk.key("binh", "cb-018")
    refusal = (409, "approval-person-missing")
    assert approve(nobody, somebody) == (refusal if persons else (200, "key:binh+cb-018"))
    assert approve(somebody, nobody) == (refusal if persons else (200, "key:cong-dich-vu"))
    assert approve(nobody, desk.token("")) == (refusal if persons else (200, "oidc:staff#8c1f2b7e-1111"))


def test_a_certificate_is_somebodys(desk: Desk) -> None:
    assert approve(desk.key("an", "cb-017"), desk.certificate()) == (409, "approval-own")
    assert approve(desk.key("binh", "cb-018"), desk.certificate()) == (200, "mtls:may-1+cb-017")


@pytest.mark.parametrize(
    ("said", "code"),
    [("cb-017", "cb-017"), (" CB-017 ", "cb-017"), ("", ""), ("  ", "")],
)
def test_a_code_stays_as_it_is(said: str, code: str) -> None:
    assert person_code(said) == code


@pytest.mark.parametrize("said", ["an.nguyen@ubnd.gov.vn", "nguyen.van.an", "Nguyễn Văn An", "001099012345", "a+b1"])
def test_a_name_or_a_citizens_number_is_a_digest(said: str) -> None:
    code = person_code(said)
    assert len(code) == 33
    assert code.startswith("~")
    assert person_code(f" {said.upper()} ") == person_code(said) == code
    assert person_code(code) != code, "nobody comes in with a digest for a name"


def test_a_key_keeps_its_person(desk: Desk, office: Office) -> None:
    """Also one who is named by a digest, and after a rotation."""
    access = office.registry.access
    asker = desk.key("an", "an.nguyen@ubnd.gov.vn")
    (listed,) = access.listing()
    assert listed.person == person_code("an.nguyen@ubnd.gov.vn")
    newer = new_key()
    day = timedelta(days=1)
    rotated = access.rotate(listed.id, digest=digest_of(newer), lifetime=day, overlap=day)
    assert (rotated.name, rotated.person) == ("an", listed.person)
    assert approve(asker, desk.token("An.Nguyen@ubnd.gov.vn")) == (409, "approval-own")
    assert approve(desk.key("binh", "cb-018"), replace(asker, name=newer))[1].startswith("key:an+~")
