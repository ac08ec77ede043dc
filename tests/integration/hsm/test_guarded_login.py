"""A wrong PIN reaches a token at most once; what a token says about its PIN is heeded before it is tried."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from esign.errors import Error, KeyStoreError, PINError
from esign.keys import KeyRef, Mechanism
from esign.reasons import Reason
from esign_hsm import FilePin, FilePinGuard, PinPad, PinPrompt, TokenKeyStore
from tests.support import shim as shims
from tests.support.shim import Bench
from tests.support.softhsm import pin_file_in
from tests.support.torture_keys import wrong_pins

pytestmark = pytest.mark.softhsm


def test_many_workers_with_a_wrong_pin_send_it_once(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESIGN_STATE_DIR", str(tmp_path / "state"))
    wrong = pin_file_in(tmp_path, "wrong", "654321")
    ref = KeyRef(module_path=str(bench.shim.module), pin_source=str(wrong)).filled(bench.ref)
    figures = wrong_pins(ref, bench.shim, workers=16)
    assert not figures.failures, figures


def test_refused_once_then_blocked_until_a_person_clears_it(bench: Bench, tmp_path: Path) -> None:
    bench.shim.tries(3)
    pin_file = pin_file_in(tmp_path, "changing", "654321")
    for code in ("pin-refused", "pin-blocked", "pin-blocked"):
        with bench.store(pin_file) as store, pytest.raises(PINError) as e:
            store.key(bench.ref)
        assert e.value.code == code
    assert bench.shim.calls()["C_Login"] == 1
    assert bench.shim.tries() == 2
    pin_file_in(tmp_path, "changing", bench.token.pin)
    with bench.store(pin_file) as store, pytest.raises(PINError):  # a right PIN waits for a person too
        store.key(bench.ref)
    bench.guard.clear(bench.serial)
    with bench.store(pin_file) as store:
        assert store.key(bench.ref).sign(b"data", mechanism=Mechanism.ECDSA_P256_SHA256)
    assert bench.shim.calls()["C_Login"] == 2
    assert bench.shim.tries() == 3
    assert not bench.guard.blocked(bench.serial)


def test_a_person_may_type_again_and_is_warned(bench: Bench) -> None:
    bench.shim.tries(3)
    typed = iter(["111111", bench.token.pin])
    shown = []

    def ask(token: str, warnings: Sequence[Reason]) -> str:
        shown.append((token, [w.code for w in warnings]))
        return next(typed)

    store = TokenKeyStore(module=bench.shim.module, pin=PinPrompt(ask=ask), guard=bench.guard)
    with store:
        with pytest.raises(PINError) as e:
            store.key(bench.ref)
        assert e.value.code == "pin-refused"
        assert bench.guard.blocked(bench.serial)
        store.key(bench.ref)
        store.key(bench.ref)  # one entry is enough
    label = bench.token.label
    assert shown == [(label, []), (label, ["pin-count-low"])]
    assert not bench.guard.blocked(bench.serial)


@pytest.mark.parametrize("tries", [0, 1])
@pytest.mark.parametrize("attended", [False, True])
def test_the_last_try_is_left_alone(bench: Bench, tries: int, *, attended: bool) -> None:
    bench.shim.tries(tries)
    pin = PinPrompt(ask=lambda *_: pytest.fail("asked")) if attended else FilePin(bench.token.pin_file)
    with TokenKeyStore(module=bench.shim.module, pin=pin, guard=bench.guard) as store, pytest.raises(PINError) as e:
        store.key(bench.ref)
    assert e.value.code == ("pin-final-try" if tries else "pin-locked")
    assert not bench.shim.calls()["C_Login"]
    assert bench.shim.tries() == tries


@pytest.mark.parametrize(
    ("flags", "error", "code"),
    [
        (shims.CKF_USER_PIN_TO_BE_CHANGED, PINError, "pin-to-be-changed"),
        (shims.CKF_USER_PIN_LOCKED, PINError, "pin-locked"),
        (shims.CKF_PROTECTED_AUTHENTICATION_PATH, KeyStoreError, "protected-authentication-path"),
    ],
)
def test_what_the_token_says_is_explained_first(bench: Bench, flags: int, error: type[Error], code: str) -> None:
    bench.shim.flags(flags)
    with bench.store() as store, pytest.raises(error) as e:
        store.key(bench.ref)
    assert e.value.code == code
    assert e.value.diagnostics("vi").next_step
    assert not bench.shim.calls()["C_Login"]


def test_a_pad_is_asked_without_a_pin(bench: Bench) -> None:
    with TokenKeyStore(module=bench.shim.module, pin=PinPad(), guard=bench.guard) as store:
        with pytest.raises(PINError) as e:
            store.key(bench.ref)
        assert e.value.code == "pin-pad-missing"
        bench.shim.flags(shims.CKF_PROTECTED_AUTHENTICATION_PATH)
        # SoftHSM has no pad: it answers CKR_ARGUMENTS_BAD to a PIN of NULL, which was never tried.
        with pytest.raises(Error) as answered:
            store.key(bench.ref)
    assert answered.value.code == "token-error"
    assert bench.shim.calls()["C_Login"] == 1
    assert not bench.guard.blocked(bench.serial)


def test_a_key_that_wants_a_pin_for_each_signature(bench: Bench) -> None:
    bench.shim.always_authenticate()
    with bench.store() as store, pytest.raises(KeyStoreError) as e:
        store.key(bench.ref)
    assert e.value.code == "key-always-authenticate"


def test_a_login_whose_outcome_is_unknown_counts_as_refused(bench: Bench) -> None:
    bench.shim.faults(("C_Login", 1, shims.CKR_DEVICE_ERROR))
    for code in ("pin-outcome-unknown", "pin-blocked"):
        with bench.store() as store, pytest.raises(PINError) as e:
            store.key(bench.ref)
        assert e.value.code == code
    assert bench.shim.calls()["C_Login"] == 1


def test_a_login_that_did_not_reach_the_token_is_no_refusal(bench: Bench) -> None:
    bench.shim.faults(("C_Login", 1, shims.CKR_TOKEN_NOT_PRESENT))
    with bench.store() as store, pytest.raises(KeyStoreError) as e:
        store.key(bench.ref)
    assert e.value.code == "token-unavailable"
    with bench.store() as store:
        store.key(bench.ref)


def test_one_login_for_all_stores_of_a_process(bench: Bench) -> None:
    with bench.store() as one, bench.store() as two:
        for store in (one, two, one):
            store.key(bench.ref).sign(b"data", mechanism=Mechanism.ECDSA_P256_SHA256)
    assert bench.shim.calls()["C_Login"] == 1


def test_no_pin_configured(bench: Bench) -> None:
    with TokenKeyStore(module=bench.shim.module, guard=bench.guard) as store, pytest.raises(PINError) as e:
        store.key(bench.ref)
    assert e.value.code == "pin-not-configured"


def test_an_unusable_guard_stops_the_login(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    guard = FilePinGuard(tmp_path / "file")
    store = TokenKeyStore(module=bench.shim.module, pin=FilePin(bench.token.pin_file), guard=guard)
    with store, pytest.raises(PINError) as e:
        store.key(bench.ref)
    assert e.value.code == "pin-guard-unusable"
    assert not bench.shim.calls()["C_Login"]
