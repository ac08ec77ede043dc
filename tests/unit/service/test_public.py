"""The public side: look-ups, codes that move, published files, the page; with a register that it only reads."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from esign.citizen import Page
from esign.lookup import Lookup, RateLimiter, UsedCodes
from esign.publishing import FolderStore
from esign.registry import PublicEntry, Registry
from esign.service.app import create_public_app
from esign.service.checkup import Checkup
from esign.service.desk import Desk
from esign.service.metrics import Metrics
from esign.service.needs import ReadableNeeded
from esign.service.public import Public
from tests.support.office import HOST, Office, request
from tests.support.plain_pdf import plain_pdf
from tests.support.service import answering, problem
from tests.support.stopwatch import shortest
from tests.support.waiting import LONG

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Side:
    office: Office
    client: httpx.Client
    site: FolderStore

    def look(self, id_: str, **more: object) -> httpx.Response:
        return self.client.post("/lookup", json={"id": id_}, **more)  # type: ignore[arg-type]


@contextmanager
def public(office: Office, folder: Path, *, burst: int = 1000) -> Iterator[Side]:
    desk, site = Desk("public", threads=2, waiting=100), FolderStore(folder / "site")
    with Registry.open_to_read(office.folder / "register.sqlite", now=office.clock) as registry:

        def hidden(entry: PublicEntry) -> bool:
            return entry.profile == "hidden"

        lookup = Lookup(
            registry,
            now=office.clock,
            limiter=RateLimiter(rate=6, burst=burst),
            hidden=hidden,
            redeemer=UsedCodes(registry, folder / "used", now=office.clock),
        )
        page = Page(host=HOST, roots=(), has_lookup=True)
        checkup = Checkup([ReadableNeeded(registry=registry)])
        made = Public(lookup=lookup, desk=desk, now=office.clock, page=page, published=site)
        app = create_public_app(made, checkup=checkup, metrics=Metrics())
        try:
            with answering(app) as url, httpx.Client(base_url=url, timeout=LONG) as client:
                yield Side(office, client, site)
        finally:
            desk.close()
            checkup.close()


@pytest.fixture
def side(office: Office, tmp_path: Path) -> Iterator[Side]:
    with public(office, tmp_path) as found:
        yield found


def test_a_result_is_found_by_what_is_printed(side: Side) -> None:
    issued = side.office.issuer().issue(request("1"))
    answer = side.look(str(issued.id).lower())
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "found": True,
        "swapped": False,
        "id": str(issued.id),
        "agency": "H26.18.01",
        "number": "01/QĐ-UBND",
        "issue_date": "2026-11-21",
        "title": "Quyết định",
        "holder": None,
        "standing": "in-force",
        "expires": None,
        "others": [],
        "presented_at": None,
        "at": "2026-11-21T03:32:58Z",
    }
    symbols = str(issued.id).replace("-", "")
    i = next(i for i in range(15) if symbols[i] != symbols[i + 1])
    swapped = side.look(symbols[:i] + symbols[i + 1] + symbols[i] + symbols[i + 2 :]).json()
    assert (swapped["swapped"], swapped["id"]) == (True, str(issued.id))


def test_what_is_not_there_and_what_is_hidden_are_answered_alike(side: Side) -> None:
    hidden = Office.open(side.office.folder, name="hidden")
    concealed = hidden.issuer().issue(request("h"))
    signed = side.office.issuer().sign(plain_pdf(), idempotency_key="s")
    answers = {side.look(str(id_)).text for id_ in (concealed.id, signed.id, "0123-4567-89AB-CDEF")}
    assert answers == {'{"found":false}'}
    hidden.registry.close()


def test_a_form_without_a_script_gets_a_page(side: Side) -> None:
    issued = side.office.issuer().issue(request("1"))
    page = side.client.post("/lookup", content=f"id={issued.id}", headers=FORM)
    assert page.headers["content-type"].startswith("text/html")
    assert "Còn hiệu lực" in page.text
    assert "<script" not in page.text
    unknown = side.client.post("/lookup", content="id=0123-4567-89AB-CDEF", headers=FORM)
    assert "Không tìm thấy" in unknown.text
    problem(side.client.post("/lookup", content="id=%3Cscript%3E", headers=FORM), 400, "result-id-invalid")
    problem(side.client.post("/lookup", content="a&b&c&d&e&id=1", headers=FORM), 400, "result-id-invalid")


def test_what_is_no_id_and_who_asks_too_often(office: Office, tmp_path: Path) -> None:
    with public(office, tmp_path, burst=3) as side:
        for id_ in ("ABCD", "Đ" * 16, "<script>"):
            problem(side.look(id_), 400, "result-id-invalid")
        refused = side.look("0123-4567-89AB-CDEF")
        assert problem(refused, 429, "lookup-too-often")["retry_after"] == int(refused.headers["retry-after"])


def test_a_code_is_shown_once_by_a_side_that_cannot_write_the_register(side: Side) -> None:
    issuer = side.office.issuer()
    issued = issuer.issue(request("1"))
    code = issuer.present(issued.id).digits
    first = side.client.post("/presentation", json={"digits": code}).json()
    assert (first["found"], first["id"], first["presented_at"]) == (True, str(issued.id), "2026-11-21T03:32:58Z")
    again = side.client.post("/presentation", json={"digits": code})
    assert again.json() == {"found": False, "reason": "presentation-used"}
    late = issuer.present(issued.id).digits
    side.office.clock.advance(timedelta(minutes=1))
    assert side.client.post("/presentation", json={"digits": late}).json()["reason"] == "presentation-expired"
    assert side.client.post("/presentation", json={"digits": "0" * 20}).json()["reason"] == "presentation-unknown"
    problem(side.client.post("/presentation", json={"digits": "1"}), 400, "request-invalid")


def test_published_files_and_the_page(side: Side) -> None:
    side.site.put("s/9.cwt", b"shard")
    side.site.put("t/a.cwt", b"part")
    shard = side.client.get("/s/9.cwt")
    assert (shard.content, shard.headers["content-type"]) == (b"shard", "application/statuslist+cwt")
    assert "max-age=15" in shard.headers["cache-control"]
    assert shard.headers["access-control-allow-origin"] == "*"
    again = side.client.get("/s/9.cwt", headers={"If-None-Match": shard.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert side.client.get("/t/a.cwt").content == b"part"
    for name in ("nix.cwt", "..%2Fregister.sqlite", "%2e%2e", ".hidden", "a/b"):
        assert side.client.get(f"/s/{name}").status_code in {400, 404}
    for path in ("/", "/1", "/p"):
        page = side.client.get(path)
        assert page.headers["content-type"].startswith("text/html")
        assert "script-src 'sha256-" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "public, max-age=300"
    assert side.client.get("/verdict.js").headers["content-type"].startswith("text/javascript")
    assert side.client.get("/readyz").json()["ready"] is True
    problem(side.client.get("/v1/agencies/H26.18.01/results"), 404, "route-unknown")


def test_look_ups_of_many_are_answered_together_and_leave_at_even_moments(side: Side) -> None:
    issued = [str(side.office.issuer().issue(request(f"{n}")).id) for n in range(4)]
    asked = [*issued, "0123-4567-89AB-CDEF"] * 20
    answers: dict[int, bool] = {}

    def ask(position: int) -> None:
        with httpx.Client(base_url=side.client.base_url, timeout=LONG) as client:
            answers[position] = client.post("/lookup", json={"id": asked[position]}).json()["found"]

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(len(asked))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answers[n] for n in range(len(asked))] == [id_ in issued for id_ in asked]


def test_time_tells_nothing_of_what_was_found(side: Side) -> None:
    """Medians of interleaved look-ups differ by less than one moment's distance."""
    found = str(side.office.issuer().issue(request("1")).id)

    def part_of_the_limit() -> float:
        times: dict[str, list[float]] = {found: [], "0123-4567-89AB-CDEF": []}
        for _ in range(60):
            for id_, taken in times.items():
                started = time.perf_counter()
                side.look(id_)
                taken.append(time.perf_counter() - started)
        first, second = (statistics.median(taken) for taken in times.values())
        return abs(first - second) / max(0.004, 0.3 * max(first, second))

    assert shortest(part_of_the_limit, enough=0.99) < 1
