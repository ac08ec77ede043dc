"""Answers that may be given again: revocation lists and statuses until their nextUpdate, issuers for a day.

In memory, and in a folder where there is one, so that a command that runs for a second profits from the last one.
Who can write to the folder can make us blind, but lie to us no more than a network could: every answer is signed, and
is checked by its reader each time.
"""

import hashlib
import json
import os
import secrets
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

__all__ = ["Cache", "Kept"]

_MEMORY = 64 * 1024 * 1024
_FOLDER = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An answer with its times."""

    body: bytes = field(repr=False)
    """As it came."""
    fetched_at: datetime
    """When it came."""
    until: datetime
    """When it ends."""


class Cache:
    """Bounded; the longest unused goes first. Safe for threads; processes may share the folder."""

    def __init__(self, folder: Path | None = None, *, memory: int = _MEMORY, most_on_disk: int = _FOLDER) -> None:
        self._folder = folder
        self._memory = memory
        self._most_on_disk = most_on_disk
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._lock = threading.Lock()

    @staticmethod
    def key(*parts: str | bytes) -> str:
        """One name for a request: also a file's."""
        digest = hashlib.sha256()
        for part in parts:
            raw = part.encode() if isinstance(part, str) else part
            digest.update(len(raw).to_bytes(8, "big") + raw)
        return digest.hexdigest()

    def get(self, key: str, *, now: datetime) -> Kept | None:
        """What was kept and has not ended."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
        if found is None and (found := self._read(key)) is not None:
            self._remember(key, found)
        # A clock that was set back would let an answer live on: one from the future is none.
        return found if found is not None and found.fetched_at <= now < found.until else None

    def put(self, key: str, kept: Kept) -> None:
        """Keep it; a disk that is full or read-only is no reason to fail."""
        self._remember(key, kept)
        if self._folder is not None:
            with suppress(OSError):
                self._write(self._folder, key, kept)

    def forget(self, key: str) -> None:
        """It was wrong."""
        with self._lock:
            self._kept.pop(key, None)
        if self._folder is not None:
            with suppress(OSError):
                (self._folder / key).unlink(missing_ok=True)

    def _remember(self, key: str, kept: Kept) -> None:
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while self._kept and sum(len(k.body) for k in self._kept.values()) > self._memory:
                self._kept.popitem(last=False)

    def _read(self, key: str) -> Kept | None:
        """A line of times, then the body; whatever else stands there was never written by us."""
        if self._folder is None:
            return None
        try:
            head, _, body = (self._folder / key).read_bytes().partition(b"\n")
            times = json.loads(head)
            if times["sha256"] != hashlib.sha256(body).hexdigest():
                return None
            fetched, until = (datetime.fromisoformat(times[name]) for name in ("fetched_at", "until"))
            if fetched.tzinfo is None or until.tzinfo is None:
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return Kept(body=body, fetched_at=fetched, until=until)

    def _write(self, folder: Path, key: str, kept: Kept) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        times = {
            "fetched_at": kept.fetched_at.isoformat(),
            "until": kept.until.isoformat(),
            "sha256": hashlib.sha256(kept.body).hexdigest(),
        }
        aside = folder / f".{key}.{secrets.token_hex(4)}.part"
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(json.dumps(times).encode() + b"\n")
                file.write(kept.body)
            aside.replace(folder / key)
        finally:
            aside.unlink(missing_ok=True)
        self._sweep(folder)

    def _sweep(self, folder: Path) -> None:
        files = sorted((p.stat().st_mtime, p.stat().st_size, p) for p in folder.iterdir() if p.is_file())
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= self._most_on_disk:
                break
            path.unlink(missing_ok=True)
            total -= size
