"""A PKCS#11 module that wraps SoftHSM, counts, and misbehaves on request (shim.c, built here with cc)."""

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from esign.keys import KeyRef
from esign_hsm import FilePin, FilePinGuard, TokenKeyStore
from tests.support.programs import program
from tests.support.softhsm import TokenForTest, softhsm_module

SOURCE = Path(__file__).with_name("shim.c")

CKR_GENERAL_ERROR = 0x05
CKR_CANT_LOCK = 0x0A
CKR_DEVICE_ERROR = 0x30
CKR_DEVICE_REMOVED = 0x32
CKR_KEY_HANDLE_INVALID = 0x60
CKR_OBJECT_HANDLE_INVALID = 0x82
CKR_SESSION_CLOSED = 0xB0
CKR_SESSION_COUNT = 0xB1
CKR_SESSION_HANDLE_INVALID = 0xB3
CKR_TOKEN_NOT_PRESENT = 0xE0
CKR_TOKEN_NOT_RECOGNIZED = 0xE1
CKR_USER_NOT_LOGGED_IN = 0x101
CKR_CRYPTOKI_NOT_INITIALIZED = 0x190
CKR_MECHANISM_INVALID = 0x70
CKR_VENDOR_DEFINED = 0x80000000
CKF_PROTECTED_AUTHENTICATION_PATH = 0x100
CKF_USER_PIN_COUNT_LOW = 0x10000
CKF_USER_PIN_FINAL_TRY = 0x20000
CKF_USER_PIN_LOCKED = 0x40000
CKF_USER_PIN_TO_BE_CHANGED = 0x80000


class Shim:
    """One shim: `module` is its path, the rest steers it (what each file means stands in shim.c)."""

    def __init__(self, directory: Path, built: Path) -> None:
        # Copies: a library that has another file name has its own variables, so each test begins anew, and
        # SoftHSM behind the shim does not share its login with SoftHSM used directly.
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.module = Path(shutil.copy(built, directory / "shim.so"))
        self.wrapped = Path(shutil.copy(softhsm_module(), directory / "wrapped-softhsm2.so"))

    @property
    def environment(self) -> dict[str, str]:
        """What the shim needs; SoftHSM's own SOFTHSM2_CONF aside."""
        return {"ESIGN_SHIM_MODULE": str(self.wrapped), "ESIGN_SHIM_DIRECTORY": str(self.directory)}

    def calls(self) -> Counter[str]:
        """How often each counted function was called, by all processes."""
        log = self.directory / "log"
        return Counter(line.split()[1] for line in log.read_text().splitlines()) if log.exists() else Counter()

    def record(self) -> None:
        """From now on each signature that is made is told in `signatures`."""
        self._put("recording", "")

    @property
    def signatures(self) -> Path:
        """Where `record` tells of signatures: process, key and what was signed, in lines."""
        return self.directory / "signatures"

    def forget(self) -> None:
        """Start counting anew."""
        (self.directory / "log").unlink(missing_ok=True)

    def pull(self) -> None:
        """Take the token out: all sessions are dead."""
        self._put("removed", "")
        pulls = self.directory / "pulls"
        self._put("pulls", str(int(pulls.read_text() if pulls.exists() else 0) + 1))

    def plug(self) -> None:
        """Put it back."""
        (self.directory / "removed").unlink()

    def faults(self, *faults: tuple[str, int | str, int]) -> None:
        """(function, n, value): its n-th call in each process answers `value`; 0: each; "%k": each k-th."""
        self._put("faults", "".join(f"{f} {n} {v:x}\n" for f, n, v in faults))

    def flags(self, flags: int) -> None:
        self._put("flags", f"{flags:x}")

    def tries(self, left: int | None = None) -> int:
        """Let the token count PINs, with `left` tries; gives how many are left."""
        if left is not None:
            self._put("tries", str(left))
        return int((self.directory / "tries").read_text())

    def always_authenticate(self) -> None:
        self._put("always", "")

    def swap(self, key_id: bytes, *, always: bool = False) -> None:
        """Let handles that were found so far name the key with this id; `always`: also later ones."""
        self._put("swap", key_id.hex() + (" always" if always else ""))

    def delay(self, milliseconds: int, *, single: bool = False) -> None:
        """From now on a C_Sign takes so long; with `single` one after the other, whoever calls."""
        self._put("delay", str(milliseconds))
        if single:
            self._put("single", "")

    @contextmanager
    def holding(self, *, after: int) -> Iterator[None]:
        """Meanwhile each process makes `after` signatures, and waits with the next one."""
        self._put("hold", str(after))
        try:
            yield
        finally:
            (self.directory / "hold").unlink(missing_ok=True)

    def _put(self, name: str, content: str) -> None:
        temporary = self.directory / f"{name}.new"
        temporary.write_text(content)
        temporary.replace(self.directory / name)


@dataclass
class Bench:
    """A token with a P-256 key, seen through a shim of its own, and a guard of its own."""

    token: TokenForTest
    shim: Shim
    guard: FilePinGuard
    other_id: bytes
    """CKA_ID of a second key, `other`."""

    @property
    def serial(self) -> str:
        return self.token.store.token(self.ref).serial

    @property
    def ref(self) -> KeyRef:
        return KeyRef(token=self.token.label, object="con-dau")

    def store(self, pin_file: Path | None = None) -> TokenKeyStore:
        return TokenKeyStore(module=self.shim.module, pin=FilePin(pin_file or self.token.pin_file), guard=self.guard)


def build(directory: Path) -> Path:
    """Compile shim.c."""
    cc = program("cc")
    built = directory / "shim.so"
    subprocess.run(
        [
            cc,
            "-std=gnu11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-O1",
            "-shared",
            "-fPIC",
            SOURCE,
            "-o",
            built,
            "-ldl",
            "-lpthread",
        ],
        check=True,
    )
    return built


@pytest.fixture(scope="session")
def shim_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def shim(shim_built: Path, softhsm_directory: Path, tmp_path: Path) -> Iterator[Shim]:
    """A shim around the SoftHSM tokens of the session that exist by now; make tokens before you open it."""
    made = Shim(tmp_path / "shim", shim_built)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in made.environment.items():
            patch.setenv(name, value)
        yield made
