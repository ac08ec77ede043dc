"""The independent checker sees what it is there to see: each fault is made by hand in a register that was sound."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from esign.issued import Issued
from tests.support.checker import Checked, Told, check, unfinished
from tests.support.office import Office, request


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Told, ...]]:
    """Three results, and what a portal was told of them."""
    office = Office.create(tmp_path_factory.mktemp("sound") / "office", kind="p256")
    issuer = office.issuer()
    told = tuple(_told(f"k{n}", issuer.issue(request(f"k{n}"))) for n in range(3))
    _sign(office.folder)
    office.registry.close()
    return office.folder, told


@pytest.fixture
def folder(sound: tuple[Path, tuple[Told, ...]], tmp_path: Path) -> Path:
    """A copy that may be broken: nothing guards its rows any more."""
    made = shutil.copytree(sound[0], tmp_path / "office")
    with closing(sqlite3.connect(made / "register.sqlite")) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("CREATE TABLE unguarded AS SELECT * FROM intent")
        connection.execute("DROP TABLE intent")
        connection.execute("ALTER TABLE unguarded RENAME TO intent")
        connection.commit()
    return made


def _told(key: str, issued: Issued) -> Told:
    return Told(key=key, id=str(issued.id), number=str(issued.number), sha256=issued.sha256)


def _sign(folder: Path) -> None:
    """What a token would have been asked for."""
    with closing(sqlite3.connect(folder / "register.sqlite")) as connection:
        digests = [d for (d,) in connection.execute("SELECT to_be_signed_sha256 FROM intent")]
    (folder / "signatures").write_text("".join(f"1 aa {d}\n" for d in digests), "ascii")


def checked(folder: Path, told: tuple[Told, ...], **changes: int) -> Checked:
    signatures = folder / "signatures"
    return check(str(folder / "register.sqlite"), folder / "archive", told=told, signatures=signatures, **changes)


def change(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "register.sqlite")) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        assert connection.execute(statement).rowcount == 1
        connection.commit()


def test_what_is_sound(sound: tuple[Path, tuple[Told, ...]], folder: Path) -> None:
    found = checked(folder, sound[1], expected=3)
    assert found.failures == []
    assert (found.figures["issued"], found.figures["files"], found.figures["signatures of documents"]) == (3, 3, 3)
    assert unfinished(str(folder / "register.sqlite")) == set()


def _first_file(folder: Path) -> Path:
    return min((folder / "archive").rglob("*.pdf"))


def _lose_file(folder: Path) -> None:
    _first_file(folder).unlink()


def _alter_file(folder: Path) -> None:
    path = _first_file(folder)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"/Type", b"/Typo", 1))


def _stray_file(folder: Path) -> None:
    (folder / "archive" / "0000.pdf").write_bytes(b"%PDF-1.7")


def _forget_signature(folder: Path) -> None:
    lines = (folder / "signatures").read_text("ascii").splitlines(keepends=True)
    (folder / "signatures").write_text("".join(lines[1:]), "ascii")


def _sign_unrecorded(folder: Path) -> None:
    with (folder / "signatures").open("a") as file:
        file.write(f"1 aa {'11' * 32}\n")


ROW = "(SELECT max(sequence) FROM intent)"
FAULTS: dict[str, tuple[Callable[[Path], None] | str, str]] = {
    "a file is lost": (_lose_file, "files lost"),
    "a file is altered": (_alter_file, "files that nobody registered"),
    "a file that nobody registered": (_stray_file, "files that nobody registered"),
    "a number is used twice": (f"UPDATE intent SET number = 1 WHERE sequence = {ROW}", "numbers twice"),
    "a number is left out": (f"UPDATE intent SET number = 9 WHERE sequence = {ROW}", "numbers left out"),
    "an issued row is gone": (
        f"DELETE FROM issued WHERE id = (SELECT id FROM intent WHERE sequence = {ROW})",
        "answers lost",
    ),
    "a row says another file": (
        f"UPDATE intent SET signed_sha256 = '{'0' * 64}' WHERE sequence = {ROW}",
        "registered other than signed",
    ),
    "an entry of the audit is edited": ("UPDATE audit SET actor = 'nobody' WHERE sequence = 3", "do not follow"),
    "an entry of the audit is gone": ("DELETE FROM audit WHERE sequence = 5", "do not follow"),
    "the issue is not in the audit": (
        "DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit WHERE act = 'intent.issued')",
        "unaudited",
    ),
    "the token signed what nobody recorded": (_sign_unrecorded, "signatures that nobody recorded before"),
    "the token never signed it": (_forget_signature, "issued, and never signed"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_seen(sound: tuple[Path, tuple[Told, ...]], folder: Path, what: str) -> None:
    fault, named = FAULTS[what]
    change(folder, fault) if isinstance(fault, str) else fault(folder)
    failures = checked(folder, sound[1]).failures
    assert any(named in failure for failure in failures), failures


def test_answers_that_are_not_so(sound: tuple[Path, tuple[Told, ...]], folder: Path) -> None:
    told = sound[1]
    for wrong, named in (
        (replace(told[0], sha256="0" * 64), "answers lost"),
        (replace(told[0], number="77/QĐ-UBND"), "answers with another number"),
        (replace(told[0], key="another"), "results that answer two keys"),
        (replace(told[1], key=told[0].key), "keys with two answers"),
    ):
        assert asdict(wrong)
        failures = checked(folder, (*told, wrong)).failures
        assert any(named in failure for failure in failures), failures
    assert checked(folder, told, expected=4).failures


def test_what_is_not_finished(folder: Path) -> None:
    change(folder, f"UPDATE intent SET state = 'signed' WHERE sequence = {ROW}")
    assert len(unfinished(str(folder / "register.sqlite"))) == 1
