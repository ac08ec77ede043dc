"""The spool: single things and groups of them, seen by this process and by the next."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from esign.errors import RegistryError
from esign.files import Folder
from esign.spool import Spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(Folder(tmp_path))


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_what_is_put_together_is_one_file(spool: Spool, tmp_path: Path) -> None:
    with spool.together():
        spool.put("a.pdf", b"A" * 1000)
        spool.put("b.pdf", b"")
        assert files(tmp_path) == []
    assert len(files(tmp_path)) == 1
    for seen in (spool, Spool(Folder(tmp_path))):
        assert (seen.get("a.pdf"), seen.get("b.pdf"), seen.get("c.pdf")) == (b"A" * 1000, b"", None)


def test_what_fails_inside_stores_nothing(spool: Spool, tmp_path: Path) -> None:
    def fail() -> None:
        with spool.together():
            spool.put("a", b"1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert files(tmp_path) == []
    spool.put("b", b"2")
    assert files(tmp_path) == ["b"]


@pytest.mark.parametrize("first_together", [True, False])
@pytest.mark.parametrize("then_together", [True, False])
def test_the_newest_counts(spool: Spool, tmp_path: Path, *, first_together: bool, then_together: bool) -> None:
    for value, together in ((b"old", first_together), (b"new", then_together)):
        if together:
            with spool.together():
                spool.put("a", value)
                spool.put("other", b"")
        else:
            spool.put("a", value)
    assert spool.get("a") == b"new"
    assert Spool(Folder(tmp_path)).get("a") == b"new"


@pytest.mark.parametrize("by_another", [True, False])
def test_a_group_goes_with_its_last_member(spool: Spool, tmp_path: Path, *, by_another: bool) -> None:
    with spool.together():
        for name in ("a", "b", "c"):
            spool.put(name, name.encode())
    seen = Spool(Folder(tmp_path)) if by_another else spool
    seen.discard("a", "b")
    assert len(files(tmp_path)) == 1
    assert (seen.get("a"), seen.get("c")) == (None, b"c")
    seen.discard("c", "never there")
    assert files(tmp_path) == []


def test_groups_of_others_are_found_while_both_work(spool: Spool, tmp_path: Path) -> None:
    other = Spool(Folder(tmp_path))
    assert other.get("a") is None
    with spool.together():
        spool.put("a", b"1")
    assert other.get("a") == b"1"
    spool.discard("a")
    assert other.get("a") is None
    assert other.groups() == {}


def test_a_damaged_group_is_said_to_be_one(spool: Spool, tmp_path: Path) -> None:
    with spool.together():
        spool.put("a", b"1")
    (name,) = files(tmp_path)
    (tmp_path / name).write_bytes(b"\0" * 20)
    with pytest.raises(RegistryError) as caught:
        Spool(Folder(tmp_path)).get("a")
    assert caught.value.code == "disk-not-readable"


def test_groups_tell_their_age_and_are_removed_whole(spool: Spool, tmp_path: Path) -> None:
    with spool.together():
        spool.put("a", b"1")
        spool.put("b", b"2")
    ((group, names),) = spool.groups().items()
    assert names == {"a", "b"}
    past = time.time() - 7200
    os.utime(tmp_path / group, (past, past))
    assert spool.age(group).total_seconds() == pytest.approx(7200, abs=60)
    spool.discard_group(group)
    assert files(tmp_path) == []
    assert spool.get("a") is None


class Watched(Folder):
    """What happens at inconvenient moments, once."""

    written: Callable[[], object] | None = None
    listed: Callable[[], object] | None = None

    def put(self, name: str, *parts: bytes) -> None:
        super().put(name, *parts)
        happens, self.written = self.written, None
        if happens:
            happens()

    def names(self) -> Iterator[str]:
        found = list(super().names())
        happens, self.listed = self.listed, None
        if happens:
            happens()
        yield from found


@pytest.mark.parametrize("moment", ["written", "listed"])
def test_somebody_looks_while_a_group_is_written(tmp_path: Path, moment: str) -> None:
    folder = Watched(tmp_path)
    spool = Spool(folder)

    def together() -> None:
        with spool.together():
            spool.put("a", b"1")
            spool.put("b", b"2")

    if moment == "written":  # and not learnt of
        folder.written = spool.groups
        together()
    else:
        folder.listed = together
        spool.groups()
    spool.discard("a")
    assert spool.get("b") == b"2", "a group lives as long as anything in it"
    spool.discard("b")
    assert files(tmp_path) == []


class Full(Folder):
    """A disk on which nothing has room any more, from some moment on."""

    is_full = False

    def put(self, name: str, *parts: bytes) -> None:
        if self.is_full:
            raise RegistryError("disk-not-writable", folder=self.path.name, problem="no room")
        super().put(name, *parts)


@pytest.mark.parametrize("first_together", [True, False])
def test_what_is_stored_stays_until_it_is_stored_again(tmp_path: Path, *, first_together: bool) -> None:
    folder = Full(tmp_path)
    spool = Spool(folder)

    def together() -> None:
        with spool.together():
            spool.put("a", b"1")

    if first_together:
        together()
    else:
        spool.put("a", b"1")
    folder.is_full = True
    with pytest.raises(RegistryError):
        together()
    for seen in (spool, Spool(Folder(tmp_path))):
        assert seen.get("a") == b"1"
    folder.is_full = False
    together()
    assert len(files(tmp_path)) == 1, "and is stored once"


def test_the_newest_counts_though_the_clock_is_set_back(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for now, value in ((2, b"old"), (1, b"new")):
        monkeypatch.setattr(time, "time_ns", lambda now=now: now * 10**18)
        with spool.together():
            spool.put("a", value)
            spool.put(f"beside {now}", b"")
    for seen in (spool, Spool(Folder(tmp_path))):
        assert seen.get("a") == b"new"
