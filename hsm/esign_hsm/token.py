"""One token in this process: one login, a session for each thread that works, and healing after a loss.

Login is per process and token (PKCS#11 §5.6), so all key stores of a process share one `Token`. An anchor session
keeps the login; it is never used for anything else and closed last.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from pkcs11 import exceptions as p11
from pkcs11.constants import TokenFlag
from pkcs11.types import Session
from pkcs11.types import Token as P11Token

from esign.errors import KeyNotFound, KeyStoreError, PINError, TokenUnavailable
from esign.keys import PinGuard
from esign.reasons import Reason
from esign_hsm._faults import NOT_SENT, refuse
from esign_hsm._library import Module, UserType
from esign_hsm._objects import TokenObject, mapper
from esign_hsm.pin import Pin, PinPad, PinSource, wipe

__all__ = ["Lease", "Token", "Visible", "open_token", "visible"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """A token in a slot, as anybody sees it without a PIN."""

    slot_id: int
    """The slot's number now; it changes."""
    label: str
    """CK_TOKEN_INFO.label."""
    serial: str
    """CK_TOKEN_INFO.serialNumber."""
    manufacturer: str
    """CK_TOKEN_INFO.manufacturerID."""
    model: str
    """CK_TOKEN_INFO.model."""
    flags: TokenFlag
    """CK_TOKEN_INFO.flags."""
    handle: P11Token = field(compare=False, repr=False)
    """python-pkcs11's object."""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What stays the same when it is pulled and put back."""
        return (self.serial or self.label, self.model, self.manufacturer)

    def __str__(self) -> str:
        return f"slot {self.slot_id}: {self.label} (serial {self.serial})"


def visible(module: Module) -> tuple[Visible, ...]:
    """The tokens that `module` shows now, also those that are not initialised; nothing is tried with them."""
    found = []
    with module.exclusive(), module.calls:
        for slot in module.slots():
            with contextlib.suppress(p11.TokenNotPresent, p11.TokenNotRecognised, p11.DeviceRemoved):
                found.append(_visible(slot.get_token()))
    return tuple(found)


def _visible(token: P11Token) -> Visible:
    return Visible(
        slot_id=token.slot.slot_id,
        label=token.label,
        serial=token.serial.rstrip(b"\0 ").decode("utf-8", "replace"),
        manufacturer=token.manufacturer_id,
        model=token.model,
        flags=token.flags,
        handle=token,
    )


@dataclass(slots=True)
class Lease:
    """A session that belongs to one thread while it has it, and the key handles that were found in it."""

    session: Session
    """python-pkcs11's session."""
    generation: int
    """Which login it belongs to; after a loss its handle may come to name another session."""
    keys: dict[bytes, TokenObject] = field(default_factory=dict)
    """Key handles by SubjectPublicKeyInfo."""


class Token:
    """A token that this process is logged in to, found by its serial number wherever it is plugged in."""

    def __init__(self, module: Module, seen: Visible, *, pin: PinSource | None, guard: PinGuard) -> None:
        self.module = module
        self.label = seen.label
        self.serial = seen.serial or seen.label
        self._identity = seen.identity
        self._pin = pin
        self._guard = guard
        self._kept: Pin | None = None
        self._changed = threading.Condition(threading.RLock())
        self._anchor: Session | None = None
        self._generation = 0
        self._free: list[Lease] = []
        self._leased = 0
        self.users = 0

    @contextlib.contextmanager
    def session(self, *, fresh: bool = False) -> Iterator[Lease]:
        """A session for this thread alone; the token is logged in, or logged in again where the login was lost.

        `fresh`: the one before failed; look whether the login still stands, and open a new session.

        Raises:
            TokenUnavailable: It is not there.
            PINError: It cannot be logged in to.
        """
        lease = self._take(fresh=fresh)
        try:
            with self.module.calls:
                yield lease
        except BaseException:
            self._discard(lease)
            raise
        self._give_back(lease)

    @contextlib.contextmanager
    def writable(self) -> Iterator[Session]:
        """A read-write session, for making keys and storing certificates."""
        with self._changed:
            self._ready(fresh=True)
            session = self._open(rw=True)
        try:
            with self.module.calls:
                yield session
        finally:
            self._close(session)

    def forget(self) -> None:
        """Give up the login and all sessions; the next use starts anew."""
        with self._changed:
            self._drop()

    def _take(self, *, fresh: bool) -> Lease:
        with self._changed:
            self._ready(fresh=fresh)
            while True:
                if self._free:
                    lease = self._free.pop()
                    break
                try:
                    lease = Lease(self._open(rw=False), self._generation)
                    break
                except TokenUnavailable as e:
                    # Small tokens have few sessions: wait for one that is in use.
                    if not isinstance(e.__cause__, p11.SessionCount) or not self._leased:
                        raise
                    self._changed.wait()
                    self._ready(fresh=False)
            self._leased += 1
            return lease

    def _give_back(self, lease: Lease) -> None:
        with self._changed:
            self._leased -= 1
            if lease.generation == self._generation and self._anchor is not None:
                self._free.append(lease)
            self._changed.notify()

    def _discard(self, lease: Lease) -> None:
        with self._changed:
            self._leased -= 1
            # A handle of an older login may name someone else's session by now: let it be.
            if lease.generation == self._generation and self._anchor is not None:
                self._close(lease.session)
            self._changed.notify()

    def _open(self, *, rw: bool) -> Session:
        assert self._anchor is not None
        try:
            with self.module.calls:
                return self._anchor.token.open(rw=rw, attribute_mapper=mapper())
        except p11.PKCS11Error as e:
            refuse(e, token=self.label, doing="C_OpenSession")

    def _ready(self, *, fresh: bool) -> None:
        self.module.check_process()
        if fresh:
            self._drop_free()
            if self._anchor is not None and not self._stands(self._anchor):
                _logger.warning("token %s: the login is lost, opening it again", self.label)
                self._drop()
        if self._anchor is None:
            self._connect()

    def _stands(self, anchor: Session) -> bool:
        """Whether the login still stands and the slot still holds this very token."""
        try:
            with self.module.exclusive(), self.module.calls:
                seen = _visible(anchor.token.slot.get_token())
                open_to_all = not seen.flags & TokenFlag.LOGIN_REQUIRED
                return seen.identity == self._identity and (self.module.session_state(anchor).user or open_to_all)
        except p11.PKCS11Error:
            return False

    def _drop_free(self) -> None:
        while self._free:
            self._close(self._free.pop().session)

    def _drop(self) -> None:
        self._drop_free()
        if self._anchor is not None:
            self._close(self._anchor)
            self._anchor = None
        self._generation += 1

    def _close(self, session: Session) -> None:
        # A dead session cannot be closed, and need not be.
        with self.module.calls, contextlib.suppress(p11.PKCS11Error):
            session.close()

    def _connect(self) -> None:
        # A person is asked before the host-wide lock is taken: others should not wait for them.
        typed = self._ask() if self._pin is not None and self._pin.attended and self._kept is None else None
        try:
            with self.module.exclusive(), self.module.calls:
                self.module.initialize()
                seen = self._find()
                session = seen.handle.open(attribute_mapper=mapper())
                try:
                    self._login(session, seen, typed)
                except BaseException:
                    self._close(session)
                    raise
        except p11.PKCS11Error as e:
            refuse(e, token=self.label, doing="C_OpenSession")
        self._anchor = session
        self._generation += 1

    def _find(self) -> Visible:
        found = [v for v in visible(self.module) if v.identity == self._identity]
        if len(found) > 1:
            raise KeyNotFound("token-ambiguous", uri=f"serial {self.serial}", found="; ".join(map(str, found)))
        if not found:
            raise TokenUnavailable("token-gone", token=self.label, serial=self.serial)
        return found[0]

    def _ask(self) -> Pin | None:
        """The PIN that a person types now; None where it is typed on the token or not needed."""
        try:
            seen = self._find()
        except p11.PKCS11Error as e:
            refuse(e, token=self.label, doing="C_GetTokenInfo")
        assert self._pin is not None
        if isinstance(self._pin, PinPad) or not seen.flags & TokenFlag.LOGIN_REQUIRED:
            return None
        refuse_login(seen, self._pin)
        low = seen.flags & TokenFlag.USER_PIN_COUNT_LOW
        return self._pin.read(self.label, warnings=(Reason("pin-count-low", {"token": self.label}),) if low else ())

    def _login(self, session: Session, seen: Visible, typed: Pin | None) -> None:
        if not seen.flags & TokenFlag.LOGIN_REQUIRED or self.module.session_state(session).user:
            return
        refuse_login(seen, self._pin)
        assert self._pin is not None
        if isinstance(self._pin, PinPad):
            pin = None
        elif typed is not None:
            pin = typed
        else:
            # A file is read again each time, in case its owner corrected it; what a person typed once is used
            # for healing, but no longer as something a person has just typed.
            pin = self._kept if self._kept is not None else self._pin.read(self.label)
        attended = typed is not None or isinstance(self._pin, PinPad)
        try:
            send_pin(self.module, session, pin, seen=seen, guard=self._guard, attended=attended)
        except PINError:
            self._kept = None
            raise
        self._kept = pin if self._pin.attended else None


def refuse_login(seen: Visible, pin: PinSource | None) -> None:
    """Explain before any work why this token cannot be logged in to as it is.

    Raises:
        PINError: `pin-locked`, `pin-final-try`, `pin-not-initialised`, `pin-to-be-changed`, `pin-not-configured`.
        KeyStoreError: `protected-authentication-path`, `pin-pad-missing`.
    """
    facts = {"token": seen.label, "serial": seen.serial}
    for flag, code in (
        (TokenFlag.USER_PIN_LOCKED, "pin-locked"),
        (TokenFlag.USER_PIN_FINAL_TRY, "pin-final-try"),
        (TokenFlag.USER_PIN_TO_BE_CHANGED, "pin-to-be-changed"),
    ):
        if seen.flags & flag:
            raise PINError(code, **facts)
    if not seen.flags & TokenFlag.USER_PIN_INITIALIZED:
        raise PINError("pin-not-initialised", **facts)
    if pin is None:
        raise PINError("pin-not-configured", **facts)
    pad = bool(seen.flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH)
    if pad and not isinstance(pin, PinPad):
        raise KeyStoreError("protected-authentication-path", **facts)
    if not pad and isinstance(pin, PinPad):
        raise PINError("pin-pad-missing", **facts)


def send_pin(
    module: Module, session: Session, pin: Pin | None, *, seen: Visible, guard: PinGuard, attended: bool
) -> None:
    """C_Login, once, under the guard; None for a PIN that is typed on the token."""
    facts = {"token": seen.label, "serial": seen.serial or seen.label}
    buffer = pin.buffer() if pin is not None else None
    with guard.attempt(seen.serial or seen.label, attended=attended) as attempt:
        try:
            module.login(session, UserType.USER, buffer)
        except p11.UserAlreadyLoggedIn:
            attempt.not_sent()
        except NOT_SENT as e:
            attempt.not_sent()
            refuse(e, token=seen.label, doing="C_Login")
        except p11.PKCS11Error as e:
            if isinstance(e, p11.FunctionCancelled) and pin is None:
                attempt.not_sent()  # the person pressed cancel on the pad
                raise PINError("pin-missing", source="pin pad") from e
            attempt.refused()
            _refused(e, facts)
        else:
            attempt.accepted()
        finally:
            if buffer is not None:
                wipe(buffer)


def _refused(error: p11.PKCS11Error, facts: dict[str, str]) -> NoReturn:
    match error:
        case p11.PinIncorrect() | p11.PinInvalid() | p11.PinLenRange():
            code = "pin-refused"
        case p11.PinLocked():
            code = "pin-locked"
        case p11.PinExpired():
            code = "pin-to-be-changed"
        case _:
            # The token or its reader failed with the PIN under way: it may have counted a wrong try.
            raise PINError("pin-outcome-unknown", error=type(error).__name__, **facts) from error
    raise PINError(code, **facts) from error


_tokens: dict[tuple[Path, tuple[str, str, str]], Token] = {}
_tokens_lock = threading.Lock()


def open_token(module: Module, seen: Visible, *, pin: PinSource | None, guard: PinGuard) -> Token:
    """The process' one `Token` for what was `seen`, logged in; `close_token` gives it back."""
    key = (module.path, seen.identity)
    with _tokens_lock:
        token = _tokens.get(key)
        if token is None:
            token = _tokens[key] = Token(module, seen, pin=pin, guard=guard)
        token.users += 1
    try:
        with token.session():
            pass
    except BaseException:
        close_token(token)
        raise
    return token


def close_token(token: Token) -> None:
    """Give `token` back; with its last user the login ends."""
    with _tokens_lock:
        token.users -= 1
        if not token.users:
            for key in [k for k, v in _tokens.items() if v is token]:
                del _tokens[key]
            token.forget()
