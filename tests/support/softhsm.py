"""SoftHSM tokens for tests: fixtures that make real tokens with real keys in a folder of the test session.

SoftHSM reads SOFTHSM2_CONF once per process, so a pytest process has one folder, with as many tokens as its tests ask
for. A test that needs a key writes::

    def test_signing(softhsm_token):
        token = softhsm_token()
        key = token.key(KeyKind.P256, label="con-dau")
        key.sign(b"data", mechanism=Mechanism.ECDSA_P256_SHA256)
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from esign.errors import KeyStoreError
from esign.keys import KeyRef
from esign_hsm import (
    FilePin,
    FilePinGuard,
    KeyKind,
    TokenKey,
    TokenKeyStore,
    generate_key,
    import_certificates,
    init_token,
    softhsm,
)
from tests.support.programs import missing

_labels = itertools.count(1)


def softhsm_module() -> Path:
    """libsofthsm2; skips the test where it is missing, except in CI, where that is a failure."""
    try:
        return softhsm.find_module()
    except KeyStoreError as e:
        raise missing("SoftHSM is not installed (apt install softhsm2)") from e


@dataclass
class TokenForTest:
    """A token of the test session, and a key store that is logged in to it."""

    label: str
    module: Path
    conf: Path
    """softhsm2.conf: SOFTHSM2_CONF is set to it, also for processes that the test starts."""
    pin: str
    pin_file: Path
    """Holds the PIN, mode 0600."""
    _store: TokenKeyStore | None = field(default=None, init=False)

    @property
    def uri(self) -> str:
        """A pkcs11: URI of the token with its module and PIN file; add `;object=…` with `ref`."""
        return str(self.ref())

    @property
    def store(self) -> TokenKeyStore:
        if self._store is None:
            self._store = TokenKeyStore(
                module=self.module, pin=FilePin(self.pin_file), defaults=KeyRef(token=self.label)
            )
        return self._store

    def ref(self, *, label: str | None = None) -> KeyRef:
        return KeyRef(token=self.label, object=label, pin_source=str(self.pin_file), module_path=str(self.module))

    def key(self, kind: KeyKind = KeyKind.P256, *, label: str = "con-dau") -> TokenKey:
        """A new key of this kind."""
        return self.store.key(generate_key(self.store, kind=kind, label=label))

    def with_certificates(self, label: str, *certificates: bytes) -> TokenKey:
        """The key labelled so, with these certificates (DER) put beside it."""
        return import_certificates(self.store, KeyRef(object=label), certificates=certificates)

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None


class MakeToken(Protocol):
    """What the fixture `softhsm_token` is."""

    def __call__(self, label: str | None = None, pin: str = "123456") -> TokenForTest: ...


def pin_file_in(directory: Path, name: str, pin: str) -> Path:
    """A file of mode 0600 that holds `pin`."""
    path = directory / f"{name}.pin"
    path.touch(0o600)
    path.write_text(f"{pin}\n", "utf-8")
    return path


@pytest.fixture(scope="session")
def softhsm_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The SoftHSM folder of this pytest process; SOFTHSM2_CONF and ESIGN_STATE_DIR point into it."""
    softhsm_module()
    directory = tmp_path_factory.mktemp("softhsm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(softhsm.make_directory(directory)))
        patch.setenv("ESIGN_STATE_DIR", str(directory / "state"))
        yield directory


@pytest.fixture(scope="session")
def softhsm_token(softhsm_directory: Path) -> Iterator[MakeToken]:
    """Makes tokens: `softhsm_token()` or `softhsm_token(label="van-thu", pin="123456")`."""
    made: list[TokenForTest] = []

    def make(label: str | None = None, pin: str = "123456") -> TokenForTest:
        label = label or f"token-{next(_labels)}"
        so_pin_file = pin_file_in(softhsm_directory, "so", "87654321")
        pin_file = pin_file_in(softhsm_directory, label, pin)
        module = softhsm_module()
        # In this process: SoftHSM looks for tokens at C_Initialize only.
        init_token(module, label=label, so_pin=FilePin(so_pin_file), user_pin=FilePin(pin_file), guard=FilePinGuard())
        made.append(TokenForTest(label, module, softhsm_directory / "softhsm2.conf", pin, pin_file))
        return made[-1]

    yield make
    for token in made:
        token.close()
