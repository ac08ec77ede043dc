"""Sessions die, tokens are pulled, handles go stale: signing goes on by itself, and never with another key."""

import os
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest
from pkcs11 import Attribute

from esign.errors import KeyStoreError, PINError, TokenUnavailable
from esign.keys import KeyRef, Mechanism, SigningKey
from esign.reasons import Reason
from esign_hsm import KeyKind, PinPrompt, TokenKey, TokenKeyStore, generate_key
from esign_hsm._library import load
from esign_hsm._objects import find
from tests.support import shim as shims
from tests.support.shim import Bench
from tests.support.softhsm import MakeToken, pin_file_in
from tests.support.stopwatch import seconds_of, shortest
from tests.support.torture_keys import check, pull_and_plug, sign_in_threads, start_at_once

pytestmark = pytest.mark.softhsm

ECDSA = Mechanism.ECDSA_P256_SHA256


def signs(key: SigningKey, data: bytes = b"data") -> None:
    check(key, data, key.sign(data, mechanism=ECDSA))


def test_eight_threads(softhsm_token: MakeToken) -> None:
    figures = sign_in_threads(softhsm_token().key(KeyKind.P256), threads=8, seconds=2, least=1000)
    assert not figures.failures, figures


def test_processes_that_start_at_once(softhsm_token: MakeToken) -> None:
    token = softhsm_token()
    token.key(KeyKind.P256)
    figures = start_at_once(token.ref(label="con-dau"), processes=12)
    assert not figures.failures, figures


LOST = {
    "session-handle-invalid": shims.CKR_SESSION_HANDLE_INVALID,
    "session-closed": shims.CKR_SESSION_CLOSED,
    "device-error": shims.CKR_DEVICE_ERROR,
    "device-removed": shims.CKR_DEVICE_REMOVED,
    "token-not-present": shims.CKR_TOKEN_NOT_PRESENT,
    "token-not-recognized": shims.CKR_TOKEN_NOT_RECOGNIZED,
    "user-not-logged-in": shims.CKR_USER_NOT_LOGGED_IN,
    "object-handle-invalid": shims.CKR_OBJECT_HANDLE_INVALID,
    "key-handle-invalid": shims.CKR_KEY_HANDLE_INVALID,
    "general-error": shims.CKR_GENERAL_ERROR,
    "cryptoki-not-initialized": shims.CKR_CRYPTOKI_NOT_INITIALIZED,
    "vendor-defined": shims.CKR_VENDOR_DEFINED + 7,
}


@pytest.mark.parametrize("value", LOST.values(), ids=LOST)
@pytest.mark.parametrize("function", ["C_SignInit", "C_Sign"])
def test_one_fault_is_not_noticed(bench: Bench, opened: TokenKey, function: str, value: int) -> None:
    signs(opened)
    bench.shim.faults((function, 2, value))
    signs(opened)
    signs(opened)
    assert bench.shim.calls()["C_Login"] == 1  # the login stood


@pytest.mark.parametrize("value", LOST.values(), ids=LOST)
def test_a_fault_that_stays_is_told_and_ends(bench: Bench, opened: TokenKey, value: int) -> None:
    bench.shim.faults(("C_Sign", 0, value))
    with pytest.raises(TokenUnavailable) as e:
        opened.sign(b"data", mechanism=ECDSA)
    assert e.value.code == "token-unavailable"
    assert bench.shim.calls()["C_Sign"] == 2  # one try, one more with a new session
    bench.shim.faults()
    signs(opened)


def test_a_refused_mechanism_is_not_tried_again(bench: Bench, opened: TokenKey) -> None:
    bench.shim.faults(("C_SignInit", 0, shims.CKR_MECHANISM_INVALID))
    with pytest.raises(KeyStoreError) as e:
        opened.sign(b"data", mechanism=ECDSA)
    assert e.value.code == "mechanism-refused"
    bench.shim.faults()
    signs(opened)


@pytest.mark.parametrize("function", ["C_FindObjectsInit", "C_FindObjects", "C_GetAttributeValue"])
def test_a_session_that_dies_while_keys_are_looked_up(bench: Bench, function: str) -> None:
    with bench.store() as store:
        bench.shim.faults((function, 0, shims.CKR_SESSION_HANDLE_INVALID))
        with pytest.raises(TokenUnavailable):
            store.key(bench.ref)
        bench.shim.faults()
        signs(store.key(bench.ref))


def test_one_in_a_hundred_calls_fails_in_eight_threads(bench: Bench, opened: TokenKey) -> None:
    bench.shim.faults(
        ("C_Sign", "%100", shims.CKR_DEVICE_ERROR), ("C_SignInit", "%170", shims.CKR_SESSION_HANDLE_INVALID)
    )
    figures = sign_in_threads(opened, threads=8, seconds=0, least=1000)
    made = bench.shim.calls()["C_Sign"]
    assert made >= 1000
    assert len(figures.failures) <= made / 1000, figures
    assert bench.shim.calls()["C_Login"] <= 1 + len(figures.failures)


def test_pulled_and_put_back(bench: Bench, opened: TokenKey) -> None:
    signs(opened)
    bench.shim.pull()
    with pytest.raises(TokenUnavailable) as e:
        opened.sign(b"data", mechanism=ECDSA)
    assert e.value.code == "token-gone"
    assert bench.token.label in str(e.value)
    with pytest.raises(TokenUnavailable):
        opened.sign(b"data", mechanism=ECDSA)
    bench.shim.plug()
    signs(opened)
    assert bench.shim.calls()["C_Login"] == 2
    # Pulled and put back while nobody looked.
    bench.shim.pull()
    bench.shim.plug()
    signs(opened)


def test_pulled_and_put_back_while_threads_sign(bench: Bench, opened: TokenKey) -> None:
    figures = pull_and_plug(opened, bench.shim, rounds=4)
    assert not figures.failures, figures


def test_a_stale_handle_that_names_another_key(bench: Bench, opened: TokenKey) -> None:
    signs(opened)
    bench.shim.swap(bench.other_id)
    bench.shim.forget()
    signs(opened)  # checked against the key as it was opened
    assert bench.shim.calls()["C_Sign"] == 2


def test_another_key_never_gets_a_signature_out(bench: Bench, opened: TokenKey) -> None:
    bench.shim.swap(bench.other_id, always=True)
    with pytest.raises(KeyStoreError) as e:
        opened.sign(b"data", mechanism=ECDSA)
    assert e.value.code == "key-changed"
    assert bench.shim.calls()["C_Sign"] == 2


def test_the_same_id_with_another_key_behind_it(softhsm_token: MakeToken) -> None:
    """The key was deleted and made anew while the program ran."""
    token = softhsm_token()
    key = token.key(KeyKind.P256)
    with token.store.token(KeyRef()).writable() as session:
        for found in find(session, {Attribute.ID: key.ref.id}):
            found.destroy()
    with pytest.raises(KeyStoreError) as e:
        key.sign(b"data", mechanism=ECDSA)
    assert e.value.code == "key-gone"
    generate_key(token.store, kind=KeyKind.P256, label="con-dau", key_id=key.ref.id)
    with pytest.raises(KeyStoreError) as e:
        key.sign(b"data", mechanism=ECDSA)
    assert e.value.code == "key-changed"


def test_a_pin_that_changed_while_the_token_was_away(bench: Bench, tmp_path: Path) -> None:
    pin_file = pin_file_in(tmp_path, "changing", bench.token.pin)
    with bench.store(pin_file) as store:
        key = store.key(bench.ref)
        bench.shim.pull()
        pin_file_in(tmp_path, "changing", "654321")
        bench.shim.plug()
        for code in ("pin-refused", "pin-blocked", "pin-blocked"):
            with pytest.raises(PINError) as e:
                key.sign(b"data", mechanism=ECDSA)
            assert e.value.code == code
        assert bench.shim.calls()["C_Login"] == 2
        pin_file_in(tmp_path, "changing", bench.token.pin)
        bench.guard.clear(bench.serial)
        signs(key)


def test_a_typed_pin_heals_without_typing_it_again(bench: Bench) -> None:
    asked = []

    def ask(_token: str, _warnings: Sequence[Reason]) -> str:
        asked.append(1)
        return bench.token.pin

    with TokenKeyStore(module=bench.shim.module, pin=PinPrompt(ask=ask), guard=bench.guard) as store:
        key = store.key(bench.ref)
        bench.shim.pull()
        bench.shim.plug()
        signs(key)
    assert asked == [1]


def test_few_sessions_are_shared(bench: Bench, opened: TokenKey) -> None:
    """A token that has two sessions: one for the login, one that threads take in turn."""
    signs(opened)
    bench.shim.faults(("C_OpenSession", 0, shims.CKR_SESSION_COUNT))
    bench.shim.delay(2)
    figures = sign_in_threads(opened, threads=4, seconds=1)
    assert not figures.failures, figures


def test_sessions_of_threads_that_ended_are_used_again(bench: Bench, opened: TokenKey) -> None:
    bench.shim.forget()
    for _ in range(10):
        thread = threading.Thread(target=signs, args=(opened,))
        thread.start()
        thread.join()
    assert bench.shim.calls()["C_OpenSession"] <= 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_forked_child_is_refused(softhsm_token: MakeToken) -> None:
    """Sessions do not survive a fork (PKCS#11 §5.4): the child is told to start with spawn."""
    key = softhsm_token().key(KeyKind.P256)
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks in threaded programs
        child = getattr(os, "fork")()  # noqa: B009  # typed for Windows too
    if not child:
        try:
            key.sign(b"data", mechanism=ECDSA)
        except KeyStoreError as e:
            os.write(write, e.code.encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    assert os.read(read, 100) == b"module-forked"
    os.close(read)
    signs(key)


def test_a_slow_token_does_not_hold_up_a_second_thread(bench: Bench, opened: TokenKey) -> None:
    bench.shim.delay(200)

    def at_once() -> None:
        threads = [threading.Thread(target=signs, args=(opened,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    # One after the other, four signatures would never take less.
    assert shortest(lambda: seconds_of(at_once), enough=0.7) < 0.8


def test_a_module_that_knows_no_threads_is_called_in_single_file(bench: Bench) -> None:
    bench.shim.faults(("C_Initialize", 1, shims.CKR_CANT_LOCK))
    with bench.store() as store:
        key = store.key(bench.ref)
        figures = sign_in_threads(key, threads=4, seconds=1)
    assert not figures.failures, figures
    assert isinstance(load(bench.shim.module).calls, type(threading.RLock()))


ROW = [b"data %d" % i for i in range(5)]


def signs_all(key: TokenKey) -> None:
    for data, signature in zip(ROW, key.sign_all(ROW, mechanism=ECDSA), strict=True):
        check(key, data, signature)


def test_a_session_that_dies_in_a_row_costs_one_call(bench: Bench, opened: TokenKey) -> None:
    bench.shim.faults(("C_Sign", 3, shims.CKR_SESSION_HANDLE_INVALID))
    signs_all(opened)
    assert bench.shim.calls()["C_Sign"] == len(ROW) + 1  # what was signed before stays


def test_a_stale_handle_in_a_row(bench: Bench, opened: TokenKey) -> None:
    signs_all(opened)
    bench.shim.swap(bench.other_id)
    bench.shim.forget()
    signs_all(opened)
    assert bench.shim.calls()["C_Sign"] == 2 * len(ROW)


def test_a_row_of_a_key_that_stays_changed_gives_nothing(bench: Bench, opened: TokenKey) -> None:
    bench.shim.swap(bench.other_id, always=True)
    with pytest.raises(KeyStoreError) as e:
        opened.sign_all(ROW, mechanism=ECDSA)
    assert e.value.code == "key-changed"
