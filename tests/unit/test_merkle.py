"""The tree hash of RFC 6962, against its own definition and the published examples of certificate transparency."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esign.merkle import path, root, root_over

# The inputs and roots that implementations of RFC 6962 test themselves with.
LEAVES = [bytes.fromhex(h) for h in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
}


def defined(entries: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, word for word."""
    if not entries:
        return sha256().digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = 1 << (len(entries) - 1).bit_length() - 1
    return sha256(b"\x01" + defined(entries[:k]) + defined(entries[k:])).digest()


@pytest.mark.parametrize("size", sorted(ROOTS))
def test_the_published_roots(size: int) -> None:
    assert root(LEAVES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize("size", range(70))
def test_the_root_is_the_defined_one(size: int) -> None:
    entries = [b"%d" % n for n in range(size)]
    assert root(entries) == defined(entries)


@given(size=st.integers(1, 70), data=st.data())
def test_every_entry_has_a_proof_and_no_other_entry_has_it(size: int, data: st.DataObject) -> None:
    entries = [b"%d" % n for n in range(size)]
    position = data.draw(st.integers(0, size - 1))
    proof = path(entries, position)
    assert root_over(entries[position], position, size, proof) == root(entries)
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != position)) if size > 1 else None
    if other is not None:
        assert root_over(entries[other], position, size, proof) != root(entries)
        assert root_over(entries[position], other, size, proof) != root(entries)


def test_a_proof_of_another_length_proves_nothing() -> None:
    entries = [b"%d" % n for n in range(6)]
    proof = path(entries, 2)
    assert root_over(entries[2], 2, 6, proof[:-1]) is None
    assert root_over(entries[2], 2, 6, (*proof, proof[0])) is None
    assert root_over(entries[2], 6, 6, proof) is None
    assert root_over(entries[2], -1, 6, proof) is None
