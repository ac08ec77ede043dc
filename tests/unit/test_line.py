"""Many results on a line: what comes out is what single issuing makes, in order, under the same laws."""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest

from esign.codes import DocumentNumber
from esign.errors import ApprovalMissing, Error, InputError, KeyStoreError, RequestConflict
from esign.issued import Issued
from esign.keys import Mechanism, SigningKey
from esign.line import Line
from esign.pdf.raster import page_text
from esign.profile import Numbering
from esign.readback import compare
from esign.registry import Intent, IntentState, Registry
from esign.report import Integrity
from esign.request import Filled, Given, Request
from esign.steps import Step
from tests.support.office import Office, request
from tests.support.plain_pdf import plain_pdf
from tests.support.rendering import CountingRenderer


@pytest.fixture
def office(p256_office: Path, tmp_path: Path) -> Iterator[Office]:
    opened = Office.copied(p256_office, tmp_path / "office")
    yield opened
    opened.registry.close()


def by_two(office: Office, key: str) -> Request:
    return replace(request(key), person=office.person)


def given(key: str, number: int, text: str = "Quyết định") -> Request:
    return replace(request(key), content=Given(pdf=plain_pdf(text)), number=DocumentNumber.parse(f"{number}/QĐ-UBND"))


def on_line(office: Office, requests: Sequence[Request], **parts: object) -> list[Issued | Error]:
    issuer = office.issuer(**{"delivery": None} | parts)  # type: ignore[arg-type]  # named by tests
    with Line(issuer, person_key=office.person_key, group=4, lanes=2) as line:
        return list(line.issue(requests))


def issued(outcomes: Sequence[Issued | Error]) -> list[Issued]:
    assert all(isinstance(o, Issued) for o in outcomes), outcomes
    return [o for o in outcomes if isinstance(o, Issued)]


def shows_its_number(outcome: Issued) -> bool:
    return str(outcome.number) in " ".join(page_text(outcome.pdf, 0))


def test_results_come_in_their_order_and_verify(office: Office) -> None:
    asked = [by_two(office, f"k{n}") if n % 3 else request(f"k{n}") for n in range(10)]
    found = issued(on_line(office, asked))
    assert [str(o.number) for o in found] == [f"{n:02}/QĐ-UBND" for n in range(1, 11)]
    for number, outcome in enumerate(found):
        report = office.verifier().verify(outcome.pdf)
        assert report.integrity is Integrity.INTACT
        assert len(report.signatures) == (2 if number % 3 else 1)
        assert report.seal is not None
        assert shows_its_number(outcome)
    assert list((office.folder / "spool").iterdir()) == []
    assert office.registry.unfinished() == ()


def test_the_register_knows_the_same_of_a_result_that_came_alone(
    office: Office, p256_office: Path, tmp_path: Path
) -> None:
    """Registration, states and notices; what is random or a digest of it differs."""
    other = Office.copied(p256_office, tmp_path / "other")
    asked = [by_two(office, f"k{n}") for n in range(3)]
    together = issued(on_line(office, asked))
    issuer = other.issuer(delivery=None)
    for request_, outcome in zip(asked, together, strict=True):
        pending = issuer.submit(request_)
        signature = other.person_key.sign(pending.to_be_signed, mechanism=pending.mechanism)
        alone = issuer.release(issuer.complete(pending.id, signature).id)
        assert plain(other.registry.get(alone.id)) == plain(office.registry.get(outcome.id))
        assert (alone.notices, alone.level, alone.delivered) == (outcome.notices, outcome.level, outcome.delivered)
    acts = [[e.act for e in o.registry.audit.entries()] for o in (office, other)]
    assert sorted(acts[0]) == sorted(acts[1])
    other.registry.close()


def plain(intent: Intent) -> object:
    """Without what is random."""
    assert intent.registration is not None
    registration = replace(intent.registration, sha256="", size=0, seal_token_sha256=None)
    digests = {name: "" for name in Intent.__slots__ if name.endswith("sha256") and getattr(intent, name)}
    return replace(intent, id=None, status_number=0, registration=registration, **digests)  # type: ignore[arg-type]


def test_groups_that_begin_together_guess_their_numbers_in_order(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page is set once, with the number that it gets, although the first group takes longest to look itself up."""
    look_up = Registry.known_keys

    def slowly(registry: Registry, keys: Sequence[str]) -> Collection[str]:
        if "k0" in keys:
            time.sleep(0.2)
        return look_up(registry, keys)

    monkeypatch.setattr(Registry, "known_keys", slowly)
    renderer = CountingRenderer()
    found = issued(on_line(office, [request(f"k{n}") for n in range(12)], renderer=renderer))
    assert [o.number.number for o in found if o.number] == list(range(1, 13))
    assert renderer.count == len(found)


def test_numbers_that_come_at_release(office: Office) -> None:
    office.profile = replace(office.profile, numbering=Numbering.AT_RELEASE)
    found = issued(on_line(office, [by_two(office, f"k{n}") for n in range(5)]))
    assert sorted(str(o.number) for o in found) == [f"{n:02}/QĐ-UBND" for n in range(1, 6)]
    assert {office.verifier().verify(o.pdf).integrity for o in found} == {Integrity.INTACT}


def test_bodies_that_are_given(office: Office) -> None:
    """The same form for many, and one that cannot be issued."""
    asked = [given(f"k{n}", n + 1) for n in range(5)] + [replace(given("bad", 9), content=Given(pdf=b"no PDF"))]
    *good, bad = on_line(office, asked)
    assert {office.verifier().verify(o.pdf).integrity for o in issued(good)} == {Integrity.INTACT}
    assert isinstance(bad, Error)
    assert office.registry.by_key("bad") is None


def test_what_is_refused_takes_no_number_and_disturbs_nobody(office: Office) -> None:
    """The page after it was set with a number too high, and is set again."""
    asked = [request(f"k{n}") for n in range(6)]
    asked[2] = replace(asked[2], content=Filled(template="quyet-dinh", data={"subject": "nothing else"}))
    found = on_line(office, asked)
    refused = found.pop(2)
    assert isinstance(refused, InputError)
    assert [str(o.number) for o in issued(found)] == [f"{n:02}/QĐ-UBND" for n in range(1, 6)]
    assert all(map(shows_its_number, issued(found)))


def test_a_number_that_somebody_else_takes_meanwhile(office: Office) -> None:
    taken: list[Issued] = []

    def on_step(step: Step, _intent: Intent | None) -> None:
        if step is Step.CHECKED and not taken:
            taken.append(Office.open(office.folder).issuer(delivery=None).issue(request("other")))

    found = issued(on_line(office, [request(f"k{n}") for n in range(4)], on_step=on_step))
    assert [str(o.number) for o in (*taken, *found)] == [f"{n:02}/QĐ-UBND" for n in range(1, 6)]
    assert all(map(shows_its_number, found))


def test_what_a_person_signs_first_is_not_issued_without_them(office: Office) -> None:
    office.profile = replace(office.profile, person=True)
    refused, issued_ = on_line(office, [request("alone"), by_two(office, "both")])
    assert getattr(refused, "code", "") == "person-signs-first"
    assert isinstance(issued_, Issued)
    assert office.registry.by_key("alone") is None


def test_repeated_requests_give_the_same_documents(office: Office) -> None:
    asked = [by_two(office, f"k{n}") for n in range(5)]
    first = issued(on_line(office, asked))
    again = issued(on_line(office, asked))
    assert [(o.id, o.sha256, o.pdf) for o in first] == [(o.id, o.sha256, o.pdf) for o in again]


def test_one_key_for_two_requests_in_one_group(office: Office) -> None:
    """The group's transaction fails as a whole, and everybody finds an answer alone."""
    changed = replace(request("k1"), metadata=replace(request("k1").metadata, title="Khác"))  # type: ignore[type-var]
    found = on_line(office, [request("k0"), request("k1"), request("k1"), changed])
    same = issued(found[1:3])
    assert same[0].id == same[1].id
    assert isinstance(found[3], RequestConflict)
    assert sorted(str(o.number) for o in (found[0], same[0]) if isinstance(o, Issued)) == ["01/QĐ-UBND", "02/QĐ-UBND"]


@dataclass
class WatchedKey:
    """A key that looks into the register, as another process would, before it signs."""

    key: SigningKey
    folder: Path
    digests: set[str | None]
    fail: bool = False

    def __getattr__(self, name: str) -> object:
        return getattr(self.key, name)

    def sign(self, data: bytes, *, mechanism: Mechanism) -> bytes:
        if self.fail:
            raise KeyStoreError("token-unavailable", token="t")
        with Registry.open_to_read(self.folder / "register.sqlite", now=Office.open(self.folder).clock) as seen:
            entries = seen.listing().entries
        recorded = {
            digest
            for e in entries
            for digest in (
                e.to_be_signed_sha256 if e.state is IntentState.PREPARED else None,
                e.person_to_be_signed_sha256 if e.state is IntentState.AWAITING else None,
            )
        }
        assert sha256(data).hexdigest() in recorded
        self.digests.add(sha256(data).hexdigest())
        return self.key.sign(data, mechanism=mechanism)


def test_nothing_is_signed_that_is_not_recorded(office: Office) -> None:
    """DESIGN law 1, seen from outside at the moment of each signature, the person's and the agency's."""
    agency, person = (WatchedKey(k, office.folder, set()) for k in (office.key, office.person_key))
    issuer = office.issuer(delivery=None, key=agency)
    with Line(issuer, person_key=person, group=3) as line:  # type: ignore[arg-type]  # it is one, by delegation
        issued(list(line.issue([by_two(office, f"k{n}") for n in range(6)])))
    assert len(agency.digests) == len(person.digests) == 6


def test_a_token_that_fails_leaves_what_is_recorded(office: Office) -> None:
    key = WatchedKey(office.key, office.folder, set(), fail=True)
    asked = [request(f"k{n}") for n in range(4)]
    found = on_line(office, asked, key=key)
    assert {getattr(o, "code", "") for o in found} == {"token-unavailable"}
    assert {e.state for e in office.registry.listing().entries} == {IntentState.PREPARED}
    again = issued(on_line(office, asked))
    assert [str(o.number) for o in again] == [f"{n:02}/QĐ-UBND" for n in range(1, 5)]
    assert {office.verifier().verify(o.pdf).integrity for o in again} == {Integrity.INTACT}


def test_without_consent_the_key_is_not_used(office: Office) -> None:
    class Never:
        def check(self, intent: Intent) -> None:
            raise ApprovalMissing("approval-missing", id=str(intent.id))

    key = WatchedKey(office.key, office.folder, set())
    found = on_line(office, [request(f"k{n}") for n in range(3)], key=key, consent=Never())
    assert all(isinstance(o, ApprovalMissing) for o in found)
    assert key.digests == set()


def test_what_was_not_meant_is_not_registered(office: Office) -> None:
    """`compare` against every kind of slip between preparing and registering."""
    kept: list[tuple[object, ...]] = []
    original = compare

    def watched(signed: bytes, **facts: object) -> object:
        kept.append((signed, facts))
        return original(signed, **facts)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("esign.handling.compare", watched)
        issued(on_line(office, [by_two(office, f"k{n}") for n in range(6)]))
    (signed, facts), (other, others) = kept[-2:]
    assert isinstance(signed, bytes)
    assert isinstance(other, bytes)
    assert isinstance(facts, dict)
    assert isinstance(others, dict)
    original(signed, **facts)
    start, end = facts["prepared"].contents
    slips = [signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :] for at in (100, start - 30, start + 200, end + 5)]
    slips += [signed[:-1], signed + b"\n", other, facts["prepared"].document]
    for slip in slips:
        with pytest.raises(Error):
            original(slip, **facts)
    for name in ("intent", "prepared", "approved", "order"):
        with pytest.raises(Error):
            original(signed, **facts | {name: others[name]})
