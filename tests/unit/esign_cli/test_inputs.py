"""Files, folders and pipes are found, named and read; what is endless is given up."""

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from esign.errors import InputError
from esign_cli import inputs as module
from esign_cli.inputs import Input, inputs


def test_a_folder_gives_its_pdfs_and_outputs_keep_its_shape(tmp_path: Path) -> None:
    (tmp_path / "in/sub").mkdir(parents=True)
    for name in ("in/b.pdf", "in/a.PDF", "in/sub/c.pdf", "in/note.txt", "in/no-ending"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "in/folder.pdf").mkdir()
    found = inputs([tmp_path / "in"])
    assert [str(i.name) for i in found] == ["a", "b", "sub/c"]
    assert found[2].output(tmp_path / "out", ".report.xml") == tmp_path / "out/sub/c.report.xml"
    (other,) = inputs([tmp_path / "ho-so.2026"])
    assert other.output(tmp_path, ".x").name == "ho-so.2026.x"


def test_outputs_never_take_each_others_place(tmp_path: Path) -> None:
    for name in ("one/a.pdf", "two/a.pdf", "two/A.PDF", "two/a-2.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = inputs([tmp_path / "one/a.pdf", tmp_path / "two"])
    names = [str(i.name).casefold() for i in found]
    assert len(set(names)) == len(found) == 4


def test_a_file_that_is_named_twice_is_verified_once(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"x")
    assert len(inputs([tmp_path / "a.pdf", tmp_path, tmp_path / "a.pdf"])) == 1


def test_what_is_not_there_is_told_when_it_is_read(tmp_path: Path) -> None:
    (found,) = inputs([tmp_path / "missing.pdf"])
    with pytest.raises(InputError) as caught:
        found.read()
    assert caught.value.code == "file-unreadable"


@pytest.mark.skipif(shutil.which("mkfifo") is None, reason="no named pipes in the file system")
def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    subprocess.run(["mkfifo", pipe], check=True)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"%PDF-1.7"))
    writer.start()
    (found,) = inputs([pipe])
    assert found.read() == b"%PDF-1.7"
    writer.join()


def test_an_endless_file_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = Path(os.devnull).with_name("zero")
    if not endless.exists():
        pytest.skip("no endless file here")
    monkeypatch.setattr(module, "_MOST_BYTES", 1 << 20)
    with pytest.raises(InputError) as caught:
        Input(endless, Path("zero")).read()
    assert caught.value.code == "file-too-large"
