"""The database under the register: transactions, who works alone on what, and errors that say what to do next.

There is one kind for each database: `esign.registry.sqlite` and `esign.registry.postgresql`. Both promise the same:
what a `write` decided from what it read still holds when it commits. SQLite lets one transaction write at a time;
on PostgreSQL, which lets many, whoever decides locks what the decision rests on (docs/adr/0025-postgresql.md).
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from esign.codes import ResultId
from esign.errors import Error, RegistryError
from esign.registry.audit import write_noted

__all__ = ["Store"]


class Store(ABC):
    """An open database: `read()` and `write()` give sessions in a transaction of their own."""

    def __init__(self, *, name: str, reading: Engine, writing: Engine) -> None:
        """`name` is what messages call it."""
        self.name = name
        self._reading = reading
        self._writing = writing
        self._joined = _Joined()

    @property
    @abstractmethod
    def place(self) -> Path | str:
        """Where it is: a path, or a URL without secrets."""

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent view of the register; nothing is written."""
        if self._joined.session is not None:
            yield self._joined.session
            return
        with self.translated(), Session(self._reading) as session, session.begin():
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction; it is durable when the block is left, or has left no trace.

        Where the answer to COMMIT is lost nobody knows which of the two it is: the call fails, and whoever asks again
        finds what is there.
        """
        if self._joined.session is not None:
            yield self._joined.session
            return
        with self._turn(), self.translated(), Session(self._writing) as session, session.begin():
            session.connection()  # a session begins late, at its first statement; SQLite's lock is wanted now
            yield session
            write_noted(session)
            self._before_commit(session)
        self._after_commit(session)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make every `write` of this thread inside part of one transaction: all of them are durable, or none is."""
        if self._joined.session is not None:
            yield
            return
        with self.write() as session:
            self._joined.session = session
            try:
                yield
            finally:
                self._joined.session = None

    @contextmanager
    def connect(self, *, writing: bool = False) -> Iterator[Connection]:
        """A connection for migrations and checks."""
        with self.translated(), (self._writing if writing else self._reading).connect() as connection:
            yield connection

    def close(self) -> None:
        """Give all connections back to the system."""
        self._reading.dispose()
        self._writing.dispose()

    @abstractmethod
    def claim(self, ids: Sequence[ResultId]) -> AbstractContextManager[frozenset[ResultId]]:
        """Work alone, among all processes of this register, on those of the intents `ids` that nobody else holds."""

    @abstractmethod
    def still_claims(self, ids: Sequence[ResultId]) -> frozenset[ResultId]:
        """Those of `ids` that a claim of this process holds at this moment."""

    @abstractmethod
    def wait_for_work(self, timeout: timedelta) -> bool:
        """Sleep until a transaction left work, or `timeout` is over; whether there may be work."""

    @abstractmethod
    def check(self) -> None:
        """Read the whole database and compare it with itself.

        Raises:
            RegistryError: `registry-damaged`.
        """

    def _turn(self) -> AbstractContextManager[object]:
        """What a writing transaction waits for before it begins."""
        return nullcontext()

    @abstractmethod
    def _before_commit(self, session: Session) -> None:
        """The last statements of a writing transaction."""

    @abstractmethod
    def _after_commit(self, session: Session) -> None:
        """What is done once a writing transaction is durable."""

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what SQLAlchemy and the driver raise into errors with a next step."""
        try:
            yield
        except DBAPIError as e:
            raise self._as_ours(e.orig) from e
        except StatementError as e:
            # A column type refused its value; SQLAlchemy wraps also what is ours.
            if isinstance(e.orig, Error):
                raise e.orig from e
            raise RegistryError("registry-refused", path=self.name, detail=type(e.orig).__name__) from e
        except PoolTimeout as e:
            raise RegistryError("registry-busy", path=self.name, detail="all connections are in use") from e
        except SQLAlchemyError as e:
            raise RegistryError("registry-refused", path=self.name, detail=type(e).__name__) from e

    @abstractmethod
    def _as_ours(self, error: BaseException | None) -> RegistryError:
        """What the driver's `error` means."""


class _Joined(threading.local):
    """The transaction that the writes of this thread are part of."""

    session: Session | None = None
