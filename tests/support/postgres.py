"""A PostgreSQL server of the test session, and fresh databases in it.

A pytest process starts its own server in a folder of its own, as another user where the tests run as root, with
`fsync` on. A test asks for one of these fixtures::

    def test_on_postgresql(postgres_url): Registry.open(postgres_url, now=...)     # a fresh register
    def test_on_both(register_place): Registry.open(register_place, now=...)       # runs twice: a path, then a URL
    def test_of_the_server(postgres): postgres.stop(); ...; postgres.start()       # the server itself
"""

import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import psycopg
import pytest
from psycopg import sql

from esign.registry import patience, postgresql
from tests.support.memory import in_memory
from tests.support.programs import missing
from tests.support.registers import fresh_register
from tests.support.signals import SIGCONT, SIGQUIT, SIGSTOP
from tests.support.waiting import LONG

__all__ = ["PostgresServer", "postgres_programs", "postgres_server"]

USER = "esign"
PASSWORD_USER = "esign_password"
"""Logs in with a password, unlike `USER`, which the loopback address is enough for."""
PASSWORD = "mat-khau-thu"  # of a server that lives for one test session
_SETTINGS = {
    "fsync": "on",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "jit": "off",
    "log_min_messages": "warning",
    "max_wal_size": "128MB",
    "min_wal_size": "32MB",
    "deadlock_timeout": "200ms",
}
_HBA = f"""\
local all all trust
host all {PASSWORD_USER} 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
"""


def postgres_programs() -> Path:
    """Where `initdb` and `postgres` are; skips the test where they are missing, except in CI: there it fails."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise missing("PostgreSQL's server is not installed (apt install postgresql)")


class PostgresServer:
    """A server process, its databases, and what a test does to it."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._account = _unprivileged()
        self._names = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._template: str | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    @property
    def log(self) -> Path:
        """What the server says."""
        return self._folder / "log"

    def url(self, database: str, *, port: int | None = None, user: str = USER) -> str:
        """The URL of `database`; `port` is that of a proxy in between."""
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}"

    # --- databases -------------------------------------------------------------------------------------------------

    def database(self) -> str:
        """The name of a new empty database."""
        return self._create(template="template0")

    def register(self) -> str:
        """The name of a new database with the newest schema of the register."""
        return self._create(template=self._template or self._make_template())

    def remembered(self) -> str | None:
        """The register of the time before, where the server keeps its files."""
        with self.admin() as connection:
            names = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'test%'").fetchall()
        found = sorted((str(name) for (name,) in names), key=lambda name: int(name.partition("_")[2]))
        return found[-1] if found else None

    def drop(self, database: str) -> None:
        """Remove a database and whoever is connected to it."""
        with self.admin() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    @contextmanager
    def admin(self, database: str = "postgres") -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
        """A connection of the server's owner, past every proxy."""
        with psycopg.connect(self.url(database, user="postgres"), autocommit=True) as connection:
            yield connection

    def _create(self, *, template: str) -> str:
        name = f"test_{next(self._names)}"
        with self.admin() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(*map(sql.Identifier, (name, USER, template)))
            )
        return name

    def _make_template(self) -> str:
        from datetime import UTC, datetime

        from esign.registry import Registry

        name = self.database()
        Registry.open(self.url(name), now=lambda: datetime.now(UTC)).close()
        self._template = name
        return name

    # --- the process -----------------------------------------------------------------------------------------------

    def initialise(self) -> None:
        """Make the cluster's files; then `start`."""
        if self._account is not None:
            shutil.chown(self._folder, self._account)
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale")
        data = self._folder / "data"
        settings = _SETTINGS | {
            "listen_addresses": "'127.0.0.1'",
            "unix_socket_directories": f"'{self._folder}'",
        }
        with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
        (data / "pg_hba.conf").write_text(_HBA, "utf-8")
        self.start()
        with self.admin() as connection:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(USER)))
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN IN ROLE {} PASSWORD {}").format(
                    sql.Identifier(PASSWORD_USER), sql.Identifier(USER), PASSWORD
                )
            )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._log = self.log.open("ab")
        self._process = subprocess.Popen(
            self.as_account(str(self._programs / "postgres"), "-D", str(self._folder / "data"), "-p", str(self.port)),
            stdout=self._log,
            stderr=self._log,
        )
        self.wait_until_ready()

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Wait until the server takes connections."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                with self.admin():
                    return
            except psycopg.OperationalError as e:
                if time.monotonic() > deadline or self._process is None or self._process.poll() is not None:
                    raise RuntimeError(self.log.read_text("utf-8", errors="replace")[-2000:]) from e
                time.sleep(0.02)

    def stop(self, *, how: int = SIGQUIT) -> None:
        """Stop the server: SIGQUIT as in a crash ("immediate"), SIGINT with the connections closed ("fast")."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(timeout=60)
        if self._log is not None:
            self._log.close()
            self._log = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The server hangs: connections stay open, nothing answers."""
        assert self._process is not None
        processes = [self._process.pid, *_children(self._process.pid)]
        for pid in processes:
            os.kill(pid, SIGSTOP)
        try:
            yield
        finally:
            for pid in reversed(processes):
                with suppress(ProcessLookupError):
                    os.kill(pid, SIGCONT)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self._folder / "data"), *arguments]
        done = subprocess.run(self.as_account(*command), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr

    def as_account(self, *command: str) -> list[str]:
        """`command` as an account that PostgreSQL runs as; it ends with this process, however that ends."""
        prefix = ["setpriv", "--pdeathsig", "INT"] if sys.platform == "linux" else []
        if self._account is not None:
            prefix += ["--reuid", self._account, "--regid", self._account, "--clear-groups"]
        return [*prefix, *command]


def _place() -> str:
    """Memory, where there is enough: a database is 300 files, which take 10 ms to remove there and 260 ms on a disk."""
    return str(in_memory(gibibytes=1) or "/tmp")


def _unprivileged() -> str | None:
    """Who runs the server where the tests run as root, whom PostgreSQL refuses; None: as who we are."""
    if sys.platform != "win32" and os.geteuid() == 0:
        import pwd

        return "postgres" if any(entry.pw_name == "postgres" for entry in pwd.getpwall()) else "nobody"
    return None


def _children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


@contextmanager
def postgres_server(folder: Path | None = None) -> Iterator[PostgresServer]:
    """A running server; its files are gone afterwards, unless they are kept in `folder`, for the next time as well."""
    programs = postgres_programs()
    # pytest's own folders are closed to other accounts, and the socket's path must be short.
    place = folder or Path(tempfile.mkdtemp(prefix="esign-postgres-", dir=_place()))
    server = PostgresServer(programs, place)
    try:
        if (place / "data").exists():
            server.start()
        else:
            server.initialise()
        yield server
    finally:
        server.stop()
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server of this pytest process, for which registers in this process have all the patience of the tests."""
    with postgres_server() as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(patience.PatientConnection, "patience", 2 * LONG)
        patch.setitem(patience._TOLD, "connect_timeout", f"{LONG:.0f}")
        for limit in ("lock_timeout", "statement_timeout"):
            patch.setitem(patience._SET, limit, f"{LONG:.0f}s")
        patch.setattr(postgresql, "POOL_TIMEOUT_S", LONG)
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a fresh register."""
    name = postgres.register()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def register_place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a register is, or is to be: what `Registry.open` takes. The test runs on both databases."""
    if request.param == "sqlite":
        return fresh_register(tmp_path)
    url: str = request.getfixturevalue("postgres_url")
    return url
