"""Every change of the register stands in the audit chain, in the same transaction; on both databases."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from esign.document import Standing, StandingChange
from esign.errors import RegistryError
from esign.profile import Level
from esign.reasons import Reason
from esign.registry import Entry, FileVersion, Grant, Registry, acting
from esign.registry.chain import FORMAT, printable
from tests.unit.registry.making import WARD, Clock, approve, await_person, digest, finish, issue, new_intent, prepare
from tests.unit.registry.test_store import VECTORS, older_register

Change = Callable[[Registry], object]


def withdraw(registry: Registry) -> None:
    change = StandingChange(standing=Standing.WITHDRAWN, at=registry._now(), by="van-thu", why="sai")
    registry.change(issue(registry).id, change)


def add_version(registry: Registry) -> None:
    version = FileVersion(
        position=1, sha256=digest("v1"), size=99_999, level=Level.B_T, at=registry._now(), notices=(), delivered_at=None
    )
    registry.upgraded(issue(registry).id, version)


def make_key(registry: Registry) -> str:
    grants = [Grant(WARD, "signer")]
    return registry.access.issue(name="portal", digest=digest("k"), grants=grants, lifetime=timedelta(days=30)).id


CHANGES: dict[str, tuple[Change, list[str]]] = {
    "reserve": (lambda r: r.reserve(new_intent()), ["intent.reserved"]),
    "await": (lambda r: await_person(r, r.reserve(new_intent(person=True))), ["intent.reserved", "intent.awaiting"]),
    "approve": (
        lambda r: approve(r, await_person(r, r.reserve(new_intent(person=True)))),
        ["intent.reserved", "intent.awaiting", "intent.approved"],
    ),
    "issue": (issue, ["intent.reserved", "intent.prepared", "intent.signed", "intent.issued"]),
    "void": (
        lambda r: r.void(r.reserve(new_intent()).id, reason=Reason("taken-back")),
        ["intent.reserved", "intent.void"],
    ),
    "deliver": (
        lambda r: r.delivered(issue(r).id, at=r._now(), where="portal"),
        ["intent.reserved", "intent.prepared", "intent.signed", "intent.issued", "intent.delivered"],
    ),
    "standing": (
        withdraw,
        ["intent.reserved", "intent.prepared", "intent.signed", "intent.issued", "standing.withdrawn"],
    ),
    "version": (
        add_version,
        ["intent.reserved", "intent.prepared", "intent.signed", "intent.issued", "version.added"],
    ),
    "present": (
        lambda r: r.present(issue(r).id),
        ["intent.reserved", "intent.prepared", "intent.signed", "intent.issued", "presentation.made"],
    ),
    "key": (make_key, ["access.issued"]),
    "rotate": (
        lambda r: r.access.rotate(
            make_key(r), digest=digest("k2"), lifetime=timedelta(days=1), overlap=timedelta(hours=1)
        ),
        ["access.issued", "access.rotated"],
    ),
    "revoke": (lambda r: r.access.revoke(make_key(r)), ["access.issued", "access.revoked"]),
}


def recomputed(entries: Sequence[Entry]) -> list[str]:
    """By docs/spec/audit.md alone."""
    hashes, previous = [], "0" * 64
    for e in entries:
        fields = (e.at, e.actor, e.request, e.act, e.agency, e.object, e.digest, e.outcome)
        lines = "\n".join((FORMAT, str(e.sequence), *fields, previous))
        previous = hashlib.sha256(lines.encode()).hexdigest()
        hashes.append(previous)
    return hashes


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_has_its_entries(registry: Registry, name: str) -> None:
    change, acts = CHANGES[name]
    with acting("key:portal", request="5f0c"):
        change(registry)
    begun, *entries = registry.audit.all()
    assert begun.act == "audit.begun"
    assert len(begun.object) == 32
    assert [e.act for e in entries] == acts
    assert {(e.actor, e.request, e.outcome) for e in entries} == {("key:portal", "5f0c", "ok")}
    assert {e.agency for e in entries} == {str(WARD)}
    assert [e.hash for e in (begun, *entries)] == recomputed((begun, *entries))
    assert registry.audit.unaudited() == ()


def test_what_an_entry_says_of_a_result_is_its_digest(registry: Registry) -> None:
    made = issue(registry)
    assert made.registration is not None
    (issued,) = (e for e in registry.audit.entries(object=str(made.id)) if e.act == "intent.issued")
    assert issued.digest == made.registration.sha256
    assert "Canary" not in repr(tuple(registry.audit.all()))


def test_what_fails_leaves_no_entry(registry: Registry) -> None:
    made = prepare(registry, registry.reserve(new_intent()))
    before = registry.audit.head()
    with pytest.raises(RegistryError):
        prepare(registry, made)
    assert registry.audit.head() == before


def test_without_its_entry_nothing_changes(registry: Registry) -> None:
    """The chain's table refuses, as a full disk would; the transaction that it belongs to leaves no trace."""
    first = registry.reserve(new_intent())
    with registry._store.write() as session:
        if session.connection().dialect.name == "sqlite":
            session.connection().exec_driver_sql(
                "CREATE TRIGGER full_disk BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END"
            )
        else:
            session.connection().exec_driver_sql("ALTER TABLE audit ADD CONSTRAINT full_disk CHECK (sequence < 2)")
    with pytest.raises(RegistryError):
        registry.reserve(new_intent("second"))
    assert registry.by_key("second") is None
    with pytest.raises(RegistryError):
        prepare(registry, first)
    assert registry.get(first.id).state is first.state
    with pytest.raises(RegistryError, match="audit chain cannot be written"):
        registry.audit.record("request.document")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'key:other' WHERE sequence = 1",
        "DELETE FROM audit WHERE sequence = 2",
        (
            "INSERT INTO audit SELECT 9, at, actor, request, act, agency, object, digest, outcome, previous, hash"
            " FROM audit WHERE sequence = 1"
        ),
        (
            "INSERT INTO audit SELECT max(sequence) + 1, max(at), '', '', '', '', '', '', '', max(previous), max(hash)"
            " FROM audit WHERE sequence = 1"
        ),
        "UPDATE access_key SET grants = '[]'",
        "UPDATE access_key SET revoked_at = NULL",
        "UPDATE access_key SET expires_at = '2099-01-01 00:00:00'",
        "DELETE FROM access_key",
    ],
)
def test_the_database_itself_refuses(registry: Registry, statement: str) -> None:
    registry.access.revoke(make_key(registry))
    issue(registry)
    with pytest.raises(RegistryError), registry._store.write() as session:
        session.connection().exec_driver_sql(statement)


def test_many_at_once_make_one_chain(registry: Registry) -> None:
    barrier = threading.Barrier(4)

    def work(n: int) -> None:
        barrier.wait()
        with acting(f"key:{n}"):
            for _ in range(5):
                issue(registry)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    entries = tuple(registry.audit.all())
    assert [e.sequence for e in entries] == list(range(1 + 4 * 5 * 4))
    assert [e.hash for e in entries] == recomputed(entries)
    for n in range(4):
        assert sum(e.actor == f"key:{n}" for e in entries) == 20


def test_one_transaction_may_have_many_entries(registry: Registry) -> None:
    from esign.registry.audit import note

    with registry._store.write() as session:
        for n in range(100):
            note(session, "test.many", at=registry._now(), object=n)
    assert [e.object for e in registry.audit.entries(after=0, limit=200)] == [str(n) for n in range(100)]


def test_pages_and_choices(registry: Registry) -> None:
    mine, other = issue(registry), issue(registry)
    about = registry.audit.entries(object=str(mine.id))
    assert {e.object for e in about} == {str(mine.id)}
    first = registry.audit.entries(limit=3)
    assert [e.sequence for e in (*first, *registry.audit.entries(after=2, limit=3))] == list(range(6))
    assert registry.audit.entries(agency="H99") == ()
    assert str(other.id) in {e.object for e in registry.audit.entries(agency=str(WARD))}


def test_a_text_is_one_line_whatever_it_holds(registry: Registry) -> None:
    hostile = "a\nkey:admin\r\x00\x1b[31m\u2028\u202e\ud800" + "x" * 500
    with acting(hostile, request="r\n"):
        registry.audit.record("request.read", object="o\n1", outcome="no\nok")
    (entry,) = registry.audit.entries(after=0)
    for value in (entry.actor, entry.request, entry.object, entry.outcome):
        assert value.isprintable()
    assert len(entry.actor) == 200
    assert entry.hash == recomputed(tuple(registry.audit.all()))[-1]
    assert printable("văn thư", most=100) == "văn thư"


def test_a_result_that_nobody_told_of_is_found(registry: Registry) -> None:
    from esign.registry import audit

    told = issue(registry)
    quiet = registry.reserve(new_intent())
    with pytest.MonkeyPatch.context() as patch:  # as a program would that writes past ours
        patch.setattr(audit, "append_many", lambda *_: ())
        finish(registry, quiet)
    assert registry.audit.unaudited() == (str(quiet.id),)
    assert str(told.id) not in registry.audit.unaudited()


def test_keys_of_access_end(registry: Registry, clock: Clock) -> None:
    key = make_key(registry)
    with pytest.raises(RegistryError, match="name portal"):
        make_key(registry)
    clock.forward(days=1)
    day = timedelta(days=1)
    newer = registry.access.rotate(key, digest=digest("k2"), lifetime=30 * day, overlap=timedelta(hours=2))
    assert registry.access.get(key).opens(clock())
    with pytest.raises(RegistryError, match="rotated already"):
        registry.access.rotate(key, digest=digest("k3"), lifetime=day, overlap=day)
    clock.forward(hours=3)
    assert not registry.access.get(key).opens(clock())
    assert newer.opens(clock())
    assert (newer.name, newer.grants) == ("portal", (Grant(WARD, "signer"),))
    registry.access.used(newer.id, on=clock().date())
    registry.access.used(newer.id, on=clock().date() - day)
    assert registry.access.get(newer.id).last_used == clock().date()
    assert registry.access.revoke(newer.id) == registry.access.revoke(newer.id)
    found = registry.access.find(digest("k2"))
    assert found is not None
    assert not found.opens(clock())
    assert registry.access.find(digest("nothing")) is None
    clock.forward(days=60)
    with pytest.raises(RegistryError, match="expired or was revoked"):
        registry.access.rotate(newer.id, digest=digest("k4"), lifetime=day, overlap=day)


def test_what_was_issued_before_the_chain_began_is_told_of_by_its_first_entry(registry: Registry) -> None:
    """As on a register that is migrated: the rows are there, and the chain begins behind them."""
    made = [issue(registry), issue(registry)]
    digests = sorted(m.registration.sha256 for m in made if m.registration)
    with registry._store.write() as session:
        connection = session.connection()
        for trigger in ("audit_delete", "audit_update", "audit_grows"):
            table = "" if connection.dialect.name == "sqlite" else " ON audit"
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}{table}")
        connection.exec_driver_sql("DELETE FROM audit WHERE sequence > 0")
    assert set(registry.audit.unaudited()) == {str(m.id) for m in made}
    with registry._store.write() as session:
        told = hashlib.sha256("\n".join(digests).encode()).hexdigest()
        session.connection().exec_driver_sql(f"UPDATE audit SET digest = '{told}'")  # our own digits
    assert registry.audit.unaudited() == ()


@pytest.mark.parametrize("revision", sorted(v.stem for v in VECTORS.glob("*.sql")))
def test_a_register_of_an_older_release_begins_its_chain(revision: str, tmp_path: Path) -> None:
    """Its first entry tells of everything that was issued before; what is done since has entries of its own."""
    with Registry.open(older_register(revision, tmp_path / "register.sqlite"), now=Clock()) as upgraded:
        (begun,) = upgraded.audit.all()
        assert begun.act == "audit.begun"
        assert recomputed((begun,)) == [begun.hash]
        before = [i.registration.sha256 for i in upgraded.listing(limit=1000).entries if i.registration]
        assert before
        assert begun.digest == hashlib.sha256("\n".join(sorted(before)).encode()).hexdigest()
        assert upgraded.audit.unaudited() == ()
        issue(upgraded)
        assert upgraded.audit.unaudited() == ()
