"""The folder of anchors elsewhere cannot vanish: the register remembers one that lies there."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from esign.auditing import Anchoring, kept_anchor, refuse_lost, settle
from esign.errors import RegistryError
from esign.files import Folder
from esign.registry import Registry
from esign.softkey import SoftwareKey
from tests.unit.auditing.test_chain import KEY_PKI, NOW, RSA, key_of


@pytest.fixture(scope="module")
def key() -> SoftwareKey:
    return key_of(KEY_PKI)


@pytest.fixture
def registry(register_place: Path | str) -> Iterator[Registry]:
    with Registry.open(register_place, now=lambda: NOW) as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "elsewhere")


def anchoring(registry: Registry, key: SoftwareKey, folder: Folder | None) -> Anchoring:
    return Anchoring(registry.audit, key=key, mechanism=RSA, folder=folder, now=lambda: NOW)


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(RegistryError) as e:
        call()
    return e.value.code


def kept_entries(registry: Registry) -> list[str]:
    return [e.digest for e in registry.audit.all() if e.act == "audit.kept"]


def test_it_is_remembered_once(registry: Registry, key: SoftwareKey, folder: Folder) -> None:
    anchoring(registry, key, None).anchor()
    assert kept_anchor(registry.audit) is None
    refuse_lost(registry.audit, None)
    for n in range(3):
        registry.audit.record("audit.shown", object=str(n))
        anchoring(registry, key, folder).anchor()
        refuse_lost(registry.audit, folder)
    assert len(kept_entries(registry)) == 1
    assert len(list(folder.names())) == 8, "an anchor before there was a folder, and three with it"
    head = registry.audit.head()
    assert anchoring(registry, key, folder).anchor() is None
    assert registry.audit.head() == head, "nothing happened, so nothing is anchored"


def test_a_folder_that_is_gone_or_empty_or_another(
    registry: Registry, key: SoftwareKey, folder: Folder, tmp_path: Path
) -> None:
    anchoring(registry, key, folder).anchor()
    assert refused(lambda: refuse_lost(registry.audit, None)) == "audit-anchors-nowhere"
    assert refused(anchoring(registry, key, None).export) == "audit-anchors-nowhere"
    empty = Folder(tmp_path / "empty")
    empty.path.mkdir()
    for other in (empty, Folder(tmp_path / "nothing")):
        assert refused(lambda other=other: refuse_lost(registry.audit, other)) == "audit-anchors-gone"  # type: ignore[misc]
        assert refused(anchoring(registry, key, other).export) == "audit-anchors-gone"
    assert list(empty.names()) == [], "an empty mount point is not filled and so believed next time"
    moved = Folder(tmp_path / "elsewhere" / "moved")
    shutil.copytree(folder.path, moved.path)
    refuse_lost(registry.audit, moved)
    (name, *_) = moved.names()
    moved.put(name, b"something else")
    assert refused(lambda: refuse_lost(registry.audit, moved)) == "audit-anchors-gone"


def test_somebody_says_that_it_is_another_from_now_on(
    registry: Registry, key: SoftwareKey, folder: Folder, tmp_path: Path
) -> None:
    anchoring(registry, key, folder).anchor()
    other = Folder(tmp_path / "other")
    assert settle(registry.audit, other) == 1
    refuse_lost(registry.audit, other)
    registry.audit.record("audit.shown")
    anchoring(registry, key, other).anchor()
    assert settle(registry.audit, None) == 0
    refuse_lost(registry.audit, None)
    assert settle(registry.audit, None) == 0
    assert [bool(digest) for digest in kept_entries(registry)] == [True, True, False]
    anchoring(registry, key, other).export()
    assert refused(lambda: refuse_lost(registry.audit, None)) == "audit-anchors-nowhere", "and back again"


def test_anchors_of_a_chain_that_went_on_otherwise(
    registry: Registry, key: SoftwareKey, folder: Folder, tmp_path: Path
) -> None:
    """Two chains have the same numbers: neither is written over the other."""
    with Registry.open(tmp_path / "second.sqlite", now=lambda: NOW) as second:
        anchoring(second, key, folder).anchor()
    before = {name: folder.get(name) for name in folder.names()}
    assert refused(anchoring(registry, key, folder).anchor) == "audit-anchors-other"
    assert {name: folder.get(name) for name in folder.names()} == before
