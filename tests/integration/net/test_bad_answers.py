"""Servers that are slow, greedy or lying: the deadline holds, memory stays bounded, the error has a code."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from esign.errors import NetworkError
from esign.net import Client, Kind, NetworkRules, Query
from tests.support.hostile import BEHAVIOURS, HostileServer, serving
from tests.support.stopwatch import seconds_of, shortest
from tests.support.waiting import LONG

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 22, tzinfo=UTC)
DEADLINE = timedelta(seconds=0.5)
"""Of answers that never end; the others end by themselves."""


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with serving() as running:
        yield running


def client_of(server: HostileServer, deadline: timedelta) -> Client:
    return Client(NetworkRules(inside=(server.authority,), deadline=deadline), now=lambda: NOW)


def test_there_are_enough() -> None:
    assert len(BEHAVIOURS) >= 40


# PEM and BER are taken for lists and issuers, so there these end elsewhere.
_OTHERWISE = {
    ("floods", Kind.TIMESTAMP): "answer-not-der",
    ("floods", Kind.OCSP): "answer-not-der",
    ("declares-a-lot-in-der", Kind.JWKS): "network-timeout",  # DER says nothing there
}
_CASES = [(name, kind) for name in BEHAVIOURS for kind in Kind if (name, kind) != ("json", Kind.JWKS)]


def expected(name: str, kind: Kind) -> str:
    code = _OTHERWISE.get((name, kind), BEHAVIOURS[name].code)
    return "answer-not-json" if kind is Kind.JWKS and code == "answer-not-der" else code


@pytest.mark.parametrize(("name", "kind"), _CASES)
def test_bad_answer(server: HostileServer, name: str, kind: Kind) -> None:
    query = Query(kind=kind, url=server.url(name, kind), body=b"\x30\x00")
    never_ends = expected(name, kind) == "network-timeout"

    def ask() -> None:
        with pytest.raises(NetworkError) as caught:
            client_of(server, DEADLINE if never_ends else timedelta(seconds=LONG)).fetch(query)
        assert caught.value.code == expected(name, kind)
        assert caught.value.diagnostics("vi").what
        assert caught.value.diagnostics("vi").next_step

    limit = 1.2 * DEADLINE.total_seconds() if never_ends else LONG
    assert shortest(lambda: seconds_of(ask), enough=limit) <= limit


_GREEDY = [name for name in BEHAVIOURS if name.startswith(("floods", "declares", "gzip"))]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("kind", Kind)
def test_memory_stays_within_the_cap(server: HostileServer, kind: Kind) -> None:
    """In a process of its own, whose peak grows by no more than the cap and 16 MiB while it is flooded."""
    urls = [server.url(name, kind) for name in _GREEDY if _OTHERWISE.get((name, kind)) != "network-timeout"]
    command = [sys.executable, "-m", "tests.support.hungry", kind.value, server.authority, *urls]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.split()
    cap, grown, codes = int(lines[0]), int(lines[1]), lines[2:]
    assert len(codes) == len(urls)
    assert "fetched" not in codes
    assert grown <= cap + 16 * 1024 * 1024
