"""Versions that were stored and never registered go after a day, and nothing else does."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from esign.archive import Archive, sha256
from esign.codes import ResultId
from esign.files import Folder
from esign.issued import Issued
from esign.profile import Level
from esign.recovery import check, sweep_orphans
from esign.registry import FileVersion, Registry
from tests.support.office import Office, request

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class Kept:
    """An office's archive; how old its files are is said by hand."""

    office: Office
    issued: Issued

    @property
    def archive(self) -> Folder:
        return Folder(self.office.folder / "archive")

    def store(self, added: bytes, *, age: timedelta) -> str:
        """A longer version, stored so long ago."""
        longer = self.issued.pdf + added
        Archive(self.archive).put_version(self.office.registry.get(self.issued.id), longer)
        name = f"{self.issued.id}.{sha256(longer)}.pdf"
        self.age(name, age)
        return name

    def age(self, name: str, age: timedelta) -> None:
        path = self.archive.path / name
        at = path.stat().st_mtime - age.total_seconds()
        os.utime(path, (at, at))

    def register(self, added: bytes) -> str:
        """A longer version that the register learns of now."""
        longer = self.issued.pdf + added
        name = self.store(added, age=timedelta(0))
        at = self.office.clock()
        version = FileVersion(sha256=sha256(longer), size=len(longer), level=Level.B_T, at=at)
        self.office.registry.upgraded(self.issued.id, version)
        return name

    def sweep(self) -> list[str]:
        return list(sweep_orphans(self.office.registry, self.archive, now=self.office.clock))


@pytest.fixture
def kept(tmp_path: Path, register_place: Path | str) -> Iterator[Kept]:
    office = Office.create(tmp_path / "office")
    office.registry.close()
    office.registry = Registry.open(register_place, now=office.clock)
    yield Kept(office, office.issuer().issue(request("k")))
    office.registry.close()


def test_what_the_register_went_on_without_goes(kept: Kept) -> None:
    orphan = kept.store(b"\n% half a time-stamp", age=2 * DAY)
    assert kept.sweep() == [], "the register has not gone on: perhaps it will learn of it"
    newest = kept.register(b"\n% a whole one")
    assert kept.sweep() == [orphan]
    assert kept.sweep() == []
    assert set(kept.archive.names()) == {f"{kept.issued.id}.pdf", newest}
    entry = kept.office.registry.audit.latest("archive.swept", object=str(kept.issued.id))
    assert entry is not None
    assert entry.digest in orphan
    found = check(kept.office.registry, archive=kept.archive, spool=Folder(kept.office.folder / "spool"))
    assert [f.reason.code for f in found] == []


def test_what_may_be_somebodys_stays(kept: Kept) -> None:
    """Whatever it is that speaks for it."""
    registry, id_ = kept.office.registry, kept.issued.id
    young = kept.store(b"\n% young", age=DAY - HOUR)
    told = kept.store(b"\n% told", age=2 * DAY)
    for n in range(3):
        registry.audit.record("request.document", object=id_, digest=f"{n:064}")
    registry.audit.record("version.added", object=id_, digest=told.split(".")[1])
    other = kept.store(b"\n% changed", age=timedelta(0))
    (kept.archive.path / other).write_bytes(b"not what its name says")
    kept.age(other, 2 * DAY)
    unknown = f"{ResultId.random()}.{'0' * 64}.pdf"
    kept.archive.put(unknown, b"of a result that this register does not know")
    kept.age(unknown, 2 * DAY)
    strange = "notes.pdf"
    kept.archive.put(strange, b"")
    kept.age(strange, 2 * DAY)
    registered = kept.register(b"\n% registered, and then longer still than anything else")
    kept.age(registered, 2 * DAY)
    kept.age(f"{id_}.pdf", 2 * DAY)
    before = set(kept.archive.names())
    assert {young, told, other, unknown, strange, registered} < before
    assert kept.sweep() == []
    later = kept.store(b"\n% stored after that one", age=timedelta(0))
    kept.age(later, DAY + HOUR)
    kept.office.clock.advance(3 * DAY)  # and not before
    assert kept.sweep() == []
    assert set(kept.archive.names()) == before | {later}


def test_nothing_goes_where_the_known_version_is_missing_or_somebody_is_at_work(kept: Kept) -> None:
    orphan = kept.store(b"\n% orphan", age=2 * DAY)
    newest = kept.register(b"\n% a whole one")
    with kept.office.registry.claim(kept.issued.id):
        assert kept.sweep() == []
    (kept.archive.path / newest).rename(kept.archive.path / "aside")
    assert kept.sweep() == []
    (kept.archive.path / "aside").rename(kept.archive.path / newest)
    assert kept.sweep() == [orphan]


def test_what_a_recovered_register_may_have_known_stays(kept: Kept) -> None:
    """Somebody may have been given it; but what the newest version begins with is not lost."""
    branch = kept.store(b"\n% another branch", age=2 * DAY)
    prefix = kept.store(b"\n% first", age=2 * DAY)
    kept.office.registry.recovery.close()
    kept.register(b"\n% first\n% second")
    assert kept.sweep() == [prefix]
    assert branch in set(kept.archive.names())
