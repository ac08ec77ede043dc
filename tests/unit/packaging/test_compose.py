"""The compose file: structure, secrets, and commands that exist; Docker itself is not asked."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.packaging.commands import understood

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def test_the_services() -> None:
    assert set(SERVICES) == {"database", "prepare", "api", "work", "public"}
    assert set(OURS) == set(SERVICES) - {"database"}
    targets = re.findall(r"^FROM .* AS (\w+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    for service in OURS.values():
        assert service["build"]["target"] in targets
        assert (ROOT / "deploy" / service["build"]["context"] / "Dockerfile").exists()
    assert "/" not in SERVICES["database"]["image"], "plain names: whoever mirrors images says where"


@pytest.mark.parametrize("name", OURS)
def test_confined(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["ulimits"]["core"] == 0
    assert "privileged" not in service
    assert "user" not in service, "the image's own"


@pytest.mark.parametrize("name", ["api", "work", "public"])
def test_commands_exist(name: str) -> None:
    assert understood(OURS[name]["command"])[:2] == ["esign", "work" if name == "work" else "serve"]


def test_the_script_of_prepare_names_commands_that_exist() -> None:
    (script,) = OURS["prepare"]["command"]
    assert OURS["prepare"]["entrypoint"] == ["sh", "-euc"]
    subprocess.run(["sh", "-n", "-c", script], check=True)
    lines = [line.strip().split() for line in script.splitlines() if line.strip().startswith("esign ")]
    assert [understood(line[1:]) for line in lines] == [["esign", "init"], ["esign", "registry", "migrate"]]


def test_references_lead_somewhere() -> None:
    for service in SERVICES.values():
        assert {v.partition(":")[0] for v in service.get("volumes", [])} <= set(COMPOSE["volumes"])
        assert set(service.get("networks", [])) <= set(COMPOSE["networks"])
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other]
            else:
                assert how["condition"] == "service_completed_successfully"
                assert SERVICES[other]["restart"] == "no"


def test_secrets_are_files_that_git_does_not_keep() -> None:
    for secret in COMPOSE["secrets"].values():
        done = subprocess.run(["git", "check-ignore", "--quiet", f"deploy/{secret['file']}"], cwd=ROOT, check=False)
        assert done.returncode == 0
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            assert "PASSWORD" not in key or key.endswith("_FILE"), key
            assert "PIN" not in key
            assert not re.search(r"://\w+:\w+@", str(value))


def test_ports_are_open_to_this_machine_alone_and_the_database_to_none() -> None:
    assert "ports" not in SERVICES["database"]
    assert COMPOSE["networks"]["inside"]["internal"] is True
    for service in OURS.values():
        assert all(p.startswith("127.0.0.1:") for p in service.get("ports", []))


def test_the_public_side_writes_nothing() -> None:
    assert SERVICES["public"]["volumes"] == ["office:/var/lib/esign:ro"]
