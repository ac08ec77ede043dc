"""Exclusive work on intents among all threads and processes of a host: locks on files beside the database.

The operating system frees a lock when the process ends, however it ends, so nobody waits for the dead and no lease
needs a clock. Hosts that share a database claim in it: `esign.registry.advisory`.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout, lock_descriptor, unlock_descriptor

from esign.codes import ResultId
from esign.errors import RegistryError
from esign.reasons import system_problem

__all__ = ["claim", "claims_folder", "host_lock"]


def claims_folder(database: Path) -> Path:
    """Where the lock files of `database` are."""
    return database.parent / "claims"


@contextmanager
def claim(database: Path, ids: Iterable[ResultId]) -> Iterator[frozenset[ResultId]]:
    """Hold those of the intents `ids` that nobody else holds; which they are.

    Raises:
        RegistryError: `registry-not-writable`.
    """
    folder, held = claims_folder(database), set()
    with ExitStack() as locks:
        for each in ids:
            lock = folder / f"{each}.lock"
            try:
                descriptor = _taken(lock)
            except OSError as e:
                raise RegistryError("registry-not-writable", path=str(lock), detail=system_problem(e)) from e
            if descriptor is not None:
                locks.callback(_give_back, lock, descriptor)
                held.add(each)
        yield frozenset(held)


def _taken(lock: Path) -> int | None:
    """The lock's file, open and locked; None where somebody else holds it.

    A `FileLock` would do the same, and take a tenth of a millisecond for what it offers besides.
    """
    while True:
        descriptor = _opened(lock)
        try:
            taken = lock_descriptor(descriptor, blocking=False)
            has_name = os.fstat(descriptor).st_nlink > 0
        except BaseException:
            os.close(descriptor)
            raise
        if taken and has_name:
            return descriptor
        os.close(descriptor)
        if not taken:
            return None


def _give_back(lock: Path, descriptor: int) -> None:
    # Gone while it is still held: who waits on the old file sees that it has no name any more and starts over.
    # Windows keeps open files, and the lock with them.
    with suppress(OSError):
        os.unlink(lock)  # noqa: PTH108  # Path.unlink is the same call
    try:
        unlock_descriptor(descriptor)  # closing it does that too, in Windows at some time
    finally:
        os.close(descriptor)


def _opened(lock: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        return os.open(lock, flags, 0o600)
    except FileNotFoundError:
        lock.parent.mkdir(parents=True, exist_ok=True)
        return os.open(lock, flags, 0o600)


@contextmanager
def host_lock(path: Path, *, timeout: float) -> Iterator[None]:
    """Hold a lock file; filelock's Timeout where somebody else does."""
    # Without fallback_to_soft a file system without locks is an error, not a lock that outlives its owner.
    lock = FileLock(path, timeout=timeout, thread_local=False, fallback_to_soft=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise
    except OSError as e:
        raise RegistryError("registry-not-writable", path=str(path), detail=system_problem(e)) from e
    try:
        yield
    finally:
        lock.release()
