"""What the compose file starts, started without Docker: the same commands, a real PostgreSQL, a SoftHSM token."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from esign.api.results import IssueRequest
from esign.client import Client
from tests.support.postgres import PostgresServer
from tests.support.softhsm import softhsm_module

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text("utf-8"))["services"]
ESIGN = Path(sys.executable).with_name("esign")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(name: str, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A service of the compose file with its own command, listening here alone; ended as Docker ends it."""
    command = [c.replace("0.0.0.0", "127.0.0.1") for c in SERVICES[name]["command"]]
    command = [str(port) if c == "8000" else c for c in command]
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([ESIGN, *command], cwd=folder, env=environment(folder), stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def environment(folder: Path) -> dict[str, str]:
    found = {k: v for k, v in os.environ.items() if not k.startswith(("ESIGN_", "SOFTHSM2_"))}
    given = {k: v.replace("/var/lib/esign", str(folder)) for k, v in SERVICES["api"]["environment"].items()}
    return {**found, **given, "PATH": f"{ESIGN.parent}{os.pathsep}{found['PATH']}", "LANG": "C.UTF-8"}


def said(folder: Path) -> str:
    return "\n".join(f"{p.name}:\n{p.read_text('utf-8', errors='replace')[-2000:]}" for p in folder.glob("*.log"))


@pytest.mark.softhsm
def test_the_five_minute_start(postgres: PostgresServer, tmp_path: Path) -> None:
    softhsm_module()
    folder = tmp_path / "office"
    folder.mkdir()
    url = postgres.url(postgres.database())
    (script,) = SERVICES["prepare"]["command"]
    script = script.replace("$$", "$").replace("postgresql://esign@database/esign", url)
    script = script.replace("?password-file=/run/secrets/database-password", "")
    for _ in range(2):  # a second start changes nothing
        done = subprocess.run(
            ["sh", "-euc", script], cwd=folder, env=environment(folder), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    config = (folder / "esign.toml").read_text("utf-8")
    (folder / "esign.toml").write_text(config.replace("metrics_port = 9464", "metrics_port = 0"), "utf-8")
    ports = {"api": free_port(), "public": free_port(), "work": 0}
    with ExitStack() as stack:
        processes = [stack.enter_context(running(name, folder, port)) for name, port in ports.items()]
        for name in ("api", "public"):
            deadline = time.monotonic() + 120
            while not _answers(f"http://127.0.0.1:{ports[name]}/livez"):
                assert all(p.poll() is None for p in processes), said(folder)
                assert time.monotonic() < deadline, said(folder)
                time.sleep(0.1)
        key = subprocess.run(
            [ESIGN, "access", "issue", "portal", "--role", "signer"],
            cwd=folder,
            env=environment(folder),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()[-1]
        request = IssueRequest.model_validate_json((ROOT / "examples/request.json").read_bytes())
        with Client(f"http://127.0.0.1:{ports['api']}", agency="H26.1.2", token=key) as client:
            request = request.model_copy(update={"dossier": None})
            assert client.results.issue(request, key="one").state == "issued"
            # The worker is another process; the database wakes it.
            assert client.results.wait(client.results.accept(request, key="two").id).state == "issued"
        assert httpx.get(f"http://127.0.0.1:{ports['api']}/readyz", timeout=60).status_code == 200, said(folder)
        assert httpx.get(f"http://127.0.0.1:{ports['public']}/livez", timeout=60).status_code == 200


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=60).status_code == 200
    except httpx.TransportError:
        return False
