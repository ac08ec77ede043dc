"""A pooler between us and PostgreSQL: sessions that are shared are noticed at the start, those that are not will do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from esign.errors import RegistryError
from esign.registry import Registry
from tests.support.pgbouncer import pooled
from tests.support.postgres import PostgresServer
from tests.unit.registry.making import Clock, issue, new_intent


def refused(url: str) -> str:
    with pytest.raises(RegistryError) as e:
        Registry.open(url, now=Clock())
    return e.value.code


@contextmanager
def company(url: str) -> Iterator[None]:
    """Others who use the pool all the time."""
    stop = threading.Event()

    def ask() -> None:
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
            while not stop.is_set():
                connection.execute("SELECT 1")

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_sessions_that_are_shared_are_refused(postgres: PostgresServer, mode: str) -> None:
    """Alone, and while others use the pool; a register that was never made there is not begun either."""
    with pooled(postgres, mode=mode) as port:
        url = postgres.url(postgres.register(), port=port)
        assert [refused(url) for _ in range(5)] == ["registry-pooled"] * 5
        assert refused(postgres.url(postgres.database(), port=port)) == "registry-pooled"
        with company(url):
            assert [refused(url) for _ in range(5)] == ["registry-pooled"] * 5


def test_sessions_of_ones_own_will_do(postgres: PostgresServer) -> None:
    """And a claim through such a pooler excludes one from the server itself."""
    name = postgres.database()
    with pooled(postgres, mode="session") as port, Registry.open(postgres.url(name, port=port), now=Clock()) as pooling:
        assert issue(pooling).number is not None
        intent = pooling.reserve(new_intent("claimed"))
        with Registry.open(postgres.url(name), now=Clock()) as direct:
            with pooling.claim(intent.id), pytest.raises(RegistryError), direct.claim(intent.id):
                pass
            with direct.claim(intent.id), pytest.raises(RegistryError), pooling.claim(intent.id):
                pass


def test_settings_that_the_pooler_drops(postgres: PostgresServer) -> None:
    """Whoever is to read alone must not write; where the role itself says so, that will do."""
    name = postgres.register()

    def settle(setting: str) -> None:
        with postgres.admin(name) as connection:
            connection.execute(f'ALTER DATABASE "{name}" SET {setting}'.encode())

    settle("synchronous_commit = off")
    with pooled(postgres, mode="session") as port:
        url = postgres.url(name, port=port)
        assert refused(url) == "registry-pooler-settings"
        with pytest.raises(RegistryError) as e:
            Registry.open_to_read(url, now=Clock())
        assert e.value.code == "registry-pooler-settings"
        assert e.value.reason.facts["setting"] == "default_transaction_read_only"
    settle("synchronous_commit = on")
    settle("default_transaction_read_only = on")
    with pooled(postgres, mode="session") as port:
        Registry.open_to_read(postgres.url(name, port=port), now=Clock()).close()
