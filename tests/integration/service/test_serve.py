"""`esign serve` as a process: from an empty folder, with a real token behind it, and what becomes of it in trouble."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.ports import free_port
from tests.support.service import problem, wanted
from tests.support.signals import SIGCONT, SIGKILL, SIGSTOP
from tests.support.softhsm import softhsm_module
from tests.support.waiting import LONG

pytestmark = pytest.mark.softhsm
AGENCY = "/v1/agencies/H26.1.2"


@dataclass
class Running:
    """A service that was started."""

    process: "subprocess.Popen[str]"
    url: str
    inside: str
    said: str
    key: str

    def post(self, path: str, *, key: str, **given: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": key}
        return httpx.post(f"{self.url}{AGENCY}/{path}", headers=headers, timeout=LONG, **given)

    def signers(self) -> list[int]:
        """Its signer processes."""
        pids = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]
        return [pid for pid in pids if _is_signer_of(pid, self.process.pid)]


def _is_signer_of(pid: int, parent: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii")
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return int(stat.rpartition(")")[2].split()[1]) == parent and b"esign_hsm.signer" in line


def environment(state: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ESIGN_", "SOFTHSM2_"))}
    return {**kept, "ESIGN_STATE_DIR": str(state), "PYTHONUNBUFFERED": "1"}


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Running]:
    port, inside = free_port(), free_port()
    ports = ["--port", str(port), "--metrics-port", str(inside)]
    command = [sys.executable, "-m", "esign_cli", "--lang", "en", "serve", *ports]
    log = folder.parent / f"log-{port}"
    with log.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [*command, *options],
            cwd=folder,
            env=environment(folder.parent / "state"),
            stdout=stderr,
            stderr=stderr,
            text=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            while not _answers(url):
                assert process.poll() is None, log.read_text("utf-8")
                time.sleep(0.05)
            said = log.read_text("utf-8")
            found = re.search(r"shown once\): (\S+)", said)
            yield Running(
                process=process, url=url, inside=f"http://127.0.0.1:{inside}", said=said, key=found[1] if found else ""
            )
        finally:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/livez", timeout=LONG).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    softhsm_module()
    made = tmp_path_factory.mktemp("serve") / "office"
    made.mkdir()
    return made


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Running]:
    with serving(folder, "--demo") as running:
        yield running


def test_the_command_that_it_prints_issues_a_first_result(service: Running) -> None:
    # Behind the command stands the log, one JSON object a line.
    command = service.said[service.said.index("curl -s") :].split("\n{")[0]
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["state"] == "issued"
    assert httpx.get(f"{service.url}/readyz", timeout=LONG).json()["ready"] is True
    assert httpx.get(service.url, timeout=LONG).headers["content-type"].startswith("text/html")


def test_only_those_inside_learn_whose_token_it_is(service: Running) -> None:
    outside = httpx.get(f"{service.url}/readyz", timeout=LONG)
    assert {check["name"] for check in outside.json()["checks"]} == {
        *("token", "database", "clock", "anchors", "certificate", "spool", "archive"),
    }
    assert "H26.1.2" not in outside.text
    inside = httpx.get(f"{service.inside}/readyz", timeout=LONG)
    assert {"token H26.1.2", "anchors H26.1.2"} <= {check["name"] for check in inside.json()["checks"]}
    assert 'esign_needed_up{need="token H26.1.2"} 1.0' in httpx.get(f"{service.inside}/metrics", timeout=LONG).text
    assert httpx.get(f"{service.url}/metrics", timeout=LONG).status_code == 404


def test_a_signer_that_dies_takes_nothing_with_it(service: Running) -> None:
    (signer,) = service.signers()
    os.kill(signer, SIGKILL)
    for _ in range(1000):
        answer = service.post("results", key="after-the-crash", json=wanted())
        if answer.status_code == 201:
            break
        assert answer.status_code in {409, 503}, answer.text
        time.sleep(0.1)
    assert answer.status_code == 201
    assert service.post("results", key="after-the-crash", json=wanted()).content == answer.content
    assert service.signers() != [signer]


def test_the_public_side_goes_on_alone(folder: Path, service: Running) -> None:
    issued = service.post("results", key="public", json=wanted()).json()
    before = (folder / "register.sqlite").stat().st_mtime_ns
    with serving(folder, "--public") as public:
        assert public.signers() == []
        service.process.send_signal(SIGSTOP)
        try:
            asked = httpx.post(f"{public.url}/lookup", json={"id": issued["id"]}, timeout=LONG).json()
            assert (asked["found"], asked["standing"]) == (True, "in-force")
            assert httpx.get(f"{public.url}/readyz", timeout=LONG).json()["ready"] is True
            problem(httpx.get(f"{public.url}{AGENCY}/results", timeout=LONG), 404, "route-unknown")
        finally:
            service.process.send_signal(SIGCONT)
    assert (folder / "register.sqlite").stat().st_mtime_ns == before


def test_what_is_in_flight_is_finished_when_it_is_told_to_end(folder: Path, service: Running) -> None:
    with serving(folder, "--demo") as second:
        answers: list[int] = []
        threads = [
            threading.Thread(
                target=lambda n=n: answers.append(second.post("results", key=f"last-{n}", json=wanted()).status_code)
            )
            for n in range(3)
        ]
        for thread in threads:
            thread.start()
        while not service_is_busy(second):
            time.sleep(0.01)
        second.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert second.process.wait(timeout=LONG) == 0
    assert set(answers) <= {201}


def service_is_busy(running: Running) -> bool:
    """Whether all three are in the register: from then on each of them is being made."""
    headers = {"Authorization": f"Bearer {running.key}"}
    found = httpx.get(f"{running.url}{AGENCY}/results", headers=headers, params={"limit": 3}, timeout=LONG).json()
    return len(found["results"]) == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("pin = {file = ", "pin = 'prompt' #"), "nobody who types a PIN"),
        (("object=con-dau", "object=khong-co"), "khong-co"),
        (("softhsm/pin", "softhsm/khong-co"), "PIN"),
    ],
)
def test_what_is_missing_is_said_at_the_start(
    folder: Path, service: Running, change: tuple[str, str], code: str
) -> None:
    text = (folder / "esign.toml").read_text("utf-8")
    assert change[0] in text
    broken = folder / "broken.toml"
    broken.write_text(text.replace(*change), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "esign_cli", "--lang", "en", "serve", str(broken), "--port", "0", "--metrics-port", "0"],
        cwd=folder,
        env=environment(folder.parent / "state"),
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert done.returncode in {4, 7}, done.stderr
    assert code in done.stderr
    assert "hint" in done.stderr
