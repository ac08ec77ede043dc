"""A URI matches one key, or an error says what is there."""

import pytest

from esign.errors import KeyNotFound, KeyStoreError, PINError
from esign.keys import KeyRef, Mechanism
from esign_hsm import FilePin, KeyKind, TokenKeyStore, admin, generate_key
from tests.support.softhsm import pin_file_in

pytestmark = pytest.mark.softhsm


@pytest.fixture(scope="module")
def token(softhsm_token):
    made = softhsm_token()
    made.key(KeyKind.P256, label="con-dau")
    made.key(KeyKind.P256, label="văn thư")
    return made


def test_by_label_id_and_serial(token):
    by_label = token.store.key(KeyRef(object="văn thư"))
    assert by_label.ref.id
    by_id = token.store.key(KeyRef(id=by_label.ref.id))
    everything = token.store.key(KeyRef.parse(str(by_label.ref)))
    assert by_label.public_key == by_id.public_key == everything.public_key
    assert everything.ref.serial
    assert everything.ref.object == "văn thư"
    assert everything.ref.type == "private"


def test_the_uri_alone_is_enough(token):
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
def test_no_key_or_several(token, ref, code):
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
def test_no_token(token, ref):
    with TokenKeyStore(module=token.module, pin=FilePin(token.pin_file)) as store, pytest.raises(KeyNotFound) as e:
        store.key(ref)
    assert e.value.code == "token-not-found"
    assert token.label in str(e.value)


def test_two_tokens_and_no_pin_tried(token, softhsm_token, tmp_path):
    other = softhsm_token()
    nobody = FilePin(tmp_path / "missing")
    with TokenKeyStore(module=token.module, pin=nobody) as store, pytest.raises(KeyNotFound) as e:
        store.key(KeyRef(object="con-dau"))  # no token named
    assert e.value.code == "token-ambiguous"
    assert token.label in str(e.value)
    assert other.label in str(e.value)


def test_a_store_stays_with_its_module(token, shim):
    with TokenKeyStore(module=token.module, pin=FilePin(token.pin_file)) as store:
        store.key(KeyRef(token=token.label, object="con-dau"))
        with pytest.raises(KeyStoreError) as e:
            store.key(KeyRef(token=token.label, object="con-dau", module_path=str(shim.module)))
        assert e.value.code == "key-store-bound"
        assert not shim.calls()["C_Login"]


def test_labels_and_ids_are_not_given_twice(token):
    for code, arguments in (
        ("key-label-taken", {"label": "con-dau"}),
        ("key-id-taken", {"label": "new", "key_id": token.store.key(KeyRef(object="con-dau")).ref.id}),
    ):
        with pytest.raises(KeyStoreError) as e:
            generate_key(token.store, kind=KeyKind.P256, **arguments)
        assert e.value.code == code


def test_a_closed_store(token):
    store = TokenKeyStore(module=token.module, pin=FilePin(token.pin_file))
    key = store.key(KeyRef(token=token.label, object="con-dau"))
    kept = token.store.key(KeyRef(object="con-dau"))
    store.close()
    with pytest.raises(KeyStoreError) as e:
        key.sign(b"data", mechanism=Mechanism.ECDSA_P256_SHA256)
    assert e.value.code == "key-store-closed"
    # The other store of this process shares the login, and keeps it.
    assert kept.sign(b"data", mechanism=Mechanism.ECDSA_P256_SHA256)


def test_tokens_are_listed_without_a_pin(token):
    info = next(t for t in admin.tokens(token.module) if t.label == token.label)
    assert info.initialised
    assert {"user-pin-initialized", "login-required"} <= info.flags
    assert "ECDSA" in info.mechanisms
    assert info.firmware.count(".") == 1


def test_no_second_token_with_a_label(token, tmp_path):
    from esign_hsm import FilePinGuard, init_token

    pin = FilePin(pin_file_in(tmp_path, "any", "123456"))
    token.close()  # a token with sessions is not initialised
    before = admin.tokens(token.module)
    arguments = {"so_pin": pin, "user_pin": pin, "guard": FilePinGuard(tmp_path)}
    with pytest.raises(KeyStoreError) as e:
        init_token(token.module, label=token.label, **arguments)
    assert e.value.code == "token-label-taken"
    slot = next(t.slot_id for t in before if t.label == token.label)
    with pytest.raises(KeyStoreError) as e:
        init_token(token.module, label="fresh", slot_id=slot, **arguments)
    assert e.value.code == "token-initialised"
    with pytest.raises(PINError) as refused:  # the SO PIN is wrong
        init_token(token.module, label="fresh", slot_id=slot, erase=True, **arguments)
    assert refused.value.code == "so-pin-refused"
    with pytest.raises(PINError) as refused:  # and is not sent again
        init_token(token.module, label="fresh", slot_id=slot, erase=True, **arguments)
    assert refused.value.code == "pin-blocked"
    after = admin.tokens(token.module)
    assert [(t.label, t.serial) for t in after] == [(t.label, t.serial) for t in before]
