"""Fixtures of the token tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from esign.keys import KeyRef
from esign_hsm import FilePinGuard, KeyKind, TokenKey
from tests.support.shim import Bench, Shim
from tests.support.softhsm import MakeToken, TokenForTest


@pytest.fixture(scope="module")
def two_keys(softhsm_token: MakeToken) -> TokenForTest:
    token = softhsm_token()
    for label in ("con-dau", "other"):
        token.key(KeyKind.P256, label=label)
    return token


@pytest.fixture
def bench(two_keys: TokenForTest, shim: Shim, tmp_path: Path) -> Bench:
    other = two_keys.store.key(KeyRef(object="other"))
    assert other.ref.id is not None
    return Bench(two_keys, shim, FilePinGuard(tmp_path / "guard"), other.ref.id)


@pytest.fixture
def opened(bench: Bench) -> Iterator[TokenKey]:
    """The key of `bench`, opened through the shim."""
    with bench.store() as store:
        yield store.key(bench.ref)
