"""Keys of access in the register: names belong to an agency, and a key only ends; on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from esign.codes import AgencyCode
from esign.errors import RegistryError
from esign.registry import AccessKey, Grant, Registry, acting
from tests.unit.registry.by_hand import Refused, by_hand
from tests.unit.registry.making import WARD, Clock, digest, new_intent, prepare

OTHER = AgencyCode.parse("H26.1.99")
DAY = timedelta(days=1)


def issue(registry: Registry, secret: str, *agencies: AgencyCode, name: str = "portal", person: str = "") -> AccessKey:
    grants = [Grant(agency, "signer") for agency in agencies or (WARD,)]
    return registry.access.issue(name=name, digest=digest(secret), grants=grants, lifetime=30 * DAY, person=person)


def refused(registry: Registry, secret: str, *agencies: AgencyCode) -> str:
    with pytest.raises(RegistryError) as e:
        issue(registry, secret, *agencies)
    return e.value.code


def test_a_name_is_the_agencys(registry: Registry, clock: Clock) -> None:
    here, there = issue(registry, "a"), issue(registry, "b", OTHER)
    assert refused(registry, "c") == "access-name-taken"
    assert refused(registry, "c", OTHER) == "access-name-taken"
    assert refused(registry, "c", WARD, OTHER) == "access-name-taken", "a key for both is in the way of both"
    newer = registry.access.rotate(here.id, digest=digest("d"), lifetime=DAY, overlap=DAY)
    assert registry.access.rotate(there.id, digest=digest("e"), lifetime=DAY, overlap=DAY).grants == there.grants
    with pytest.raises(RegistryError, match="rotated already"):
        registry.access.rotate(here.id, digest=digest("f"), lifetime=DAY, overlap=DAY)
    registry.access.revoke(newer.id)
    registry.access.revoke(here.id)
    assert issue(registry, "g").name == "portal"
    clock.forward(days=2)
    assert issue(registry, "h", OTHER).name == "portal"


def test_a_name_is_had_once_however_many_ask_for_it(registry: Registry) -> None:
    """Also at the same moment."""
    start = Barrier(6)

    def ask(n: int) -> str:
        start.wait()
        try:
            return issue(registry, f"s{n}").name
        except RegistryError as e:
            return e.code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(ask, range(6))) == [*["access-name-taken"] * 5, "portal"]
    assert len(registry.access.listing()) == 1


def test_who_made_another_agencys_key_of_that_name_is_nobody_here(registry: Registry) -> None:
    with acting("key:registrar"):
        issue(registry, "a", OTHER)
    with acting("key:portal"):
        intent = prepare(registry, registry.reserve(new_intent()))
    assert intent.prepared_sha256 is not None
    with acting("key:registrar"):
        assert registry.approvals.decide(intent.id, prepared_sha256=intent.prepared_sha256, approved=True).approved


def test_a_key_keeps_its_person(registry: Registry) -> None:
    made = issue(registry, "a", person="CB-017")
    assert registry.access.find(digest("a")) == made
    assert made.person == "cb-017"
    with by_hand(registry) as raw:
        for value in ("'cb-018'", "NULL"):
            with pytest.raises(Refused):
                raw.execute(f"UPDATE access_key SET person = {value}")
