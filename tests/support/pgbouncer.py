"""PgBouncer before a PostgreSQL server of the tests, in any of its modes."""

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port
from tests.support.postgres import USER, PostgresServer
from tests.support.programs import program

__all__ = ["pooled"]

_INI = """\
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = trust
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = 5
ignore_startup_parameters = options
unix_socket_dir =
"""


@contextmanager
def pooled(server: PostgresServer, *, mode: str) -> Iterator[int]:
    """A pooler; gives its port."""
    command, port = program("pgbouncer"), free_port()
    with tempfile.TemporaryDirectory(prefix="esign-pgbouncer-") as place:
        folder = Path(place)
        folder.chmod(0o755)  # it refuses to run as root, as PostgreSQL does
        (folder / "users").write_text(f'"{USER}" ""\n', "utf-8")
        ini = folder / "pgbouncer.ini"
        ini.write_text(_INI.format(server=server.port, port=port, folder=folder, mode=mode), "utf-8")
        with (folder / "said").open("w+b") as said:
            process = subprocess.Popen(server.as_account(command, str(ini)), stdout=said, stderr=said)
            try:
                _wait(port, process, folder)
                yield port
            finally:
                process.terminate()
                process.wait(timeout=30)


def _wait(port: int, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError as e:
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError((folder / "said").read_text("utf-8", errors="replace")[-2000:]) from e
            time.sleep(0.02)
