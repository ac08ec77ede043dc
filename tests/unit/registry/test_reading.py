"""A register that can only be read: on a medium without writing, beside a writer, and never with less than it knows."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from esign.errors import RegistryError
from esign.registry import Registry
from tests.support.office import Clock, Office, request
from tests.unit.registry.making import file_of

READ = """
import os, sys
from pathlib import Path
from tests.support.office import Clock
from tests.unit.registry.making import file_of
from esign.registry import Registry
with Registry.open_to_read(Path(sys.argv[3]), now=Clock()) as registry:
    registry.by_sha256(sys.argv[2])  # everything is imported that another user may not be able to import
os.setgid(65534)
os.setuid(65534)
with Registry.open_to_read(Path(sys.argv[1]), now=Clock()) as registry:
    print(registry.by_sha256(sys.argv[2]).state.value)
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office.create(tmp_path_factory.mktemp("reading") / "office")


def test_it_reads_beside_a_writer_and_sees_what_is_committed(office: Office) -> None:
    issued = office.issuer().issue(request("beside"))
    with Registry.open_to_read(file_of(office.registry), now=Clock()) as registry:
        intent = registry.by_sha256(issued.sha256)
        assert intent is not None
        assert intent.id == issued.id
        later = office.issuer().issue(request("later", dossier="H26.18.01-261120-0002"))
        assert registry.by_sha256(later.sha256) is not None
        with pytest.raises(RegistryError) as caught:
            registry.open_book(office.agency.code, year=2026, symbol="GP-UBND", first=7)
        assert caught.value.code == "registry-not-writable"


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() != 0, reason="needs another user to become")
def test_it_reads_where_nothing_can_be_written(office: Office, tmp_path: Path) -> None:
    issued = office.issuer().issue(request("medium", dossier="H26.18.01-261120-0003"))
    copy = _on_a_medium(office, tmp_path, with_journal=False)
    done = _as_nobody(copy, issued.sha256, office)
    assert done.stdout.strip() == "issued", done.stderr
    assert sorted(p.name for p in copy.parent.iterdir()) == [copy.name]


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() != 0, reason="needs another user to become")
def test_it_does_not_read_past_a_journal_that_it_cannot_apply(office: Office, tmp_path: Path) -> None:
    issued = office.issuer().issue(request("journal", dossier="H26.18.01-261120-0004"))
    copy = _on_a_medium(office, tmp_path, with_journal=True)
    done = _as_nobody(copy, issued.sha256, office)
    assert done.returncode != 0
    assert "RegistryError" in done.stderr


def _on_a_medium(office: Office, folder: Path, *, with_journal: bool) -> Path:
    """A copy of the register in a folder that others can only read."""
    place = folder / "medium"
    place.mkdir()
    copy = place / "register.sqlite"
    if with_journal:
        log = file_of(office.registry).with_name(f"{file_of(office.registry).name}-wal")
        assert log.stat().st_size
        shutil.copy(file_of(office.registry), copy)
        shutil.copy(log, place / log.name)
    else:
        import sqlite3

        with sqlite3.connect(file_of(office.registry)) as source, sqlite3.connect(copy) as target:
            source.backup(target)
        target.close()
        source.close()
        for name in ("-wal", "-shm"):
            (place / f"{copy.name}{name}").unlink(missing_ok=True)
    for path in place.iterdir():
        path.chmod(0o444)
    place.chmod(0o555)
    made_by_pytest = next((n for n, p in enumerate(folder.parents) if p.name.startswith("pytest-of-")), -1)
    for parent in (folder, *folder.parents[: made_by_pytest + 1]):
        parent.chmod(0o755)
    return copy


def _as_nobody(path: Path, sha256: str, office: Office) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", READ, path, sha256, file_of(office.registry)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_not_there_or_not_ready_is_said(tmp_path: Path) -> None:
    with pytest.raises(RegistryError) as caught:
        Registry.open_to_read(tmp_path / "none.sqlite", now=Clock())
    assert caught.value.code == "registry-not-writable"
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    with pytest.raises(RegistryError) as caught:
        Registry.open_to_read(empty, now=Clock())
    assert caught.value.code == "registry-older"
