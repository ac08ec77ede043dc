"""Hosts that share a token and a database: a wrong PIN is sent once by all of them together."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from esign.errors import PINError
from esign.keys import KeyRef
from esign.registry.pin_guard import SharedPinGuard, shared_guard
from esign_hsm import FilePin, TokenKeyStore
from esign_hsm.signer import GuardMaker, KeyInUse, Purpose, SignerProcess
from tests.support.shim import Bench
from tests.support.softhsm import pin_file_in
from tests.support.torture_keys import wrong_pins_on_hosts

MADE_BY = "esign.registry.pin_guard:shared_guard"

pytestmark = pytest.mark.softhsm


@pytest.fixture
def guard(postgres_url: str) -> Iterator[SharedPinGuard]:
    found = shared_guard(postgres_url)
    yield found
    found.close()


def test_two_hosts_with_a_wrong_pin_send_it_once(
    bench: Bench, postgres_url: str, guard: SharedPinGuard, tmp_path: Path
) -> None:
    wrong = pin_file_in(tmp_path, "wrong", "654321")
    ref = KeyRef(module_path=str(bench.shim.module), pin_source=str(wrong)).filled(bench.ref)
    figures = wrong_pins_on_hosts(ref, bench.shim, postgres_url, folder=tmp_path, workers=3)
    assert not figures.failures, figures
    assert guard.blocked(bench.serial)
    guard.clear(bench.serial)
    with TokenKeyStore(module=bench.shim.module, pin=FilePin(bench.token.pin_file), guard=guard) as store:
        assert store.key(bench.ref).certificates is not None
    assert not guard.blocked(bench.serial)


def test_the_signer_process_asks_the_shared_guard(
    bench: Bench, postgres_url: str, guard: SharedPinGuard, tmp_path: Path
) -> None:
    wrong = pin_file_in(tmp_path, "wrong", "654321")
    ref = KeyRef(module_path=str(bench.shim.module), pin_source=str(wrong)).filled(bench.ref)
    keys = {"agency": KeyInUse(ref=ref, purpose=Purpose.DOCUMENT)}
    for code in ("pin-refused", "pin-blocked"):
        with SignerProcess(keys, guard=GuardMaker(made_by=MADE_BY, place=postgres_url)) as signer:
            with pytest.raises(PINError) as e:
                signer.key("agency")
            assert e.value.code == code
    assert bench.shim.calls()["C_Login"] == 1
    assert guard.blocked(bench.serial)


def test_who_died_while_trying_was_refused(guard: SharedPinGuard, postgres_url: str) -> None:
    with pytest.raises(RuntimeError), guard.attempt("serial", attended=False):
        raise RuntimeError
    with pytest.raises(PINError) as e, guard.attempt("serial", attended=False):
        pytest.fail("tried again")
    assert e.value.code == "pin-blocked"
    with guard.attempt("serial", attended=True) as attempt:  # a person may
        attempt.accepted()
    assert guard.blocked("serial")  # the file may still hold the wrong one
    guard.clear("serial")
    # Killed: what it wrote before is all there is.
    with psycopg.connect(postgres_url) as raw:
        raw.execute("UPDATE pin_guard SET trying = 'unattended', attempt = 'x'")
    assert guard.blocked("serial")


def test_who_lost_its_turn_says_nothing_of_the_next_one(guard: SharedPinGuard, postgres_url: str) -> None:
    """The connection goes while a PIN is tried; somebody else has tried since, and was refused."""
    with guard.attempt("serial", attended=False) as attempt:
        with psycopg.connect(postgres_url) as raw:
            raw.execute("UPDATE pin_guard SET trying = '', unattended = true, attempt = 'another'")
        attempt.accepted()
    assert guard.blocked("serial")


def test_without_the_database_no_pin_is_tried(postgres_url: str, guard: SharedPinGuard) -> None:
    with psycopg.connect(postgres_url) as raw:
        raw.execute("ALTER TABLE pin_guard RENAME TO gone")
    with pytest.raises(PINError) as e, guard.attempt("serial", attended=True):
        pytest.fail("tried without a guard")
    assert e.value.code == "pin-guard-unusable"
