"""A URI matches one key, or an error says what is there."""

from functools import partial
from pathlib import Path

import pytest
from pkcs11 import Attribute, ObjectClass

from esign.errors import KeyNotFound, KeyStoreError, PINError
from esign.keys import KeyRef, Mechanism
from esign_hsm import FilePin, FilePinGuard, KeyKind, TokenKeyStore, admin, generate_key, init_token, softhsm
from esign_hsm._library import load
from esign_hsm._objects import find
from esign_hsm.keystore import only_token
from tests.support.shim import Shim
from tests.support.softhsm import MakeToken, TokenForTest, pin_file_in

pytestmark = pytest.mark.softhsm


@pytest.fixture(scope="module")
def token(softhsm_token: MakeToken) -> TokenForTest:
    made = softhsm_token()
    made.key(KeyKind.P256, label="con-dau")
    made.key(KeyKind.P256, label="văn thư")
    return made


def test_by_label_id_and_serial(token: TokenForTest) -> None:
    by_label = token.store.key(KeyRef(object="văn thư"))
    assert by_label.ref.id
    by_id = token.store.key(KeyRef(id=by_label.ref.id))
    everything = token.store.key(KeyRef.parse(str(by_label.ref)))
    assert by_label.public_key == by_id.public_key == everything.public_key
    assert everything.ref.serial
    assert everything.ref.object == "văn thư"
    assert everything.ref.type == "private"


def test_the_uri_alone_is_enough(token: TokenForTest) -> None:
    with TokenKeyStore() as store:
        key = store.key(KeyRef.parse(str(token.ref(label="con-dau"))))
        assert key.sign(b"data", mechanism=Mechanism.ECDSA_P256_SHA256)
        assert key.ref.pin_source == str(token.pin_file)


@pytest.mark.parametrize(
    ("ref", "code"),
    [
        (KeyRef(object="không có"), "key-not-found"),
        (KeyRef(), "key-ambiguous"),
        (KeyRef(id=b"nothing"), "key-not-found"),
        (KeyRef(object="con-dau", type="cert"), "key-type-not-private"),
    ],
)
def test_no_key_or_several(token: TokenForTest, ref: KeyRef, code: str) -> None:
    with pytest.raises(KeyNotFound) as refused:
        token.store.key(ref)
    assert refused.value.code == code
    if code != "key-type-not-private":
        facts = refused.value.reason.facts
        assert isinstance(facts["slot"], int)
        for language in ("vi", "en"):
            said = refused.value.diagnostics(language).what
            assert token.label in said
            assert str(facts["serial"]) in said
            assert "con-dau" in said
            assert "văn thư" in said


@pytest.mark.parametrize(
    "ref",
    [
        KeyRef(token="nowhere"),
        KeyRef(serial="0000"),
        KeyRef(model="other"),
        KeyRef(manufacturer="other"),
        KeyRef(slot_id="4294967295"),
    ],
    ids=str,
)
def test_no_token(token: TokenForTest, ref: KeyRef) -> None:
    with TokenKeyStore(module=token.module, pin=FilePin(token.pin_file)) as store, pytest.raises(KeyNotFound) as e:
        store.key(ref)
    assert e.value.code == "token-not-found"
    assert token.label in str(e.value)


def test_two_tokens_and_no_pin_tried(token: TokenForTest, softhsm_token: MakeToken, tmp_path: Path) -> None:
    other = softhsm_token()
    nobody = FilePin(tmp_path / "missing")
    with TokenKeyStore(module=token.module, pin=nobody) as store, pytest.raises(KeyNotFound) as e:
        store.key(KeyRef(object="con-dau"))  # no token named
    assert e.value.code == "token-ambiguous"
    assert token.label in str(e.value)
    assert other.label in str(e.value)


def test_a_store_stays_with_its_module(token: TokenForTest, shim: Shim) -> None:
    with TokenKeyStore(module=token.module, pin=FilePin(token.pin_file)) as store:
        store.key(KeyRef(token=token.label, object="con-dau"))
        with pytest.raises(KeyStoreError) as e:
            store.key(KeyRef(token=token.label, object="con-dau", module_path=str(shim.module)))
        assert e.value.code == "key-store-bound"
        assert not shim.calls()["C_Login"]


def test_labels_and_ids_are_not_given_twice(token: TokenForTest) -> None:
    taken = token.store.key(KeyRef(object="con-dau")).ref.id
    with pytest.raises(KeyStoreError) as e:
        generate_key(token.store, kind=KeyKind.P256, label="con-dau")
    assert e.value.code == "key-label-taken"
    with pytest.raises(KeyStoreError) as e:
        generate_key(token.store, kind=KeyKind.P256, label="new", key_id=taken)
    assert e.value.code == "key-id-taken"


def test_a_closed_store(token: TokenForTest) -> None:
    store = TokenKeyStore(module=token.module, pin=FilePin(token.pin_file))
    key = store.key(KeyRef(token=token.label, object="con-dau"))
    kept = token.store.key(KeyRef(object="con-dau"))
    store.close()
    with pytest.raises(KeyStoreError) as e:
        key.sign(b"data", mechanism=Mechanism.ECDSA_P256_SHA256)
    assert e.value.code == "key-store-closed"
    # The other store of this process shares the login, and keeps it.
    assert kept.sign(b"data", mechanism=Mechanism.ECDSA_P256_SHA256)


def test_tokens_are_listed_without_a_pin(token: TokenForTest) -> None:
    info = next(t for t in admin.tokens(token.module) if t.label == token.label)
    assert info.initialised
    assert {"user-pin-initialized", "login-required"} <= info.flags
    assert "ECDSA" in info.mechanisms
    assert info.firmware.count(".") == 1


def test_no_second_token_with_a_label(token: TokenForTest, tmp_path: Path) -> None:
    pin = FilePin(pin_file_in(tmp_path, "any", "123456"))
    token.close()  # a token with sessions is not initialised
    before = admin.tokens(token.module)
    init = partial(init_token, token.module, so_pin=pin, user_pin=pin, guard=FilePinGuard(tmp_path))
    with pytest.raises(KeyStoreError) as e:
        init(label=token.label)
    assert e.value.code == "token-label-taken"
    slot = next(t.slot_id for t in before if t.label == token.label)
    with pytest.raises(KeyStoreError) as e:
        init(label="fresh", slot_id=slot)
    assert e.value.code == "token-initialised"
    with pytest.raises(PINError) as refused:  # the SO PIN is wrong
        init(label="fresh", slot_id=slot, erase=True)
    assert refused.value.code == "so-pin-refused"
    with pytest.raises(PINError) as refused:  # and is not sent again
        init(label="fresh", slot_id=slot, erase=True)
    assert refused.value.code == "pin-blocked"
    after = admin.tokens(token.module)
    assert [(t.label, t.serial) for t in after] == [(t.label, t.serial) for t in before]


def test_one_token_in_two_modules_is_an_error(token: TokenForTest, shim: Shim) -> None:
    """A vendor's module and OpenSC may show the same token: nobody guesses which one gets the PIN."""
    both = [load(token.module), load(shim.module)]
    with pytest.raises(KeyNotFound) as e:
        only_token(both, KeyRef(token=token.label))
    assert e.value.code == "token-ambiguous"
    for module in both:
        assert module.path.name in str(e.value)
    assert not shim.calls()["C_Login"]
    assert only_token(both[:1], KeyRef(token=token.label))[0] is both[0]


def test_a_key_without_a_public_key_is_listed(softhsm_token: MakeToken) -> None:
    token = softhsm_token()
    key = token.key(KeyKind.P256)
    with token.store.token(KeyRef()).writable() as session:
        for found in find(session, {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.ID: key.ref.id}):
            found.destroy()
    (info,) = token.store.keys()
    assert info.ref.object == "con-dau"
    assert info.certificates == ()


def test_a_new_pin_that_the_token_does_not_accept(softhsm_directory: Path, tmp_path: Path) -> None:
    short = FilePin(pin_file_in(tmp_path, "short", "1"))
    so_pin = FilePin(pin_file_in(tmp_path, "so", "87654321"))
    with pytest.raises(PINError) as e:
        init_token(
            softhsm.find_module(), label="short-pin", so_pin=so_pin, user_pin=short, guard=FilePinGuard(tmp_path)
        )
    assert e.value.code == "pin-not-accepted"
