"""Lets a wrong PIN be sent at most once among all hosts that share this database (DESIGN law 2).

Who tries holds an advisory lock, and has written so before `C_Login`. A host that dies there, or whose connection
does, leaves the row as it is, and the next one reads it as a refusal: nothing here can lead to a second attempt, only
to one too few, which a person then clears.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from esign.errors import PINError, RegistryError
from esign.keys import PinAttempt
from esign.pin_state import Attempt, PinState
from esign.registry.access_models import PinGuardRow
from esign.registry.database_url import DatabaseURL
from esign.registry.locking import lock_key
from esign.registry.patience import PatientConnection, connect
from esign.registry.postgresql import PostgreSQLStore
from esign.registry.server import open_database

__all__ = ["SharedPinGuard", "shared_guard"]

_TURN_S = 120
"""So long an attempt waits for those before it; a token may take seconds to say no."""


class SharedPinGuard:
    """Implements `esign.keys.PinGuard` in the register's database."""

    def __init__(self, store: PostgreSQLStore, *, connect: Callable[[], PatientConnection]) -> None:
        """`connect` gives a connection of our own that waits for its turn."""
        self._store = store
        self._connect = connect

    @contextmanager
    def attempt(self, serial: str, *, attended: bool) -> Iterator[PinAttempt]:
        """See `PinGuard.attempt`."""
        token, mine = _hashed(serial), secrets.token_hex(16)
        with self._turn(token):
            with self._usable():
                before = self._read(token).settled()
            if before.refused and not attended:
                raise PINError("pin-blocked", serial=serial)
            with self._usable(), self._store.write() as session:
                _write(session, token, before.begun(attended=attended), attempt=mine)
            attempt = Attempt(before, attended=attended)
            try:
                yield attempt
            finally:
                with self._usable(), self._store.write() as session:
                    # Whoever lost the turn with its connection has nothing to say any more.
                    own = update(PinGuardRow).filter_by(serial=token, attempt=mine)
                    session.execute(own.values(_columns(attempt.outcome)))

    def blocked(self, serial: str) -> bool:
        """See `PinGuard.blocked`; waits for an attempt that is under way."""
        token = _hashed(serial)
        with self._turn(token), self._usable():
            return self._read(token).settled().refused

    def clear(self, serial: str) -> None:
        """See `PinGuard.clear`."""
        token = _hashed(serial)
        with self._turn(token), self._usable(), self._store.write() as session:
            _write(session, token, PinState(), attempt="")

    def close(self) -> None:
        """Give the connections back."""
        self._store.close()

    def _read(self, token: str) -> PinState:
        with self._store.read() as session:
            found = session.get(PinGuardRow, token)
            if found is None:
                return PinState()
            return PinState(trying=found.trying, attended=found.attended, unattended=found.unattended)

    @contextmanager
    def _turn(self, token: str) -> Iterator[None]:
        """Be the only one who tries this token; freed with the connection."""
        with self._usable(), self._store.translated():
            turn = self._connect()
        with turn:
            with self._usable(), self._store.translated():
                turn.execute("SELECT pg_advisory_lock(%s)", [lock_key(f"pin {token}")])
            yield

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Without the guard nobody knows whether a PIN was refused before, so none is tried."""
        try:
            yield
        except RegistryError as e:
            raise PINError("pin-guard-unusable", path=self._store.name, detail=e.code) from e


def _hashed(serial: str) -> str:
    """A token's serial number as a key; the number itself may be anything."""
    return hashlib.sha256(serial.encode()).hexdigest()


def _columns(state: PinState) -> dict[str, object]:
    return {"trying": state.trying, "attended": state.attended, "unattended": state.unattended}


def _write(session: Session, token: str, state: PinState, *, attempt: str) -> None:
    values = _columns(state) | {"attempt": attempt}
    if session.scalar(select(PinGuardRow.serial).filter_by(serial=token)) is None:
        session.execute(insert(PinGuardRow).values(serial=token, **values))
    else:
        session.execute(update(PinGuardRow).filter_by(serial=token).values(values))


def shared_guard(place: str) -> SharedPinGuard:
    """The guard in the register at the URL `place`.

    Raises:
        RegistryError: as `esign.registry.Registry.open`.
    """
    url = DatabaseURL.parse(place)
    return SharedPinGuard(open_database(url), connect=partial(connect, url, wait_s=_TURN_S))
