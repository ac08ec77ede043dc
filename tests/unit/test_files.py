"""Folders: whole files or none, no litter, and typed errors."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from esign.errors import RegistryError
from esign.files import Folder

_KILLED = """
import os, sys
from pathlib import Path
from esign.files import Folder
os.fsync = lambda descriptor: os.kill(os.getpid(), 9)
Folder(Path(sys.argv[1])).put("a", b"half")
"""


def parts(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir() if p.name.endswith(".part")]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_what_a_killed_process_left_is_swept_when_nobody_can_be_writing_it(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -9
    (left,) = parts(tmp_path)
    folder = Folder(tmp_path)
    folder.put("b", b"whole")
    assert list(folder.names()) == ["b"]
    assert folder.sweep_parts() == 0
    assert parts(tmp_path) == [left]
    before = time.time() - 2 * 3600
    os.utime(tmp_path / left, (before, before))
    assert folder.sweep_parts() == 1
    assert parts(tmp_path) == []
    assert folder.get("b") == b"whole"


def test_only_parts_are_swept(tmp_path: Path) -> None:
    for name in (".keep", "x.part", ".a.0123.part"):
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (0, 0))
    assert Folder(tmp_path).sweep_parts() == 0
    assert Folder(tmp_path).sweep_parts(older_than=timedelta(0)) == 0


def test_a_folder_that_was_not_made_yet_is_empty(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "later")
    assert list(folder.names()) == []
    assert folder.sweep_parts() == 0
    assert folder.age("x") == timedelta(0)
    folder.discard("x")


def test_what_the_system_refuses_is_typed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    no_folder, folder = Folder(tmp_path / "file"), Folder(tmp_path / "folder")
    for action, code in (
        (lambda: list(no_folder.names()), "disk-not-readable"),
        (no_folder.sweep_parts, "disk-not-readable"),
        (lambda: no_folder.age("a"), "disk-not-readable"),
        (lambda: folder.get("inner"), "disk-not-readable"),
        (lambda: no_folder.discard("a"), "disk-not-writable"),
        (lambda: folder.discard("inner"), "disk-not-writable"),
    ):
        with pytest.raises(RegistryError) as refused:
            action()
        assert refused.value.code == code
