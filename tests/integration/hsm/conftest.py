"""Fixtures of the token tests."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from esign.keys import KeyRef
from esign_hsm import FilePin, FilePinGuard, KeyKind, TokenKey, TokenKeyStore
from tests.support.shim import Shim
from tests.support.softhsm import TokenForTest


@dataclass
class Bench:
    """A token with a P-256 key, seen through a shim of its own, and a guard of its own."""

    token: TokenForTest
    shim: Shim
    guard: FilePinGuard
    other_id: bytes
    """CKA_ID of a second key, `other`."""

    @property
    def ref(self) -> KeyRef:
        return KeyRef(token=self.token.label, object="con-dau")

    def store(self, pin_file: Path | None = None) -> TokenKeyStore:
        return TokenKeyStore(module=self.shim.module, pin=FilePin(pin_file or self.token.pin_file), guard=self.guard)


@pytest.fixture(scope="module")
def two_keys(softhsm_token: Callable[..., TokenForTest]) -> TokenForTest:
    token = softhsm_token()
    for label in ("con-dau", "other"):
        token.key(KeyKind.P256, label=label)
    return token


@pytest.fixture
def bench(two_keys: TokenForTest, shim: Shim, tmp_path: Path) -> Bench:
    other = two_keys.store.key(KeyRef(object="other"))
    assert other.ref is not None
    assert other.ref.id is not None
    return Bench(two_keys, shim, FilePinGuard(tmp_path / "guard"), other.ref.id)


@pytest.fixture
def opened(bench: Bench) -> Iterator[TokenKey]:
    """The key of `bench`, opened through the shim."""
    with bench.store() as store:
        yield store.key(bench.ref)
