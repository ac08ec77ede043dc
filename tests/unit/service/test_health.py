"""Ready or not, and why; the figures for Prometheus."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from esign.errors import RegistryError, TokenUnavailable
from esign.keys import DelegatedKey, Mechanism, SigningKey, sign_all
from esign.objects import ObjectFiles
from esign.service import needs
from esign.service.checkup import Checked, Checkup, Needed, State
from esign.service.inside import served_inside
from esign.service.metrics import Metrics
from esign.service.needs import (
    AnchorsNeeded,
    CertificateNeeded,
    ClockNeeded,
    DatabaseNeeded,
    DiskNeeded,
    ReadableNeeded,
    StoreNeeded,
    TokenNeeded,
)
from esign.service.states import count_states
from esign.service.watched import WatchedKey
from tests.support.bucket import Bucket, serving
from tests.support.office import Office, request
from tests.support.service import ServiceForTest, service, wanted
from tests.support.waiting import LONG


@dataclass
class Token:
    """A signer that can be away, or hang."""

    away: bool = False
    hangs: threading.Event | None = None

    def check(self) -> None:
        if self.hangs is not None:
            self.hangs.wait()
        if self.away:
            raise TokenUnavailable("signer-lost")


@pytest.fixture
def token() -> Token:
    return Token()


@pytest.fixture
def here(office: Office, token: Token, tmp_path: Path) -> Iterator[ServiceForTest]:
    checkup = Checkup(
        [
            TokenNeeded(name="token", signer=token),
            DatabaseNeeded(registry=office.registry),
            ClockNeeded(registry=office.registry, now=office.clock),
            CertificateNeeded(name="certificate", certificates=office.key.certificates, now=office.clock),
            DiskNeeded(name="archive", folder=tmp_path / "not" / "yet"),
        ],
        patience=timedelta(seconds=10),  # a machine may stand still; only what hangs is waited for so long
        monotonic=iter(range(0, 10_000, 100)).__next__,
    )
    with service(office, health=checkup) as found:
        yield found
    checkup.close()


def states(here: ServiceForTest) -> tuple[int, dict[str, str]]:
    answer = here.client.get("/readyz")
    found = answer.json()
    assert {key for check in found["checks"] for key in check} == {"name", "state"}, "strangers learn no more"
    return answer.status_code, {check["name"]: check["state"] for check in found["checks"]}


def test_everything_is_fine(here: ServiceForTest) -> None:
    assert states(here) == (
        200,
        dict.fromkeys(["token", "database", "clock", "certificate", "archive"], "fine"),
    )
    assert here.client.get("/livez").json()["ready"] is True


def test_a_token_that_is_away_or_hangs(here: ServiceForTest, token: Token) -> None:
    token.away = True
    status, found = states(here)
    assert (status, found["token"], found["database"]) == (503, "failed", "fine")
    token.away, token.hangs = False, threading.Event()
    status, found = states(here)
    assert (status, found["token"], found["database"]) == (503, "unknown", "fine")
    assert here.client.get("/livez").status_code == 200
    token.hangs.set()
    while states(here)[0] != 200:
        pass


def test_certificates_clocks_and_disks(here: ServiceForTest, monkeypatch: pytest.MonkeyPatch) -> None:
    office = here.office
    office.issuer().issue(request("1"))
    start = office.clock.at
    office.clock.at = start - timedelta(minutes=5)
    assert states(here)[1]["clock"] == "failed"
    certificate = office.signer_certificate()
    office.clock.at = certificate.not_valid_after_utc - timedelta(days=10)
    assert states(here) == (200, {**states(here)[1], "certificate": "soon"})
    office.clock.at = certificate.not_valid_after_utc + timedelta(days=1)
    assert states(here)[1]["certificate"] == "failed"
    office.clock.at = start

    class Usage:
        free = 50 << 20

    monkeypatch.setattr(needs.shutil, "disk_usage", lambda _place: Usage)  # type: ignore[attr-defined]
    assert states(here)[1]["archive"] == "failed"
    Usage.free = 500 << 20
    assert states(here)[1]["archive"] == "soon"


def test_a_database_that_cannot_be_written(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RegistryError("registry-busy", path="x", detail="y")

    monkeypatch.setattr(office.registry, "reachable", broken)
    with pytest.raises(RegistryError):
        DatabaseNeeded(registry=office.registry).check()
    assert ReadableNeeded(registry=office.registry).check().state is State.FINE


def test_looks_that_follow_closely_share_what_was_found() -> None:
    class Counted:
        name = "counted"
        count = 0

        def check(self) -> Checked:
            self.count += 1
            return Checked()

    counted, at = Counted(), [0.0]
    checkup = Checkup([counted], monotonic=lambda: at[0])

    async def look() -> None:
        await asyncio.gather(*(checkup.look() for _ in range(20)))
        assert counted.count == 1
        at[0] = 3.0
        await checkup.look()

    asyncio.run(look())
    assert counted.count == 2
    checkup.close()


def test_who_is_inside_learns_where_and_why(office: Office, token: Token) -> None:
    """Strangers learn the worst of each kind; no agency, no figure, no reason."""
    codes = ("H26.1.2", "H26.1.3")
    needed: list[Needed] = [TokenNeeded(name=f"token {code}", signer=token) for code in codes]
    needed += [TokenNeeded(name="token H26.1.4", signer=Token()), AnchorsNeeded(name="anchors H26.1.2", compare=gone)]
    outer, inner = (Checkup(needed, monotonic=iter(range(0, 10_000, 100)).__next__) for _ in range(2))
    token.away = True
    with (
        service(office, health=outer) as here,
        served_inside(Metrics(), inner, host="127.0.0.1", port=0) as port,
    ):
        said = here.client.get("/readyz")
        assert said.status_code == 503
        assert said.json()["checks"] == [{"name": "token", "state": "failed"}, {"name": "anchors", "state": "soon"}]
        assert "H26" not in said.text
        url = f"http://127.0.0.1:{port}/readyz"
        full = httpx.get(url, timeout=LONG)
        assert full.status_code == 503
        checks = {check["name"]: check for check in full.json()["checks"]}
        assert [checks[f"token {code}"]["state"] for code in codes] == ["failed", "failed"]
        assert checks["token H26.1.4"]["state"] == "fine"
        assert checks["anchors H26.1.2"]["reason"]["code"] == "audit-anchors-gone"
        for check in checks.values():
            assert (check["reason"] is not None) == (check["state"] != "fine")
            assert check["reason"] is None or check["reason"]["vi"]["next"]
        token.away = False
        with ThreadPoolExecutor(4) as several:
            assert {a.status_code for a in several.map(lambda _: httpx.get(url, timeout=LONG), range(8))} == {200}
    outer.close()
    inner.close()


def gone() -> None:
    raise RegistryError("audit-anchors-gone", folder="elsewhere", name="000000000001")


def test_an_older_register_is_not_ready() -> None:
    """A folder of anchors that is away for a while stops nobody; a register that is older than they are does."""

    def restored() -> None:
        raise RegistryError("registry-restored", found=1, expected=2)

    async def look(compare: Callable[[], None]) -> tuple[bool, str]:
        checkup = Checkup([AnchorsNeeded(compare=compare)])
        report = await checkup.look()
        checkup.close()
        return report.ready, report.checks[0].state

    assert asyncio.run(look(gone)) == (True, "soon")
    assert asyncio.run(look(restored)) == (False, "failed")
    assert asyncio.run(look(lambda: None)) == (True, "fine")


def test_figures_are_counted_and_name_nobody(office: Office) -> None:
    metrics = Metrics()
    office.key = WatchedKey(office.key, name="H26.18.01 agency", metrics=metrics)
    with service(office, metrics=metrics) as here:
        count_states(here.parts)
        issued = here.issue(holder="Nguyễn Thị Bí Mật", dossier="H26.18.01-261120-0001")
        here.get(f"results/{issued['id']}")
        here.post("results", json=wanted(data={}))
        with served_inside(metrics, Checkup(), host="127.0.0.1", port=0) as port:
            text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=LONG).text
    for line in (
        'esign_requests_total{method="POST",route="/v1/agencies/{agency}/results",status="201"} 1.0',
        'esign_refused_total{code="template-data-invalid"} 1.0',
        'esign_signing_seconds_count{key="H26.18.01 agency"} 1.0',
        'esign_desk_threads{desk="issuing"} 4.0',
    ):
        assert line in text
    for canary in (issued["id"], "Bí Mật", "261120", "all-roles", "quyet-dinh"):
        assert canary not in text


class Row(DelegatedKey):
    """A key that keeps which orders it was given."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key
        self.orders: list[int] = []

    def sign_all(self, data: Sequence[bytes], *, mechanism: Mechanism) -> list[bytes]:
        self.orders.append(len(data))
        return super().sign_all(data, mechanism=mechanism)


def test_a_key_that_is_watched_gets_a_row_as_one_order(office: Office) -> None:
    row, metrics = Row(office.key), Metrics()
    watched = WatchedKey(row, name="agency", metrics=metrics)
    signatures = sign_all(watched, [b"1", b"2", b"3"], mechanism=Mechanism.RSA_PKCS1_SHA256)
    assert (len(signatures), row.orders) == (3, [3])


def test_a_store_that_several_hosts_share_has_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    bucket = Bucket()
    with serving(bucket) as endpoint:
        files = ObjectFiles.at(f"s3://archive/ward?endpoint={endpoint}&region=vn-1")
        store = StoreNeeded(name="archive", files=files)
        assert store.check().state is State.FINE
        bucket.fails = 1
        with pytest.raises(RegistryError) as caught:
            store.check()
    assert caught.value.code == "store-not-readable"
