"""Results issued with the register on a server: every way, several hosts, and a claim that is lost in the middle."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from esign.archive import sha256
from esign.errors import Error, RequestInFlight
from esign.issued import Issued
from esign.line import Line
from esign.profile import Numbering
from esign.registry import Intent, IntentState
from esign.report import Integrity
from esign.steps import Step
from tests.support.office import Office, request
from tests.support.postgres import PostgresServer
from tests.support.proxy import Proxy


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("office")
    Office.create(folder, kind="p256").registry.close()
    return folder


@pytest.fixture
def office(made: Path, postgres_url: str) -> Iterator[Office]:
    office = Office.open(made, register=postgres_url)
    yield office
    office.registry.close()


def test_a_result_is_issued_and_repeated(office: Office) -> None:
    issued = office.issuer().issue(request("one"))
    assert office.verifier().verify(issued.pdf).integrity is Integrity.INTACT
    again = office.issuer().issue(request("one"))
    assert (again.id, again.sha256) == (issued.id, issued.sha256)
    assert office.registry.unfinished() == ()


@pytest.mark.parametrize("numbering", list(Numbering))
def test_two_officials(office: Office, numbering: Numbering) -> None:
    office.profile = replace(office.profile, numbering=numbering)
    issuer = office.issuer()
    pending = issuer.submit(replace(request("two"), person=office.person))
    signature = office.person_key.sign(pending.to_be_signed, mechanism=pending.mechanism)
    issued = issuer.release(issuer.complete(pending.id, signature).id)
    assert len(office.verifier().verify(issued.pdf).signatures) == 2


def test_a_line(office: Office) -> None:
    with Line(office.issuer(delivery=None), person_key=office.person_key, group=4, lanes=2) as line:
        done = list(line.issue([request(f"k{n}") for n in range(8)]))
    assert all(isinstance(one, Issued) for one in done), done
    numbers = {i.number.number for i in office.registry.listing().entries if i.number}
    assert numbers == set(range(1, 9))


def test_hosts_issue_beside_each_other(office: Office, made: Path, postgres_url: str) -> None:
    """The same requests reach both; each is issued once, whoever is first."""
    other = Office.open(made, register=postgres_url)

    def issue(where: Office, key: str) -> str:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with suppress(RequestInFlight):
                return where.issuer().issue(request(key)).sha256
            time.sleep(0.02)
        raise AssertionError(key)

    keys = [f"k{n}" for n in range(6)]
    with ThreadPoolExecutor(4) as pool:
        ours = [pool.submit(issue, office, key) for key in keys]
        theirs = [pool.submit(issue, other, key) for key in keys]
        assert [o.result() for o in ours] == [t.result() for t in theirs]
    entries = office.registry.listing().entries
    assert len(entries) == 6
    assert {i.number.number for i in entries if i.number} == set(range(1, 7))
    other.registry.close()


@pytest.mark.parametrize("step", [Step.LAID_OUT, Step.PREPARED, Step.KEY_USED])
def test_a_claim_that_is_lost_in_the_middle(
    office: Office, made: Path, postgres: PostgresServer, postgres_url: str, step: Step
) -> None:
    """One host loses its connections and goes on; another finishes the intent meanwhile, with a signature of its own.

    ECDSA gives other bytes each time: what is stored is what is registered all the same.
    """
    with Proxy(postgres.port) as proxy:
        slow = Office.open(made, register=postgres_url.replace(f":{postgres.port}/", f":{proxy.port}/"))
        finished: list[Intent] = []

        def lose(at: Step, intent: Intent | None) -> None:
            if at is step and not finished:
                proxy.cut()
                accepted = office.registry.by_key("lost")
                assert accepted is not None
                finished.append(_go_on(office, accepted))

        refused: list[Error] = []
        try:
            slow.issuer(lose).issue(request("lost"))
        except Error as e:
            refused.append(e)
        slow.registry.close()
    (intent,) = finished
    assert intent.state is IntentState.ISSUED
    now = office.registry.get(intent.id)
    assert now == intent
    stored = (office.folder / "archive" / f"{intent.id}.pdf").read_bytes()
    assert sha256(stored) == now.versions[-1].sha256
    assert office.verifier().verify(stored).integrity is Integrity.INTACT
    assert {e.code for e in refused} <= {"claim-lost", "intent-state", "registry-unreachable"}
    # The caller asks again, and gets what was issued.
    assert office.issuer().issue(request("lost")).sha256 == sha256(stored)
    assert office.registry.unfinished() == ()


def _go_on(office: Office, intent: Intent) -> Intent:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(RequestInFlight):
            return office.issuer().go_on(intent.id)
        time.sleep(0.01)
    pytest.fail("the lost claim was never freed")
