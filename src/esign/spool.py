"""What is being made, between two steps: one file for each thing, or one file for a whole group of them.

A result in the making leaves half a dozen files, each of which must be on the disk before the register speaks of it.
Where many are made at a time, the files of one step become one, with one sync; it goes when nothing in it is needed
any more (docs/adr/0030-line.md).

    <20 hexadecimal digits of time>-<8 of chance>.group
        the length of the index, 8 bytes, big endian
        the index: a JSON object, name → [offset, size] behind the index
        the contents, one behind the other

>>> with spool.together():
...     spool.put("a.json", b"…")
...     spool.put("b.json", b"…")
"""

import json
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from esign.errors import RegistryError
from esign.files import Files

__all__ = ["Spool"]

_GROUP = ".group"


class Spool:
    """Named byte strings in a folder; safe to use from several threads and processes.

    Of two things with one name the newest counts. A group that a process did not write itself is found by looking.
    """

    def __init__(self, folder: Files) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._groups: dict[str, set[str]] = {}
        """What is still needed of each group."""
        self._holders: dict[str, str] = {}
        """The newest group that holds a thing."""
        self._open = _Open()
        self._has_looked = False

    def put(self, name: str, data: bytes) -> None:
        """Store durably; inside `together`, when that is left."""
        if self._open.group is not None:
            self._open.group[name] = data
            return
        self._folder.put(name, data)
        self._forget_in_groups(name)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make all that this thread puts inside one file, stored when the block is left; nothing, if it fails."""
        found: dict[str, bytes] = {}
        self._open.group = found
        try:
            yield
        finally:
            self._open.group = None
        if found:
            self._put_group(found)

    def get(self, name: str) -> bytes | None:
        """What was stored, or None.

        Raises:
            RegistryError: `disk-not-readable`.
        """
        found = self._folder.get(name)
        return found if found is not None else self._from_group(name)

    def discard(self, *names: str) -> None:
        """Remove things; nothing happens where there are none."""
        if not self._has_looked:
            self._look()  # at what a process before left; what others write later is theirs to remove
        for name in names:
            if not self._forget_in_groups(name):
                self._folder.discard(name)

    def age(self, name: str) -> timedelta:
        """How long ago a thing was stored by itself, or a group, by the file system's clock."""
        return self._folder.age(name)

    def names(self) -> Iterator[str]:
        """What is stored by itself, and the names of groups."""
        return self._folder.names()

    def groups(self) -> Mapping[str, frozenset[str]]:
        """What is in each group that is stored, whoever wrote it."""
        self._look()
        with self._lock:
            return {group: frozenset(names) for group, names in self._groups.items()}

    def discard_group(self, group: str) -> None:
        """Remove a group with all that is in it."""
        with self._lock:
            self._lose(group)
        self._folder.discard(group)

    def sweep_parts(self) -> None:
        """Remove what killed writers left."""
        self._folder.sweep_parts()

    def _put_group(self, contents: Mapping[str, bytes]) -> None:
        """Store a group; until that is done, what counted before it stays, for somebody may go on from that."""
        singles = contents.keys() & set(self._folder.names())
        same = {name for name in singles if self._folder.get(name) == contents[name]}
        for name in singles - same:
            self._folder.discard(name)  # what an attempt before left alone would count as newer
        with self._lock:
            before = {self._holders[name] for name in contents.keys() & self._holders.keys()}
        index: dict[str, tuple[int, int]] = {}
        position = 0
        for name, data in contents.items():
            index[name] = (position, len(data))
            position += len(data)
        head = json.dumps(index, separators=(",", ":")).encode()
        group = _newer_than(before)
        self._folder.put(group, len(head).to_bytes(8, "big"), head, *contents.values())
        with self._lock:
            self._hold(group, index)
            emptied = [each for each in before if self._groups.get(each) == set()]
            for each in emptied:
                del self._groups[each]
        for each in (*same, *emptied):
            self._folder.discard(each)

    def _hold(self, group: str, names: Iterable[str]) -> None:
        """Learn of a group, once; what a newer one holds as well is not needed of it."""
        if group in self._groups:
            return  # somebody looked between its writing and this
        needed = {name for name in names if self._holders.get(name, "") < group}
        for name in needed & self._holders.keys():
            self._groups[self._holders[name]].discard(name)
        self._groups[group] = needed
        self._holders |= dict.fromkeys(needed, group)

    def _lose(self, group: str) -> None:
        for name in self._groups.pop(group, ()):
            del self._holders[name]

    def _forget_in_groups(self, name: str) -> bool:
        """Whether a group held it; a group that holds nothing any more is removed."""
        with self._lock:
            group = self._holders.pop(name, None)
            if group is None:
                return False
            needed = self._groups[group]
            needed.discard(name)
            if not needed:
                del self._groups[group]
        if not needed:
            self._folder.discard(group)
        return True

    def _from_group(self, name: str) -> bytes | None:
        group = self._holder(name)
        if group is None:
            self._look()
            group = self._holder(name)
        if group is None:
            return None
        whole = self._folder.get(group)
        if whole is None:
            return None
        size, index = _index(whole, group)
        start, length = index[name]
        return whole[size + start : size + start + length]

    def _holder(self, name: str) -> str | None:
        with self._lock:
            return self._holders.get(name)

    def _look(self) -> None:
        """Learn of groups that others wrote, and of those that others removed."""
        self._has_looked = True
        with self._lock:
            known = set(self._groups)  # what is written from here on may be missing below, and is not gone
        stored = {name for name in self._folder.names() if name.endswith(_GROUP)}
        with self._lock:
            for gone in known - stored:
                self._lose(gone)
            unknown = sorted(stored - self._groups.keys())
        for group in unknown:
            whole = self._folder.get(group)
            if whole is not None:
                names = _index(whole, group)[1]
                with self._lock:
                    self._hold(group, names)


def _newer_than(groups: Iterable[str]) -> str:
    """The name of a group that is written now, and counts before `groups` even where the clock was set back."""
    at = max([time.time_ns(), *(int(group.partition("-")[0], 16) + 1 for group in groups)])
    return f"{at:020x}-{secrets.token_hex(4)}{_GROUP}"


def _index(whole: bytes, group: str) -> tuple[int, dict[str, tuple[int, int]]]:
    """Where the contents begin, and the index."""
    size = 8 + int.from_bytes(whole[:8], "big")
    try:
        return size, {name: (place[0], place[1]) for name, place in json.loads(whole[8:size]).items()}
    except (ValueError, AttributeError, TypeError, IndexError) as e:
        raise RegistryError("disk-not-readable", folder=group, problem=type(e).__name__) from e


class _Open(threading.local):
    """The group that this thread is putting together."""

    group: dict[str, bytes] | None = None
