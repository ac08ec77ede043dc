"""Results that are asked for at the same time walk as one group, and each is answered as if it had come alone."""

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pikepdf
import pytest

from esign.errors import TokenUnavailable
from esign.keys import Mechanism, SigningKey
from esign.line import Line
from esign.registry import Intent
from esign.service.access import Role
from esign.service.metrics import Metrics
from esign.service.watched import WatchedKey
from esign.steps import Step
from tests.support.office import Office
from tests.support.plain_pdf import plain_pdf
from tests.support.service import Names, ServiceForTest, b64, office_of, problem, service, wanted
from tests.support.waiting import LONG

COUNT = 6


class Orders:
    """A key that takes many orders at a time, and remembers how many each time; it fails while it is told to."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key
        self.sizes: list[int] = []
        self.failing = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._key, name)

    def sign(self, data: bytes, *, mechanism: Mechanism) -> bytes:
        return self.sign_all([data], mechanism=mechanism)[0]

    def sign_all(self, data: Sequence[bytes], *, mechanism: Mechanism) -> list[bytes]:
        self.sizes.append(len(data))
        if self.failing:
            raise TokenUnavailable("signer-lost")
        return [self._key.sign(each, mechanism=mechanism) for each in data]


class Gate:
    """Keeps the first request at its examination until it is opened, so that those behind it gather."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.reached = threading.Event()

    def heard(self, step: Step, _intent: Intent | None) -> None:
        if step is Step.CHECKED and not self.reached.is_set():
            self.reached.set()
            assert self.opened.wait(LONG)


@pytest.fixture
def key(office: Office) -> Orders:
    return Orders(office.key)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def here(office: Office, key: Orders, gate: Gate, metrics: Metrics) -> Iterator[ServiceForTest]:
    """Some portals at one office, whose first request waits at the gate."""
    own = office_of(office)
    watched = WatchedKey(key, name="agency", metrics=metrics)
    line = Line(office.issuer(gate.heard, key=watched, delivery=None), alone=4)
    signer = {own.code: frozenset({Role.SIGNER, Role.REGISTRAR})}
    names = Names(**{f"portal-{n}": signer for n in range(COUNT + 1)})
    with service(office, offices={own.code: replace(own, line=line)}, authenticator=names, metrics=metrics) as running:
        yield replace(running, name="portal-0")


Ask = Callable[[], httpx.Response]


@contextmanager
def behind_the_gate(here: ServiceForTest, gate: Gate, asks: Sequence[Ask]) -> Iterator[list["Future[httpx.Response]"]]:
    """While the first request is being examined, the others have all arrived; then they go on."""
    with ThreadPoolExecutor(len(asks) + 1) as pool:
        first = pool.submit(here.post, "results", key="first", json=wanted())
        try:
            assert gate.reached.wait(LONG)
            others = [pool.submit(ask) for ask in asks]
            reach(lambda: here.parts.issuing.taken == len(asks) + 1)
            yield others
        finally:
            gate.opened.set()
        assert first.result(LONG).status_code == 201


def reach(is_so: Callable[[], bool]) -> None:
    """Wait for it."""
    pause = threading.Event()
    for _ in range(int(LONG / 0.01)):
        if is_so():
            return
        pause.wait(0.01)
    raise AssertionError


def asking(here: ServiceForTest, portal: int, **changes: Any) -> Ask:
    return lambda: replace(here, name=f"portal-{portal}").post("results", key=f"k{portal}", json=wanted(**changes))


def test_they_are_one_order_and_each_is_done_in_the_name_of_who_asked(
    here: ServiceForTest, gate: Gate, key: Orders, metrics: Metrics
) -> None:
    with behind_the_gate(here, gate, [asking(here, n + 1) for n in range(COUNT)]) as asked:
        pass
    answers = [each.result() for each in asked]
    assert [a.status_code for a in answers] == [201] * COUNT
    assert key.sizes == [1, COUNT]
    numbers = sorted(a.json()["number"] for a in answers)
    assert numbers == [f"{n:02}/QĐ-UBND" for n in range(2, COUNT + 2)]
    audit = here.office.registry.audit
    for portal, answer in enumerate(answers, 1):
        entries = audit.entries(object=answer.json()["id"])
        steps = [f"intent.{state}" for state in ("reserved", "prepared", "signed", "issued", "delivered")]
        assert [e.act for e in entries] == steps
        assert {e.actor for e in entries} == {f"key:portal-{portal}"}
        assert {e.request for e in entries} == {answer.headers["x-request-id"]}
    told = "\n".join(str(sample) for metric in metrics._all.collect() for sample in metric.samples)
    assert f"name='esign_signing_seconds_count', labels={{'key': 'agency'}}, value={COUNT + 1}.0" in told


def test_what_is_answered_is_what_the_register_has(here: ServiceForTest, gate: Gate) -> None:
    """The group answers from memory, a repetition from the register."""
    with behind_the_gate(here, gate, [asking(here, n + 1) for n in range(3)]) as asked:
        pass
    again = [asking(here, n + 1)() for n in range(3)]
    assert [a.result().content for a in asked] == [a.content for a in again]


def test_who_is_refused_spoils_nobody(here: ServiceForTest, gate: Gate, key: Orders) -> None:
    taken = {"template": None, "data": None, "symbol": None, "number": "77/QĐ-UBND"}
    pages = [b64(plain_pdf(f"Quyết định {n}")) for n in range(2)]
    asks = [
        asking(here, 1),
        asking(here, 2, data={"subject": "nothing else"}),
        asking(here, 3, **taken, pdf=pages[0], title="Quyết định"),
        asking(here, 4, **taken, pdf=pages[1], title="Quyết định"),
        asking(here, 5),
    ]
    with behind_the_gate(here, gate, asks) as asked:
        # Who asks for the same while it is under way is told so; another request under its key is another matter.
        problem(asking(here, 1)(), 409, "request-is-in-flight")
        problem(asking(here, 1, symbol="GP-UBND")(), 422, "request-key-in-use")
    good, invalid, one, other, last = (each.result() for each in asked)
    problem(invalid, 422, "template-data-invalid")
    assert sorted(a.status_code for a in (one, other)) == [201, 409]
    problem(one if one.status_code == 409 else other, 409, "number-taken")
    assert sorted(a.json()["number"] for a in (good, last)) == ["02/QĐ-UBND", "03/QĐ-UBND"]
    assert sum(key.sizes) == 4


def test_a_token_that_fails_leaves_each_to_be_asked_for_again(here: ServiceForTest, gate: Gate, key: Orders) -> None:
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(here.post, "results", key="first", json=wanted())
        assert gate.reached.wait(LONG)
        asked = [pool.submit(asking(here, n + 1)) for n in range(3)]
        reach(lambda: here.parts.issuing.taken == 4)
        key.failing = True
        gate.opened.set()
        for each in (first, *asked):
            problem(each.result(LONG), 503, "signer-lost")
    key.failing = False
    again = [asking(here, n + 1)() for n in range(3)]
    assert sorted(a.json()["number"] for a in again) == ["02/QĐ-UBND", "03/QĐ-UBND", "04/QĐ-UBND"]


def test_a_large_file_neither_waits_nor_holds_anybody_up(here: ServiceForTest, gate: Gate) -> None:
    """It takes long to examine: nobody walks with it, and it walks with nobody."""
    given = {"template": None, "data": None, "symbol": None, "number": "9/QĐ-UBND", "title": "Quyết định"}
    with behind_the_gate(here, gate, [asking(here, 1)]) as asked:
        alone = asking(here, 2, **given, pdf=b64(large_page()))()
        assert alone.status_code == 201, alone.text
        assert not asked[0].done()
    assert asked[0].result().status_code == 201


def large_page() -> bytes:
    """A page of more than a megabyte."""
    with pikepdf.open(io.BytesIO(plain_pdf("Quyết định"))) as pdf:
        contents = pdf.pages[0].Contents
        contents.write(contents.read_bytes() + b" " * (1 << 20) + b"\n")
        saved = io.BytesIO()
        pdf.save(saved, compress_streams=False, static_id=True)
    assert len(saved.getvalue()) > 1 << 20
    return saved.getvalue()


def test_who_comes_to_a_full_desk_is_asked_to_come_back(here: ServiceForTest, gate: Gate) -> None:
    """What waits for its group has a place at the desk."""
    most = here.parts.issuing._most
    here.parts.issuing._most = 3
    with behind_the_gate(here, gate, [asking(here, n + 1) for n in range(2)]) as asked:
        refused = asking(here, 3)()
        problem(refused, 503, "service-busy")
        assert refused.headers["retry-after"]
    assert [each.result().status_code for each in asked] == [201, 201]
    here.parts.issuing._most = most
    assert asking(here, 3)().status_code == 201
