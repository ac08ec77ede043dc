"""Loads a PKCS#11 module once per process and path, with locking (PKCS#11 v2.40 §5.4).

python-pkcs11 0.10.1 calls `C_Initialize(NULL)`, which promises a module that only one thread will call, and then
releases the GIL: two threads that sign crash SoftHSM. Here `C_Initialize` is called through ctypes with
`CKF_OS_LOCKING_OK`, and so are the few functions that python-pkcs11 lacks (`C_InitToken`, `C_GetSessionInfo`) or
whose wrapper has a trap (`C_Login`: `Token.open` leaks the session when the PIN is wrong, copies the PIN into a
`str`, and closing that session logs all others out).
"""

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import NoReturn

from filelock import Timeout
from pkcs11 import exceptions as p11
from pkcs11._pkcs11 import lib as _python_pkcs11_lib
from pkcs11.types import Session, Slot

from esign.errors import ConfigurationError, KeyStoreError
from esign.reasons import system_problem
from esign_hsm.state import hashed, lock, state_dir

__all__ = ["Module", "SessionState", "UserType", "load"]

_CKF_OS_LOCKING_OK = 2
_CKR_CANT_LOCK = 0x0A
_CKR_CRYPTOKI_ALREADY_INITIALIZED = 0x191
# Long enough for the slowest HSM and a queue of starting workers, short enough to be noticed.
_LOCK_TIMEOUT = 180.0


class UserType(IntEnum):
    """Who logs in (PKCS#11 §4.4)."""

    SO = 0
    USER = 1


class SessionState(IntEnum):
    """What a session is logged in as (PKCS#11 §4.4, CK_STATE)."""

    RO_PUBLIC = 0
    RO_USER = 1
    RW_PUBLIC = 2
    RW_USER = 3
    RW_SO = 4

    @property
    def user(self) -> bool:
        """Whether the user is logged in."""
        return self in (SessionState.RO_USER, SessionState.RW_USER)


class _Structure(ctypes.Structure):
    # On Windows Cryptoki structures are packed to one byte (PKCS#11 §2.1); CK_ULONG is 32 bit there, as c_ulong is.
    if sys.platform == "win32":
        _pack_ = 1
        _layout_ = "ms"


class _InitializeArgs(_Structure):
    _fields_ = (
        ("CreateMutex", ctypes.c_void_p),
        ("DestroyMutex", ctypes.c_void_p),
        ("LockMutex", ctypes.c_void_p),
        ("UnlockMutex", ctypes.c_void_p),
        ("flags", ctypes.c_ulong),
        ("pReserved", ctypes.c_void_p),
    )


class _FunctionList(_Structure):
    _fields_ = (("version", ctypes.c_ubyte * 2), ("functions", ctypes.c_void_p * 68))


class _SessionInfo(_Structure):
    _fields_ = (
        ("slotID", ctypes.c_ulong),
        ("state", ctypes.c_ulong),
        ("flags", ctypes.c_ulong),
        ("ulDeviceError", ctypes.c_ulong),
    )


class _Function(IntEnum):
    """Positions in CK_FUNCTION_LIST (PKCS#11 §3.6)."""

    INITIALIZE = 0
    INIT_TOKEN = 9
    INIT_PIN = 10
    GET_SESSION_INFO = 15
    LOGIN = 18


# The return values of the functions called here, as python-pkcs11 names them (its own table is not importable).
_RETURN_VALUES: dict[int, type[p11.PKCS11Error]] = {
    0x02: p11.HostMemory,
    0x03: p11.SlotIDInvalid,
    0x05: p11.GeneralError,
    0x06: p11.FunctionFailed,
    0x07: p11.ArgumentsBad,
    0x30: p11.DeviceError,
    0x31: p11.DeviceMemory,
    0x32: p11.DeviceRemoved,
    0x50: p11.FunctionCancelled,
    0x54: p11.FunctionNotSupported,
    0x90: p11.OperationActive,
    0xA0: p11.PinIncorrect,
    0xA1: p11.PinInvalid,
    0xA2: p11.PinLenRange,
    0xA3: p11.PinExpired,
    0xA4: p11.PinLocked,
    0xB0: p11.SessionClosed,
    0xB1: p11.SessionCount,
    0xB3: p11.SessionHandleInvalid,
    0xB5: p11.SessionReadOnly,
    0xB6: p11.SessionExists,
    0xB7: p11.SessionReadOnlyExists,
    0xB8: p11.SessionReadWriteSOExists,
    0xE0: p11.TokenNotPresent,
    0xE1: p11.TokenNotRecognised,
    0xE2: p11.TokenWriteProtected,
    0x100: p11.UserAlreadyLoggedIn,
    0x101: p11.UserNotLoggedIn,
    0x102: p11.UserPinNotInitialized,
    0x104: p11.AnotherUserAlreadyLoggedIn,
    0x105: p11.UserTooManyTypes,
    0x1C3: p11.PinTooWeak,
    0x200: p11.FunctionRejected,
}


class CryptokiNotInitialized(p11.PKCS11Error):
    """CKR_CRYPTOKI_NOT_INITIALIZED: someone else in this process called C_Finalize."""


_RETURN_VALUES[0x190] = CryptokiNotInitialized


class _Lib(_python_pkcs11_lib):
    """python-pkcs11's library, already initialised by `Module`; it never finalises what others still use."""

    def initialize(self) -> None:
        """Nothing to do: see `Module.initialize`."""

    def finalize(self) -> None:
        """Nothing to do: the process' end closes its sessions."""

    def reinitialize(self) -> None:
        """Nothing to do."""


class Module:
    """One PKCS#11 library in this process.

    It belongs to the process that loaded it: after a fork its sessions are not the child's (PKCS#11 §5.4), so every
    use in a forked child is refused.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pid = os.getpid()
        self._host_lock = lock(state_dir() / f"module-{hashed(str(path))}.lock", timeout=_LOCK_TIMEOUT)
        # Taken around every call where the module cannot lock by itself, else free to enter.
        self.calls: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        with self.exclusive():
            # Kept open for good: unloading a library whose threads still run ends in a crash.
            self._dll = _open(path)
            self._table = _function_list(self._dll, path)
            self.initialize()
            try:
                self._lib = _Lib(str(path))
            except p11.PKCS11Error as e:
                raise KeyStoreError("module-not-loadable", module=path, detail=type(e).__name__) from e
        # Never freed: its destructor would run while the interpreter ends, when its class is half gone.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._lib))
        self.description = self._lib.library_description
        self.version: tuple[int, int] = self._lib.library_version

    def initialize(self) -> None:
        """Call C_Initialize with CKF_OS_LOCKING_OK; harmless when it was done before."""
        args = _InitializeArgs(flags=_CKF_OS_LOCKING_OK)
        rv = self._call(_Function.INITIALIZE, ctypes.byref(args))
        if rv == _CKR_CANT_LOCK:
            # The module knows no threads at all: let it in single file.
            self.calls = threading.RLock()
            rv = self._call(_Function.INITIALIZE, None)
        if rv not in (0, _CKR_CRYPTOKI_ALREADY_INITIALIZED):
            raise KeyStoreError("module-not-loadable", module=self.path, detail=f"C_Initialize: 0x{rv:X}")

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep every other process of the host out while slots are listed or a PIN is sent.

        SoftHSM rewrites a token's flags at login, and whoever reads them at that moment fails; of processes that
        started together 7 to 18 % did. Enters again in the same thread.
        """
        self.check_process()
        try:
            self._host_lock.acquire()
        except Timeout as e:
            raise KeyStoreError("host-lock-busy", path=e.lock_file, seconds=int(_LOCK_TIMEOUT)) from e
        except OSError as e:
            folder = Path(self._host_lock.lock_file).parent
            raise ConfigurationError("state-dir-unusable", path=folder, detail=system_problem(e)) from e
        try:
            yield
        finally:
            self._host_lock.release()

    def check_process(self) -> None:
        """Refuse use in a forked child.

        Raises:
            KeyStoreError: `module-forked`.
        """
        if os.getpid() != self._pid:
            raise KeyStoreError("module-forked", module=self.path)

    def slots(self) -> list[Slot]:
        """All slots with a token in them, as they are now."""
        self.check_process()
        return self._lib.get_slots(token_present=True)

    def login(self, session: Session, user: UserType, pin: "ctypes.Array[ctypes.c_char] | None") -> None:
        """C_Login; None for a PIN that is typed on the token itself."""
        length = len(pin) if pin is not None else 0
        self._checked(_Function.LOGIN, _handle(session), ctypes.c_ulong(user), pin, ctypes.c_ulong(length))

    def session_state(self, session: Session) -> SessionState:
        """C_GetSessionInfo: what `session` is logged in as, now."""
        info = _SessionInfo()
        self._checked(_Function.GET_SESSION_INFO, _handle(session), ctypes.byref(info))
        return SessionState(info.state)

    def init_token(self, slot_id: int, pin: "ctypes.Array[ctypes.c_char]", label: str) -> None:
        """C_InitToken: everything on the token is gone afterwards."""
        padded = label.encode().ljust(32)
        self._checked(_Function.INIT_TOKEN, ctypes.c_ulong(slot_id), pin, ctypes.c_ulong(len(pin)), padded)

    def init_pin(self, session: Session, pin: "ctypes.Array[ctypes.c_char]") -> None:
        """C_InitPIN: set the user PIN; the security officer is logged in."""
        self._checked(_Function.INIT_PIN, _handle(session), pin, ctypes.c_ulong(len(pin)))

    def _checked(self, function: _Function, *args: object) -> None:
        self.check_process()
        rv = self._call(function, *args)
        if rv:
            raise _RETURN_VALUES.get(rv, p11.PKCS11Error)(f"0x{rv:X}")

    def _call(self, function: _Function, *args: object) -> int:
        prototype = ctypes.CFUNCTYPE(ctypes.c_ulong)
        return int(prototype(self._table.functions[function])(*args))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a PKCS#11 module belongs to one process; pass its path and open it there")


def _handle(session: Session) -> ctypes.c_ulong:
    # `handle` is missing from python-pkcs11's stubs.
    return ctypes.c_ulong(session.handle)  # type: ignore[attr-defined]


def _open(path: Path) -> ctypes.CDLL:
    if not path.is_file():
        raise KeyStoreError("module-not-found", module=path)
    try:
        return ctypes.CDLL(str(path))
    except OSError as e:
        text = str(e)
        # Linux says "wrong ELF class", Windows error 193, macOS "incompatible architecture".
        wrong = "wrong ELF class" in text or getattr(e, "winerror", 0) == 193 or "architecture" in text
        code = "module-wrong-architecture" if wrong else "module-not-loadable"
        raise KeyStoreError(code, module=path, detail=text) from e


def _function_list(dll: ctypes.CDLL, path: Path) -> _FunctionList:
    pointer = ctypes.POINTER(_FunctionList)()
    try:
        rv = dll.C_GetFunctionList(ctypes.byref(pointer))
    except AttributeError as e:
        raise KeyStoreError("module-not-loadable", module=path, detail="no C_GetFunctionList") from e
    if rv:
        raise KeyStoreError("module-not-loadable", module=path, detail=f"C_GetFunctionList: 0x{rv:X}")
    return pointer.contents


_modules: dict[Path, Module] = {}
_modules_lock = threading.Lock()


def load(path: str | os.PathLike[str]) -> Module:
    """The module at `path`, loaded at the first call.

    Raises:
        KeyStoreError: `module-not-found`, `module-wrong-architecture`, `module-not-loadable`.
    """
    key = Path(path).resolve()
    module = _modules.get(key)
    if module is not None:
        module.check_process()  # before the lock, which a fork may have left taken
        return module
    with _modules_lock:
        module = _modules.get(key)
        if module is None:
            module = _modules[key] = Module(key)
    return module
