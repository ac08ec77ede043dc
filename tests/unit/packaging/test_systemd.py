"""The systemd units: hardening, credentials, state that survives, and commands that exist."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.programs import program
from tests.unit.packaging.commands import understood

FOLDER = Path(__file__).parents[3] / "deploy/systemd"
UNITS = sorted(FOLDER.glob("*.service"))
SIGNING = ("esign.service", "esign-work@.service")
STRICT = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "ProtectProc": "invisible",
    "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes",
    "ProtectControlGroups": "yes",
    "RestrictSUIDSGID": "yes",
    "RestrictNamespaces": "yes",
    "LockPersonality": "yes",
    "LimitCORE": "0",
    "UMask": "0077",
    "CapabilityBoundingSet": "",
}


def directives(name: str, section: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    here = ""
    for line in (FOLDER / name).read_text("utf-8").splitlines():
        if match := re.fullmatch(r"\[(\w+)\]", line):
            here = match[1]
        elif here == section and line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_units() -> None:
    assert {u.name for u in UNITS} == {"esign.service", "esign-public.service", "esign-work@.service"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_confined(unit: Path) -> None:
    service = directives(unit.name, "Service")
    assert {key: service.get(key) for key in STRICT} == {key: [value] for key, value in STRICT.items()}
    assert service["MemoryMax"]
    assert service["User"] != ["root"]
    assert int(service["TimeoutStopSec"][0].removesuffix("s")) > 30
    assert directives(unit.name, "Install")["WantedBy"] == ["multi-user.target"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_commands_exist(unit: Path) -> None:
    (line,) = directives(unit.name, "Service")["ExecStart"]
    program, *argv = line.replace("%i", "phuong-mau").split()
    assert program == "/opt/esign/bin/esign"
    wanted = "work" if "work" in unit.name else "serve"
    assert understood(argv) == ["esign", wanted]
    assert ("--public" in argv) == (unit.name == "esign-public.service")


@pytest.mark.parametrize("name", SIGNING)
def test_a_restart_finds_the_pin_guard(name: str) -> None:
    """The state directory outlives the process and is shared by all who use a token on this host."""
    service = directives(name, "Service")
    assert service["StateDirectory"] == ["esign"]
    assert "ESIGN_STATE_DIR=/var/lib/esign/state" in service["Environment"]
    assert service["Restart"] == ["on-failure"]
    assert service["LoadCredential"][0].startswith("pin:")
    assert not any("pin" in e.lower().replace("python", "") for e in service["Environment"]), (
        "no PIN in the environment"
    )
    assert directives(name, "Unit")["StartLimitBurst"]


def test_the_public_side_sees_no_credential() -> None:
    service = directives("esign-public.service", "Service")
    assert "LoadCredential" not in service
    assert "/etc/esign/credentials" in service["InaccessiblePaths"][0]
    assert service["User"] != directives("esign.service", "Service")["User"]


def test_systemd_takes_them(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    for unit in UNITS:
        text = unit.read_text("utf-8").replace("/opt/esign/bin/esign", "/bin/true")
        (tmp_path / unit.name).write_text(text, "utf-8")
    done = subprocess.run(
        [analyze, "verify", "--man=no", *(str(tmp_path / u.name) for u in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "esign" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_systemd_calls_their_exposure_low(unit: Path) -> None:
    analyze = program("systemd-analyze")
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=20", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "Unknown" in done.stderr or "unrecognized" in done.stderr:
        pytest.skip("this systemd cannot look at files")
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
