"""A real service that is broken from outside: small runs of the campaigns that `make torture` runs for hours."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployment import AGENCY, Deployment, Server
from tests.support.torture_duplicates import ask_at_once
from tests.support.torture_hostile import forge_lines, reach_inside, traverse
from tests.support.torture_schema import ask_anything, issued
from tests.support.torture_service import break_everything

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals, LD_PRELOAD and /proc")

FAULTS = {
    "sqlite": ("kill at key-used", "signer killed", "audit not writable", "disk full"),
    "postgresql": ("kill at issued", "COMMIT answers cut 1", "database stopped"),
}


@pytest.mark.parametrize(("database", "key"), [("sqlite", "rsa"), ("postgresql", "ecdsa")])
def test_nothing_is_lost_or_twice_or_without_its_audit(tmp_path: Path, database: str, key: str) -> None:
    figures = break_everything(tmp_path / "place", database=database, key=key, seed=1, seconds=0, only=FAULTS[database])
    assert not figures.failures, str(figures)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployment, Server]]:
    made = Deployment.make(tmp_path_factory.mktemp("service") / "deployment")
    with made.running():
        yield made, made.serve()


def test_many_threads_with_one_key_sign_once(deployment: tuple[Deployment, Server]) -> None:
    figures = ask_at_once(deployment[0], [deployment[1].url], keys=5, threads=50)
    assert not figures.failures, str(figures)


def test_whatever_the_document_allows(deployment: tuple[Deployment, Server]) -> None:
    made, server = deployment
    known = {"result": issued(server.url, made.headers, 2)}
    figures = ask_anything(server.url, made.headers(), agency=AGENCY, known=known, cases=156, seed=1)
    assert not figures.failures, "\n".join(figures.failures)


def test_no_webhook_leads_inside(deployment: tuple[Deployment, Server]) -> None:
    figures = reach_inside(*deployment)
    assert not figures.failures, str(figures)


def test_no_path_leads_out(deployment: tuple[Deployment, Server]) -> None:
    figures = traverse(*deployment, paths=300, seed=1)
    assert not figures.failures, str(figures)


def test_no_text_of_a_caller_is_in_the_log(deployment: tuple[Deployment, Server]) -> None:
    figures = forge_lines(*deployment)
    assert not figures.failures, str(figures)
