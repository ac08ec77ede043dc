"""A register on a server that is away, slow, closed or restarted, and hosts that share it."""

import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from esign.document import Standing, StandingChange
from esign.errors import RegistryError, RequestInFlight
from esign.registry import IntentState, Registry, patience, postgresql
from esign.registry.database_url import DatabaseURL
from tests.support.postgres import PASSWORD, PASSWORD_USER, PostgresServer, postgres_server
from tests.support.proxy import Proxy
from tests.unit.registry.making import START, WARD, Clock, issue, new_intent, prepare, registration


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """One that these tests may stop."""
    with postgres_server() as server:
        yield server


@contextmanager
def refused(*codes: str) -> Iterator[None]:
    with pytest.raises(RegistryError) as e:
        yield
    assert e.value.code in codes


@contextmanager
def impatient() -> Iterator[None]:
    """No answer is waited for longer than half a second; afterwards again as long as a machine may stand still."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patience.PatientConnection, "patience", 0.5)
        yield


# --- the URL -------------------------------------------------------------------------------------------------------


def test_a_url_says_where_and_who_but_no_secret() -> None:
    url = DatabaseURL.parse("postgresql://esign@db.example:5433/so?sslmode=verify-full&password-file=/run/secret")
    assert dict(url.parameters) == {
        "host": "db.example",
        "port": "5433",
        "user": "esign",
        "dbname": "so",
        "sslmode": "verify-full",
    }
    assert (url.name, url.password_file) == ("db.example/so", Path("/run/secret"))
    assert DatabaseURL.parse("postgresql:///?service=esign").name == "esign/"
    for text in ("postgresql://u:secret@h/d", "postgresql://u@h/d?password=secret"):
        with pytest.raises(RegistryError) as e:
            DatabaseURL.parse(text)
        assert e.value.code == "registry-url-secret"
        assert "secret" not in str(e.value)
    for text in ("mysql://h/d", "postgresql://h:port/d", "postgresql://h/", "postgresql://h/a/b"):
        with pytest.raises(RegistryError) as e:
            DatabaseURL.parse(text)
        assert e.value.code == "registry-url-invalid"


def test_the_password_comes_from_a_file_and_may_change(postgres: PostgresServer, tmp_path: Path) -> None:
    file = tmp_path / "password"
    name = postgres.register()
    url = f"{postgres.url(name, user=PASSWORD_USER)}?password-file={file}"
    with refused("registry-password-unreadable"):
        Registry.open(url, now=Clock())
    file.write_text("wrong\n", "utf-8")
    with refused("registry-login-refused"):
        Registry.open(url, now=Clock())
    file.write_text(f"{PASSWORD}\n", "utf-8")
    with Registry.open(url, now=Clock()) as registry:
        issue(registry)
    postgres.drop(name)


def test_a_database_that_is_not_there_or_not_ours_is_said(postgres: PostgresServer) -> None:
    with refused("registry-login-refused"):
        Registry.open(postgres.url("nowhere"), now=Clock())
    name = postgres.database()
    with refused("registry-older"):
        Registry.open_to_read(postgres.url(name), now=Clock())
    with psycopg.connect(postgres.url(name)) as raw:
        raw.execute("CREATE TABLE moz_places (url text)")
    with refused("registry-foreign"):
        Registry.open(postgres.url(name), now=Clock())
    postgres.drop(name)


def test_a_newer_register_is_refused(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0999'")
    with refused("registry-newer"):
        Registry.open(postgres_url, now=Clock())


def test_who_only_reads_cannot_write(on_server: Registry) -> None:
    intent = issue(on_server)
    with Registry.open_to_read(str(on_server.place), now=Clock()) as reader:
        assert reader.get(intent.id) == intent
        with refused("registry-not-writable"):
            reader.reserve(new_intent())


# --- faults --------------------------------------------------------------------------------------------------------


def test_what_was_committed_is_found_when_the_answer_was_lost(on_server: Registry, postgres: PostgresServer) -> None:
    """Every step, with its COMMIT's answer cut off: the caller hears of a failure, asks again, and nothing is twice."""
    with Proxy(postgres.port) as proxy:
        url = str(on_server.place).replace(f":{postgres.port}/", f":{proxy.port}/")
        with Registry.open(url, now=Clock()) as registry:
            for _ in range(10):
                new, facts = new_intent(), registration()
                proxy.lose_answers_to(b"COMMIT\0")
                with refused("registry-unreachable"):
                    registry.reserve(new)
                intent = registry.reserve(new)
                proxy.lose_answers_to(b"COMMIT\0")
                with refused("registry-unreachable"):
                    prepare(registry, intent)
                assert registry.get(intent.id).state is IntentState.PREPARED
                registry.signed(intent.id, sha256=facts.sha256)
                proxy.lose_answers_to(b"COMMIT\0")
                with refused("registry-unreachable"):
                    registry.issued(intent.id, facts)
                assert registry.get(intent.id).registration is not None
    assert proxy.lost == 30
    book = on_server.book(WARD, year=2026, symbol="QĐ-UBND")
    assert [(e.number.number, e.state) for e in book.entries] == [(n, IntentState.ISSUED) for n in range(1, 11)]


def test_a_transaction_that_never_reached_the_server_leaves_nothing(
    on_server: Registry, postgres: PostgresServer
) -> None:
    with Proxy(postgres.port) as proxy:
        url = str(on_server.place).replace(f":{postgres.port}/", f":{proxy.port}/")
        with Registry.open(url, now=Clock()) as registry:
            registry.listing()
            proxy.swallow()
            with impatient(), refused("registry-unreachable"):
                registry.reserve(new_intent("lost"))
            proxy.swallow(on=False)
            proxy.cut()
            assert registry.by_key("lost") is None
            registry.reserve(new_intent("lost"))


def test_a_server_that_stops_is_said_and_comes_back(own_server: PostgresServer) -> None:
    url = own_server.url(own_server.register())
    with Registry.open(url, now=Clock()) as registry:
        before = issue(registry)
        own_server.stop()
        with refused("registry-unreachable"):
            registry.reserve(new_intent())
        with refused("registry-unreachable"):
            registry.claim(before.id).__enter__()
        own_server.start()
        back = time.monotonic()
        # The pool's dead connections are no reason for the first caller to fail.
        registry.reserve(new_intent())
        with registry.claim(before.id):
            assert registry.get(before.id) == before
        assert time.monotonic() - back < 30  # under 0.1 s where nothing else runs


def test_a_server_that_hangs_is_not_waited_for(own_server: PostgresServer) -> None:
    url = own_server.url(own_server.register())
    with Registry.open(url, now=Clock()) as registry:
        registry.listing()
        with own_server.frozen(), impatient(), refused("registry-unreachable"):
            registry.reserve(new_intent())
        registry.reserve(new_intent())


def test_waiting_for_somebody_elses_lock_has_an_end(
    on_server: Registry, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(patience._SET, "lock_timeout", "300ms")
    intent = on_server.reserve(new_intent())
    with Registry.open(postgres_url, now=Clock()) as registry, psycopg.connect(postgres_url) as other:
        other.execute("SELECT 1 FROM intent FOR UPDATE")
        with refused("registry-busy"):
            prepare(registry, intent)
        other.rollback()
        prepare(registry, intent)


def test_a_deadlock_ends_one_of_two(on_server: Registry) -> None:
    first, second = (on_server.reserve(new_intent()) for _ in range(2))
    both, codes = threading.Barrier(2), []

    def work(one: object, other: object) -> None:
        from sqlalchemy import text

        take = text("SELECT 1 FROM intent WHERE id = :id FOR UPDATE")
        try:
            with on_server._store.write() as session:
                session.execute(take, {"id": str(one)})
                both.wait()
                session.execute(take, {"id": str(other)})
            codes.append("done")
        except RegistryError as e:
            codes.append(e.code)

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(work, first.id, second.id), pool.submit(work, second.id, first.id)]:
            future.result()
    assert sorted(codes) == ["done", "registry-busy"]


def test_the_pool_has_an_end(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "POOL_SIZE", 2)
    monkeypatch.setattr(postgresql, "POOL_TIMEOUT_S", 0.3)
    with Registry.open(postgres_url, now=Clock()) as registry:
        with registry._store.connect(), registry._store.connect(), refused("registry-busy"):
            registry.listing()
        registry.listing()


# --- hosts that share it -------------------------------------------------------------------------------------------


def test_a_claim_is_exclusive_among_hosts(on_server: Registry, postgres_url: str) -> None:
    intent = on_server.reserve(new_intent())
    with Registry.open(postgres_url, now=Clock()) as elsewhere:
        with elsewhere.claim(intent.id), pytest.raises(RequestInFlight), on_server.claim(intent.id):
            pytest.fail("claimed twice")
        with on_server.claim(intent.id):
            pass


def test_a_claim_that_was_lost_is_anothers_and_stays_so(on_server: Registry, postgres: PostgresServer) -> None:
    """The connection goes, the holder lives on; it gives back nothing that is not its own any more."""
    intent = on_server.reserve(new_intent())
    with Proxy(postgres.port) as proxy:
        url = str(on_server.place).replace(f":{postgres.port}/", f":{proxy.port}/")
        with Registry.open(url, now=Clock()) as registry:
            with registry.claim(intent.id):
                assert registry.all_still_claimed([intent.id]) == {intent.id}
                proxy.cut()
                _until_free(on_server, intent)
                assert not registry.all_still_claimed([intent.id])
                with on_server.claim(intent.id):
                    with pytest.raises(RequestInFlight), registry.claim(intent.id):
                        pytest.fail("claimed by two threads of one process")
                    # The holder that lost it works on; what it does is done once, whoever does it.
                    prepare(registry, intent)
                    with pytest.raises(RegistryError, match="reserved"):
                        prepare(on_server, intent)
            with registry.claim(intent.id):
                pass


def _until_free(registry: Registry, intent: object) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(RequestInFlight), registry.claim(intent.id):  # type: ignore[attr-defined]
            return
        time.sleep(0.01)
    pytest.fail("the lost claim was never freed")


def test_a_worker_hears_of_work_that_another_host_left(on_server: Registry, postgres_url: str) -> None:
    intent = on_server.reserve(new_intent())
    with Registry.open(postgres_url, now=Clock()) as elsewhere:
        on_server.wait_for_work(timedelta(seconds=30))  # listening begins with a look around
        assert not on_server.wait_for_work(timedelta(milliseconds=1))
        elsewhere.tasks.ask(intent.id)
        assert on_server.wait_for_work(timedelta(seconds=30))
        assert not on_server.wait_for_work(timedelta(milliseconds=1))


def test_a_worker_hears_again_after_the_server_was_away(own_server: PostgresServer) -> None:
    with Registry.open(own_server.url(own_server.register()), now=Clock()) as registry:
        intent = registry.reserve(new_intent())
        registry.wait_for_work(timedelta(seconds=30))
        own_server.stop()
        own_server.start()
        assert registry.wait_for_work(timedelta(seconds=30))  # it may have missed some
        registry.tasks.ask(intent.id)
        assert registry.wait_for_work(timedelta(seconds=30))


def test_work_is_heard_of_within_a_process(in_file: Registry) -> None:
    intent = in_file.reserve(new_intent())
    assert not in_file.wait_for_work(timedelta(milliseconds=1))
    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(in_file.wait_for_work, timedelta(seconds=30))
        in_file.tasks.ask(intent.id)
        assert heard.result()


def test_two_results_do_not_replace_each_other(registry: Registry) -> None:
    """Each change sees only itself; together they would be a circle."""
    first, second = issue(registry), issue(registry)
    both, refusals = threading.Barrier(2), []

    def replace(one: object, by: object) -> None:
        both.wait()
        try:
            registry.change(
                one,  # type: ignore[arg-type]
                StandingChange(standing=Standing.REPLACED, at=START, by="x", why="y", other=by),  # type: ignore[arg-type]
            )
        except RegistryError as e:
            refusals.append(e.code)

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(replace, first.id, second.id), pool.submit(replace, second.id, first.id)]:
            future.result()
    assert len(refusals) == 1
    assert refusals[0] in {"standing-cycle", "standing-other-over"}


def test_nothing_of_the_server_is_loaded_for_a_file(in_file: Registry) -> None:
    import sys

    program = (
        "import sys; from pathlib import Path; from datetime import UTC, datetime; from esign.registry import Registry;"
        "Registry.open(Path(sys.argv[1]), now=lambda: datetime.now(UTC)).close(); print('psycopg' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(in_file.place)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
