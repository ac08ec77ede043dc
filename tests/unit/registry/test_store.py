"""The file under the register: made, migrated, refused, full, read-only."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from esign.errors import RegistryError
from esign.profile import Numbering
from esign.registry import IntentState, Registry, filesystem, schema, sqlite_file
from esign.registry.sqlite import SQLiteStore
from esign.registry.tables import METADATA
from tests.unit.registry.making import START, Clock, approve, copy_of, file_of, finish, issue, new_intent
from tests.vectors.registry.make import read


@pytest.fixture
def registry(in_file: Registry) -> Registry:
    return in_file


ROOT = Path(__file__).parents[3]
MIGRATIONS = ROOT / "src/esign/registry/migrations"


def dump(path: Path) -> list[str]:
    raw = sqlite3.connect(path)
    try:
        return list(raw.iterdump())
    finally:
        raw.close()


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [schema.HEAD]


def test_models_and_migrations_agree(template: Path) -> None:
    store = SQLiteStore(template)
    with store.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    store.close()


def test_what_alembic_does_not_compare_agrees_too(template: Path, tmp_path: Path) -> None:
    # CHECK constraints, WITHOUT ROWID, AUTOINCREMENT and partial indexes are not part of compare_metadata.
    made = SQLiteStore(tmp_path / "made.sqlite")
    with made.connect(writing=True) as connection, connection.begin():
        METADATA.create_all(connection)
    made.close()

    def statements(path: Path) -> dict[str, object]:
        raw = sqlite3.connect(path)
        rows = raw.execute(
            "SELECT name, sql FROM sqlite_master"
            " WHERE type IN ('table', 'index') AND sql IS NOT NULL AND name <> 'alembic_version'"
        ).fetchall()
        # A column that was added later has its foreign key in its own line, so these are read, not compared as text.
        foreign = {name: sorted(k[2:] for k in raw.execute(f"PRAGMA foreign_key_list({name})")) for name, _ in rows}
        raw.close()
        return {name: (parts(sql), foreign[name]) for name, sql in rows}

    assert statements(made.path) == statements(template)


def parts(sql: str) -> list[str]:
    """What a CREATE statement says, but for the order and the foreign keys."""
    inside, depth = [""], 0
    for c in " ".join(sql.split()):
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 1:
            inside.append("")
        else:
            inside[-1] += c
    without = (re.sub(r"CONSTRAINT fk_\w+ |(FOREIGN KEY ?\(\w+\) )?REFERENCES \w+ \(\w+\)", "", p) for p in inside)
    return sorted(filter(None, (p.strip() for p in without)))


def test_connections_are_set_to_be_safe(template: Path) -> None:
    store = SQLiteStore(template)
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 60_000,
        "recursive_triggers": 1,
        "application_id": sqlite_file.APPLICATION_ID,
    }
    with store.connect() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted}
    store.close()
    assert found == wanted


def test_a_write_holds_the_lock_from_its_beginning(registry: Registry) -> None:
    store = SQLiteStore(file_of(registry))
    with store.write():
        raw = sqlite3.connect(file_of(registry), timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            raw.execute("BEGIN IMMEDIATE")
        raw.close()
    store.close()


def test_opening_again_changes_nothing(registry: Registry) -> None:
    issue(registry)
    registry.close()
    before = dump(file_of(registry))
    with Registry.open(file_of(registry), now=Clock()) as again:
        again.check()
    assert dump(file_of(registry)) == before


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Migrations of a later release, which opens the register of this one."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    revision = folder / "versions" / "9999_later.py"
    revision.write_text(
        textwrap.dedent(
            f"""
            import sqlalchemy as sa
            from alembic import op
            revision, down_revision, branch_labels, depends_on = "9999", "{schema.HEAD}", None, None
            def upgrade():
                op.add_column("number_book", sa.Column("note", sa.Text(), nullable=False, server_default="new"))
            """
        )
    )
    monkeypatch.setattr(schema, "HEAD", "9999")
    monkeypatch.setattr(schema, "_migrations", lambda: folder)
    yield revision
    # Alembic imports revisions by path; the next test must not find this one's bytecode.
    monkeypatch.undo()


def test_a_filled_register_is_upgraded(registry: Registry, next_release: Path) -> None:
    intent = issue(registry)
    registry.close()
    with Registry.open(file_of(registry), now=Clock()) as upgraded:
        assert upgraded.get(intent.id) == intent
        upgraded.check()
    raw = sqlite3.connect(file_of(registry))
    assert raw.execute("SELECT last, note FROM number_book").fetchall() == [(1, "new")]
    raw.close()


VECTORS = ROOT / "tests/vectors/registry"


def triggers(path: Path) -> set[tuple[str, str]]:
    raw = sqlite3.connect(path)
    found = set(raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    raw.close()
    return found


def older_register(revision: str, path: Path) -> Path:
    """A register as an older release left it (tests/vectors/registry/make.py)."""
    raw = sqlite3.connect(path)
    raw.executescript((VECTORS / f"{revision}.sql").read_text("utf-8"))
    raw.execute(f"PRAGMA application_id = {sqlite_file.APPLICATION_ID}")
    raw.close()
    return path


@pytest.mark.parametrize("revision", sorted(v.stem for v in VECTORS.glob("*.sql")))
def test_what_an_older_release_wrote_is_all_there(revision: str, template: Path, tmp_path: Path) -> None:
    path = older_register(revision, tmp_path / "register.sqlite")
    before = json.loads((VECTORS / f"{revision}.json").read_text("utf-8"))
    with Registry.open(path, now=Clock(START + timedelta(days=3))) as upgraded:
        upgraded.check()
        assert differences(before, read(upgraded)) == []
        # A register of an older release works on: its books count on, what was left is gone on with.
        (last,) = (i for i in upgraded.unfinished() if i.idempotency_key == "last")
        assert finish(upgraded, last).registration is not None
        number = upgraded.reserve(new_intent()).number
        assert number is not None
        assert number.number == before["book"]["last"] + 1
        late = upgraded.reserve(new_intent(number=None, numbering=Numbering.AT_RELEASE, person=True))
        assert approve(upgraded, late).state is IntentState.APPROVED
        upgraded.check()
    assert triggers(path) == triggers(template)


def differences(before: object, now: object, where: str = "") -> list[str]:
    """Where `now` does not say what `before` said; new keys are no difference, new or lost entries are."""
    match before, now:
        case dict(), dict():
            return [d for k, b in before.items() for d in differences(b, now.get(k, "nothing"), f"{where}.{k}")]
        case list(), list() if len(before) == len(now):
            pairs = enumerate(zip(before, now, strict=True))
            return [d for n, (b, a) in pairs for d in differences(b, a, f"{where}[{n}]")]
        case str(), {"code": str(code)} if code.endswith(f"-is-{before}"):
            return []  # a word among the facts that people read now in their language
    return [] if before == now else [f"{where}: {before!r} became {now!r}"]


def test_a_difference_would_be_seen() -> None:
    assert differences({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2, "c": 3}], "d": 4}) == []
    assert len(differences({"a": [1, {"b": 2}], "e": 1}, {"a": [1, {"b": 3}]})) == 2
    assert len(differences([1, 2], [1])) == len(differences([1], [1, 2])) == 1


def test_an_upgrade_that_fails_leaves_the_register_as_it_was(registry: Registry, next_release: Path) -> None:
    issue(registry)
    registry.close()
    before = dump(file_of(registry))
    next_release.write_text(next_release.read_text() + "    op.execute('SELECT * FROM nowhere')\n")
    with pytest.raises(RegistryError):
        Registry.open(file_of(registry), now=Clock())
    assert dump(file_of(registry)) == before


def test_a_newer_register_is_refused(registry: Registry) -> None:
    registry.close()
    with sqlite3.connect(file_of(registry)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0999'")
    raw.close()
    before = dump(file_of(registry))
    with pytest.raises(RegistryError) as e:
        Registry.open(file_of(registry), now=Clock())
    assert e.value.code == "registry-newer"
    assert e.value.reason.facts["found"] == "0999"
    assert dump(file_of(registry)) == before


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "firefox.sqlite"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE moz_places (url)")
    raw.close()
    before = path.read_bytes()
    with pytest.raises(RegistryError) as e:
        Registry.open(path, now=Clock())
    assert e.value.code == "registry-foreign"
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "register.sqlite"
    path.write_bytes(b"%PDF-1.7\n" * 100)
    with pytest.raises(RegistryError) as e:
        Registry.open(path, now=Clock())
    assert e.value.code == "registry-damaged"
    assert path.read_bytes() == b"%PDF-1.7\n" * 100


def test_damage_is_a_typed_error(registry: Registry) -> None:
    for _ in range(30):
        registry.reserve(new_intent())
    registry.close()
    data = bytearray(file_of(registry).read_bytes())
    # Every page but the first, which says that this is SQLite and what the tables are.
    data[4096 * 2 :] = b"\xa5" * (len(data) - 4096 * 2)
    file_of(registry).write_bytes(data)
    with pytest.raises(RegistryError) as e, Registry.open(file_of(registry), now=Clock()) as damaged:
        damaged.reserve(new_intent())
    assert e.value.code == "registry-damaged"


def test_check_finds_an_orphan(registry: Registry) -> None:
    registry.check()
    issue(registry)
    with sqlite3.connect(file_of(registry)) as raw:
        raw.execute("DROP TRIGGER issued_state")
        raw.execute("DROP TRIGGER issued_replace")
        raw.execute("INSERT INTO issued SELECT 'nobody', 'x', size, signing_time, level, mechanism, pages, NULL,"
                    " profile, fonts, notices FROM issued")  # fmt: skip
    raw.close()
    with pytest.raises(RegistryError) as e:
        registry.check()
    assert e.value.reason.facts["detail"] == "foreign_key_check"


def test_a_place_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "register.sqlite", tmp_path):
        with pytest.raises(RegistryError) as e:
            Registry.open(path, now=Clock())
        assert e.value.code == "registry-not-writable"


def run(program: str, *arguments: object, **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # type: ignore[call-overload,no-any-return]  # options are run's own
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program), *map(str, arguments)],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
        **({"cwd": ROOT} | options),
    )


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is POSIX")
def test_a_full_disk_loses_nothing(template: Path, tmp_path: Path) -> None:
    """The kernel refuses to let the database grow, as it does when the disk is full."""
    path = copy_of(template, tmp_path)
    done = run(
        """
        import json, resource, sys
        from pathlib import Path
        from esign.errors import RegistryError
        from esign.registry import Registry
        from tests.unit.registry.making import Clock, new_intent

        registry = Registry.open(Path(sys.argv[1]), now=Clock())
        acknowledged, codes = [], []
        for room in (40_000, 500_000, 2_000_000):
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
            try:
                while True:
                    acknowledged.append(registry.reserve(new_intent()).idempotency_key)
            except RegistryError as e:
                codes.append(e.code)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        acknowledged.append(registry.reserve(new_intent()).idempotency_key)
        registry.check()
        print(json.dumps([acknowledged, codes]))
        registry.close()
        """,
        path,
    )
    assert done.returncode == 0, done.stderr
    acknowledged, codes = json.loads(done.stdout)
    assert codes == ["registry-not-writable"] * 3
    assert len(acknowledged) > 20
    with Registry.open(path, now=Clock()) as registry:
        registry.check()
        recorded = registry.listing(limit=100_000).entries
        assert [i.idempotency_key for i in reversed(recorded)] == acknowledged
        assert [i.number.number for i in reversed(recorded) if i.number] == list(range(1, len(acknowledged) + 1))


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX")
def test_a_register_of_somebody_else_is_not_writable(template: Path) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        folder = Path(name)
        copy_of(template, folder)
        (folder / "claims").mkdir()
        (folder / "register.sqlite").chmod(0o444)
        for closed in (folder / "claims", folder):
            closed.chmod(0o555)
        done = run(
            """
            import os, sys
            from pathlib import Path
            from esign.errors import RegistryError
            from esign.registry import Registry
            from tests.unit.registry.making import Clock, new_intent
            if os.geteuid() == 0:
                import alembic.command, alembic.config, alembic.script  # read while we still may
                os.setuid(65534)
            try:
                with Registry.open(Path(sys.argv[1]), now=Clock()) as registry:
                    registry.reserve(new_intent())
            except RegistryError as e:
                print(e.code)
            """,
            folder / "register.sqlite",
        )
        folder.chmod(0o755)
        (folder / "claims").chmod(0o755)
    assert done.stdout == "registry-not-writable\n", done.stderr


# --- triggers ------------------------------------------------------------------------------------------------------


# --- where the file is ---------------------------------------------------------------------------------------------

MOUNTS = """\
21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 21 0:40 / /srv rw - nfs4 files:/srv rw
31 30 254:9 / /srv/local rw - xfs /dev/vdb rw
32 21 0:41 / /mnt/văn\\040thư rw - cifs //server/share rw
33 21 0:42 / /mnt/ssh rw - fuse.sshfs clerk@host: rw
34 21 0:43 / /mnt/usb rw - fuse.ntfs-3g /dev/sdb1 rw
35 21 0:44 / /mnt/over rw - nfs server:/over rw
36 21 0:45 / /mnt/over rw - tmpfs tmpfs rw
37 21 0:46 / /mnt/what rw - fuse.somecloud what rw
broken line
"""


@pytest.mark.skipif(sys.platform == "win32", reason="mountinfo is Linux's")
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/esign/register.sqlite", None),
        ("/srv/clerk/register.sqlite", "nfs4"),
        ("/srv/local/register.sqlite", None),
        ("/srvstead/register.sqlite", None),
        ("/mnt/văn thư/register.sqlite", "cifs"),
        ("/mnt/ssh/a/b/register.sqlite", "fuse.sshfs"),
        ("/mnt/usb/register.sqlite", None),
        ("/mnt/over/register.sqlite", None),
        ("/mnt/what/register.sqlite", "fuse.somecloud"),
    ],
)
def test_network_file_systems_are_known(path: str, kind: str | None) -> None:
    assert filesystem._network_mount(Path(path), MOUNTS) == kind


def test_this_machine_is_no_network(tmp_path: Path) -> None:
    assert filesystem.network_file_system(tmp_path) is None


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # No test can mount NFS; what the kernel would say is replaced, the rest is real.
    monkeypatch.setattr(sqlite_file, "network_file_system", lambda path: "nfs4")
    with pytest.raises(RegistryError) as e:
        Registry.open(tmp_path / "register.sqlite", now=Clock())
    assert e.value.code == "registry-network"
    assert not list(tmp_path.iterdir())


def test_the_migrations_travel_in_the_wheel(tmp_path: Path) -> None:
    built = run(
        """
        import sys
        from hatchling.build import build_wheel
        print(build_wheel(sys.argv[1]))
        """,
        tmp_path,
    )
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(tmp_path / built.stdout.split()[-1]) as wheel:
        wheel.extractall(tmp_path / "site")
    done = run(
        """
        import sys
        from datetime import UTC, datetime
        from pathlib import Path
        sys.path.insert(0, sys.argv[1])
        import esign.registry
        assert esign.registry.__file__.startswith(sys.argv[1]), esign.registry.__file__
        path = Path(sys.argv[2]) / "folder" / "register.sqlite"
        esign.registry.Registry.open(path, now=lambda: datetime.now(UTC)).close()
        print(path.exists())
        """,
        tmp_path / "site",
        tmp_path,
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    assert done.stdout == "True\n", done.stderr
