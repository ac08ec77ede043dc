"""A row of documents: signed in its order, by a key that always has the next order in hand."""

import threading
from collections.abc import Generator, Iterator, Sequence
from itertools import count

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from esign.errors import InputError, KeyStoreError
from esign.keys import DelegatedKey, Mechanism, SigningKey
from esign.keys import sign_all as all_signed
from esign.pades.sign import Way
from esign.pades.signer import Signer
from esign.softkey import SoftwareKey
from tests.support.pki import EPOCH, PKI, der, name
from tests.support.two_ways import refused_by_others
from tests.unit.pdf.tools import page

MECHANISM = Mechanism.RSA_PKCS1_SHA256


@pytest.fixture(scope="module")
def pki() -> PKI:
    return PKI.create()


@pytest.fixture(scope="module")
def key(pki: PKI) -> SoftwareKey:
    private = rsa.generate_private_key(65537, 2048)
    chain = pki.chain(pki.issuing.certify(private.public_key(), name("UBND PHƯỜNG MẪU")))
    return SoftwareKey.from_private_key(private, certificates=chain)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def signer(key: SigningKey) -> Signer:
    return Signer(key, mechanism=MECHANISM, field_name="Signature")


def pages(how_many: int) -> list[bytes]:
    return [page(b"%% %d" % i) for i in range(how_many)]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 7, 40])
def test_a_row_is_signed_in_its_order(pki: PKI, key: SoftwareKey, length: int) -> None:
    made, row = signer(key), pages(length)
    signed = [s.document for s in made.sign_all(row, now=lambda: EPOCH)]
    assert signed == [made.sign(pdf, signing_time=EPOCH).document for pdf in row]
    if length == 1:
        assert list(refused_by_others(signed[0], der(pki.root.certificate), row[0])) == []


@pytest.mark.parametrize("good", range(5))
def test_a_bad_document_stops_the_row_behind_those_before(key: SoftwareKey, good: int) -> None:
    signing = signer(key).sign_all([*pages(good), b"no pdf", page()], now=lambda: EPOCH)
    assert [next(signing).way for _ in range(good)] == [Way.PLAIN] * good
    with pytest.raises(InputError):
        next(signing)


def test_a_document_that_cannot_be_had_stops_the_row_behind_those_before(key: SoftwareKey) -> None:
    def documents() -> Iterator[bytes]:
        yield from pages(3)
        raise OSError("the disk is gone")

    signing = signer(key).sign_all(documents(), now=lambda: EPOCH)
    assert len([next(signing) for _ in range(3)]) == 3
    with pytest.raises(OSError, match="the disk is gone"):
        next(signing)


def test_who_has_seen_enough_leaves(key: SoftwareKey) -> None:
    signing = signer(key).sign_all(pages(9), now=lambda: EPOCH)
    assert isinstance(signing, Generator)
    next(signing)
    signing.close()


class _Key(DelegatedKey):
    """A key that counts its orders, and fails with the one that is named."""

    def __init__(self, key: SigningKey, *, failing: int = 0) -> None:
        self._key = key
        self.orders: list[int] = []
        self.failing = failing

    def sign_all(self, data: Sequence[bytes], *, mechanism: Mechanism) -> list[bytes]:
        self.orders.append(len(data))
        if len(self.orders) == self.failing:
            raise KeyStoreError("key-gone", token="t", label="k", id="")
        return all_signed(self._key, data, mechanism=mechanism)


def test_orders_grow_and_leave_none_out(key: SoftwareKey) -> None:
    counting = _Key(key)
    assert len(list(signer(counting).sign_all(pages(60), now=lambda: EPOCH))) == 60
    assert sum(counting.orders) == 60
    assert all(counting.orders), "nobody is asked for nothing"
    assert max(counting.orders) <= 32


@pytest.mark.parametrize("failing", [1, 2, 5])
def test_a_key_that_fails_ends_the_row(key: SoftwareKey, failing: int) -> None:
    signing = signer(_Key(key, failing=failing)).sign_all(pages(60), now=lambda: EPOCH)
    with pytest.raises(KeyStoreError):
        list(signing)


class _Waiting(DelegatedKey):
    """A key whose first signature is ready when its second was asked for."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key
        self._order = count(1)
        self._second = threading.Event()

    def sign_all(self, data: Sequence[bytes], *, mechanism: Mechanism) -> list[bytes]:
        if next(self._order) == 2:
            self._second.set()
        assert self._second.wait(30), "the key never got a second order"
        return all_signed(self._key, data, mechanism=mechanism)


def test_the_key_has_the_next_order_in_hand(key: SoftwareKey) -> None:
    assert len(list(signer(_Waiting(key)).sign_all(pages(4), now=lambda: EPOCH))) == 4
