"""Looking a result up by what can be typed or shown: the 16 characters below its seal, or a code that moves.

For a paper whose QR is torn, for a hotline, and for a holder's phone (docs/spec/presentation.md). It answers no more
than the paper shows. What is hidden is answered as what never was, by the same few queries; whoever serves this lets
answers leave at the next of evenly spaced moments, so that a clock tells nothing either (`esign.service.lookups`).
"""

import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from esign.codes import ResultId
from esign.errors import NotRegistered, RegistryError
from esign.reasons import system_problem
from esign.registry import PublicEntry, Registry

__all__ = ["CountedCodes", "Found", "Lookup", "RateLimiter", "Redeemer", "UsedCodes", "candidates"]


_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What somebody who holds the paper may learn from a look-up."""

    entry: PublicEntry
    """The result as it is printed, whatever was typed, and what holds of it."""
    swapped: bool = False
    """Whether two neighbouring characters were typed the wrong way round: then the id has to be compared."""
    presented_at: datetime | None = None
    """When the holder showed it; None for a look-up by id."""


class Redeemer(Protocol):
    """Uses codes up."""

    def redeem(self, digits: str) -> ResultId:
        """Which result a code shows; nobody is told that twice.

        Raises:
            RegistryError: `presentation-unknown`, `presentation-expired`, `presentation-used`.
        """


class UsedCodes:
    """Implements `Redeemer` for a reader that cannot write to the register: what was used is a file of its own folder.

    A file is made once, by one process alone (O_EXCL), so a code works once among all that share the folder. Codes
    live for half a minute; their files are swept a day later.
    """

    def __init__(self, registry: Registry, folder: Path, *, now: Callable[[], datetime]) -> None:
        self._registry = registry
        self._folder = folder
        self._now = now

    def redeem(self, digits: str) -> ResultId:
        """See `Redeemer`."""
        found = self._registry.lookups.presented(digits)
        if found is None:
            # Guessing costs 2^48 handles before the first code: there is nothing to count here.
            raise RegistryError("presentation-unknown")
        used_at = found.used_at or self._used(digits)
        if used_at is not None:
            raise RegistryError("presentation-used", at=used_at.isoformat(timespec="seconds"))
        if self._now() >= found.expires:
            raise RegistryError("presentation-expired", at=found.expires.isoformat(timespec="seconds"))
        self.mark(digits)
        return found.result_id

    def mark(self, digits: str) -> None:
        """Tell all that share the folder that this code is used up.

        Raises:
            RegistryError: `presentation-used`: somebody was faster. `disk-not-writable`.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                os.close(os.open(self._path(digits), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                raise RegistryError("presentation-used", at=self._now().isoformat(timespec="seconds")) from None
        except OSError as e:
            raise RegistryError("disk-not-writable", folder=self._folder.name, problem=system_problem(e)) from e

    def sweep(self) -> None:
        """Forget what was used more than a day ago."""
        for path in self._folder.glob("*.used"):
            if self._age(path) > _KEPT:
                path.unlink(missing_ok=True)

    def _used(self, digits: str) -> datetime | None:
        try:
            return datetime.fromtimestamp(self._path(digits).stat().st_mtime, UTC)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _path(self, digits: str) -> Path:
        # By digest: whoever reads the folder cannot show a result.
        return self._folder / f"{hashlib.sha256(digits.encode()).hexdigest()}.used"

    def _age(self, path: Path) -> timedelta:
        try:
            return self._now() - datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except FileNotFoundError:
            return timedelta(0)


class CountedCodes:
    """Implements `Redeemer` where the register can be written to: it counts wrong codes, and public sides are told."""

    def __init__(self, registry: Registry, used: UsedCodes) -> None:
        self._registry = registry
        self._used = used

    def redeem(self, digits: str) -> ResultId:
        """See `Redeemer`; the register first, for public sides look there before they look into the folder."""
        found = self._registry.redeem(digits)
        self._used.mark(digits)
        return found


class RateLimiter:
    """Lets each client ask `burst` times at once and `rate` times a minute in the long run (a token bucket each).

    A client is named by what the service chooses, for instance a digest of its network; only the last `most` clients
    are remembered, and one that is forgotten is new again, so nobody's asking makes memory grow.
    """

    def __init__(
        self,
        *,
        rate: float,
        burst: int,
        monotonic: Callable[[], float] = time.monotonic,
        most: int = 100_000,
    ) -> None:
        self._per_second = rate / 60
        self._burst = burst
        self._monotonic = monotonic
        self._most = most
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, client: str) -> timedelta | None:
        """None if the client may ask now; otherwise how long it has to wait."""
        name, now = hashlib.sha256(client.encode()).digest()[:16], self._monotonic()
        with self._lock:
            left, since = self._buckets.pop(name, (float(self._burst), now))
            left = min(self._burst, left + (now - since) * self._per_second)
            wait = None if left >= 1 else timedelta(seconds=(1 - left) / self._per_second)
            self._buckets[name] = (left - 1 if wait is None else left, now)
            while len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        return wait


class Lookup:
    """Answers look-ups from a register; safe to use from several threads."""

    def __init__(
        self,
        registry: Registry,
        *,
        now: Callable[[], datetime],
        limiter: RateLimiter,
        redeemer: Redeemer,
        hidden: Callable[[PublicEntry], bool] = lambda _entry: False,
    ) -> None:
        """`redeemer` uses codes up: a register does, where nobody else answers from it.

        `hidden` says which results are not to be found by their id, for instance those of sensitive profiles.
        """
        self._registry = registry
        self._now = now
        self._limiter = limiter
        self._hidden = hidden
        self._redeemer = redeemer

    def admit(self, client: str) -> None:
        """Let `client` ask once.

        Raises:
            RegistryError: `lookup-too-often`.
        """
        wait = self._limiter.take(client)
        if wait is not None:
            raise RegistryError("lookup-too-often", seconds=-int(-wait.total_seconds() // 1))

    def by_id(self, typed: str, *, client: str) -> Found:
        """The result whose printed id was typed; O for 0, I for 1 and two swapped neighbours are forgiven.

        Raises:
            RegistryError: `lookup-too-often`.
            InputError: `result-id-invalid`: not sixteen such characters.
            NotRegistered: `lookup-not-found`: there is none, or none that is to be found.
        """
        self.admit(client)
        (found,) = self.by_ids([ResultId.parse(typed)])
        if found is None:
            raise NotRegistered("lookup-not-found")
        return found

    def by_ids(self, asked: Sequence[ResultId]) -> tuple[Found | None, ...]:
        """The same for many, which were admitted: as many queries for all of them as for one."""
        spellings = [candidates(str(id_)) for id_ in asked]
        entries = self._registry.lookups.issued({s for each in spellings for s in each}, at=self._now())
        return tuple(self._first(each, entries) for each in spellings)

    def by_presentation(self, digits: str, *, client: str) -> Found:
        """The result that a holder shows with a code that moves; the code is used up.

        Raises:
            RegistryError: `lookup-too-often`, `presentation-unknown`, `presentation-expired`, `presentation-used`.
        """
        self.admit(client)
        id_, now = self._redeemer.redeem(digits), self._now()
        entry = self._registry.lookups.issued([str(id_)], at=now).get(str(id_))
        if entry is None:  # a signature that is no result: it has no paper either
            raise RegistryError("presentation-unknown")
        return Found(entry=entry, presented_at=now)

    def _first(self, spellings: Sequence[str], entries: Mapping[str, PublicEntry]) -> Found | None:
        """The first spelling that may be found."""
        for spelling in spellings:
            entry = entries.get(spelling)
            if entry is not None and not self._hidden(entry):
                return Found(entry=entry, swapped=spelling is not spellings[0])
        return None


def candidates(printed: str) -> tuple[str, ...]:
    """The id itself, then those that differ from it by two neighbours that changed places, all as they are printed.

    The id has no check characters, and needs none: of 2^80 ids at most one in 10^15 is in use, so an id with two
    swapped neighbours that *is* in use is the one that was meant.
    """
    symbols = printed.replace("-", "")
    swapped = (
        symbols[:i] + symbols[i + 1] + symbols[i] + symbols[i + 2 :]
        for i in range(len(symbols) - 1)
        if symbols[i] != symbols[i + 1]
    )
    return (printed, *("-".join((s[:4], s[4:8], s[8:12], s[12:])) for s in swapped))
