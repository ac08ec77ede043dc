"""Schemas up and down on filled registers, in both databases: everything is there afterwards, or nothing moved."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from esign.codes import AgencyCode
from esign.document import SignerRole, Standing, StandingChange
from esign.errors import RegistryError
from esign.profile import Level, Numbering
from esign.reasons import Reason
from esign.registry import (
    AccessKey,
    FileVersion,
    Grant,
    IntentKind,
    Registry,
    SignerCertificate,
    Upgrade,
    schema,
)
from esign.registry.pin_guard import shared_guard
from esign.registry.tables import METADATA
from tests.unit.registry.by_hand import Refused, by_hand
from tests.unit.registry.making import (
    START,
    WARD,
    Clock,
    approve,
    await_person,
    digest,
    issue,
    new_intent,
    prepare,
    registration,
)
from tests.vectors.registry.make import read

REVISIONS = [f"{n:04}" for n in range(1, int(schema.HEAD))]
AGENCY_ALONE = (SignerCertificate(sha256=digest("agency"), issuer="CN=CA,C=VN", serial="0a1c", role=SignerRole.AGENCY),)


def filled_as_at_first(registry: Registry) -> None:
    """What the first schema had words for already."""
    for kind in ("kept", "withdrawn", "void", "prepared", "reserved"):
        intent = registry.reserve(new_intent(kind))
        if kind == "reserved":
            continue
        prepare(registry, intent)
        if kind == "prepared":
            continue
        if kind == "void":
            registry.void(intent.id, reason=Reason("x", {"page": 3}))
            continue
        facts = registration(signers=AGENCY_ALONE)
        registry.signed(intent.id, sha256=facts.sha256)
        registry.issued(intent.id, facts)
        registry.delivered(intent.id, at=START, where="/out")
        if kind == "withdrawn":
            registry.change(intent.id, StandingChange(standing=Standing.WITHDRAWN, at=START, by="x", why="y"))


def down(registry: Registry, to: str) -> None:
    with registry._store.connect(writing=True) as connection, connection.begin():
        schema.downgrade(connection, to=to)


def schema_of(registry: Registry) -> str | None:
    with registry._store.connect() as connection:
        return schema.revision_of(connection)


@pytest.mark.parametrize("revision", REVISIONS)
def test_down_and_up_again_loses_nothing(registry: Registry, revision: str) -> None:
    filled_as_at_first(registry)
    before = read(registry)
    down(registry, revision)
    assert schema_of(registry) == revision
    with pytest.raises(RegistryError) as e:
        Registry.open_to_read(registry.place, now=Clock())
    assert e.value.code == "registry-older"
    registry.close()
    with Registry.open(registry.place, now=Clock()) as upgraded:
        assert schema_of(upgraded) == schema.HEAD
        assert read(upgraded) == before
        upgraded.check()
        # It goes on where it was, under the same rules.
        assert issue(upgraded).number is not None
        with upgraded._store.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, METADATA) == []


def test_keys_of_access_go_down_and_up_again(registry: Registry) -> None:
    """With a rotation under way, which is one name with two keys; they still only end."""
    day = timedelta(days=1)
    first = key_of(registry)
    newer = registry.access.rotate(first.id, digest=digest("newer"), lifetime=day, overlap=day)
    before = registry.access.listing()
    down(registry, "0008")
    registry.close()
    with Registry.open(registry.place, now=Clock()) as upgraded:
        assert upgraded.access.listing() == before
        assert upgraded.access.revoke(newer.id).revoked_at is not None
        with by_hand(upgraded) as raw:
            with pytest.raises(Refused):
                raw.execute("UPDATE access_key SET revoked_at = NULL WHERE revoked_at IS NOT NULL")
            with pytest.raises(Refused):
                raw.execute("UPDATE access_key SET name = 'x'")
            with pytest.raises(Refused):
                raw.execute("UPDATE access_key SET person = 'x'")


def test_an_empty_register_goes_all_the_way(registry: Registry) -> None:
    down(registry, "base")
    assert schema_of(registry) is None
    with Registry.open(registry.place, now=Clock()) as made:
        filled_as_at_first(made)


def _with_version(registry: Registry) -> None:
    intent = issue(registry)
    registry.upgraded(intent.id, FileVersion(sha256=digest("v2"), size=99_999, level=Level.B_T, at=START))


def _promised(registry: Registry) -> None:
    intent = prepare(registry, registry.reserve(new_intent()))
    facts = registration(upgrade=Upgrade(level=Level.B_T, due=START, alarm=START + timedelta(days=1)))
    registry.signed(intent.id, sha256=facts.sha256)
    registry.issued(intent.id, facts)


def _restored(registry: Registry) -> None:
    intent = issue(registry)
    for standing in (Standing.SUSPENDED, Standing.IN_FORCE):
        registry.change(intent.id, StandingChange(standing=standing, at=START, by="x", why="y"))


def key_of(registry: Registry, *, agency: str = str(WARD), person: str = "") -> AccessKey:
    return registry.access.issue(
        name="portal",
        digest=digest(f"key at {agency}"),
        grants=[Grant(AgencyCode.parse(agency), "signer")],
        lifetime=timedelta(days=30),
        person=person,
    )


LOSSES: dict[str, tuple[str, Callable[[Registry], object]]] = {
    "a version": ("0002", _with_version),
    "a promise": ("0002", _promised),
    "an approved file": ("0001", lambda r: approve(r, await_person(r, r.reserve(new_intent(person=True))))),
    "a person's turn": ("0001", lambda r: r.reserve(new_intent(person=True))),
    "a number at release": ("0001", lambda r: r.reserve(new_intent(number=None, numbering=Numbering.AT_RELEASE))),
    "a copy": ("0001", lambda r: r.reserve(new_intent(kind=IntentKind.COPY, number=None))),
    "two signers": ("0001", issue),
    "a shard's count": ("0003", _restored),
    "a list of what is in force": ("0003", lambda r: r.reserve(new_intent(allow_list=True))),
    "a person": ("0008", lambda r: key_of(r, person="cb-017")),
    "one name at two agencies": ("0008", lambda r: [key_of(r), key_of(r, agency="H26.1.99")]),
    "any result": ("base", lambda r: r.reserve(new_intent())),
}


@pytest.mark.parametrize("what", LOSSES)
def test_a_step_down_that_would_forget_something_is_refused(registry: Registry, what: str) -> None:
    to, fill = LOSSES[what]
    fill(registry)
    with by_hand(registry) as raw:
        before = raw.dump()
        with pytest.raises(RegistryError) as e:
            down(registry, to)
        assert e.value.code == "registry-downgrade-loses"
        assert raw.dump() == before


def test_a_pin_that_was_refused_is_not_forgotten(on_server: Registry) -> None:
    guard = shared_guard(str(on_server.place))
    with guard.attempt("serial", attended=False) as attempt:
        attempt.refused()
    with pytest.raises(RegistryError) as e:
        down(on_server, "0004")
    assert e.value.code == "registry-downgrade-loses"
    guard.clear("serial")
    guard.close()
    down(on_server, "0004")
