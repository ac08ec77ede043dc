"""The wheel holds the three packages with all their data, and runs from itself (docs/adr/0001-one-distribution.md)."""

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"esign": ROOT / "src/esign", "esign_hsm": ROOT / "hsm/esign_hsm", "esign_cli": ROOT / "cli/esign_cli"}


def build(kind: str, *, source: Path, into: Path) -> Path:
    """Build with the hatchling that is installed: no network, no isolated environment."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(into)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (built,) = into.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", source=ROOT, into=tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", source=ROOT, into=tmp_path_factory.mktemp("sdist"))


def files(wheel: Path) -> dict[str, str]:
    """What the wheel installs, with digests; its own metadata apart."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: hashlib.sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
            if ".dist-info/" not in name
        }


def metadata(wheel: Path, name: str) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        (found,) = (n for n in archive.namelist() if n.endswith(f".dist-info/{name}"))
        return archive.read(found)


def test_the_wheel_holds_the_three_packages_and_nothing_else(wheel: Path) -> None:
    expected = {
        f"{package}/{path.relative_to(folder).as_posix()}"
        for package, folder in PACKAGES.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert set(files(wheel)) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "esign/py.typed",
        "esign_hsm/py.typed",
        "esign_cli/py.typed",
        "esign/texts/*.toml",
        "esign_cli/texts/*.toml",
        "esign/pdf/templates/*.typ",
        "esign/pdf/templates/*/template.typ",
        "esign/pdf/templates/*/schema.json",
        "esign/registry/migrations/versions/*.py",
        "esign_hsm/modules.toml",
    ],
)
def test_data_files_are_in_the_wheel(wheel: Path, pattern: str) -> None:
    assert any(Path(name).match(pattern) for name in files(wheel))


# Debian 12's Python 3.11.2 does not know the argument yet; the archive is our own.
_FILTER: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def test_the_sdist_makes_the_same_wheel(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", **_FILTER)
    (source,) = (tmp_path / "source").iterdir()
    (tmp_path / "wheel").mkdir()
    assert files(build("wheel", source=source, into=tmp_path / "wheel")) == files(wheel)


def test_metadata_say_what_pyproject_says(wheel: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = message_from_bytes(metadata(wheel, "METADATA"))
    assert (found["Name"], found["Version"], found["License-Expression"]) == ("esign", project["version"], "MIT")
    assert set(found.get_all("Provides-Extra", [])) == set(project["optional-dependencies"])
    plain = [r for r in found.get_all("Requires-Dist", []) if "extra ==" not in r]
    assert len(plain) == len(project["dependencies"])
    assert b"esign = esign_cli.main:main" in metadata(wheel, "entry_points.txt")


def test_every_dependency_has_its_sentence() -> None:
    """docs/adr/0006-dependencies.md has a row for each, and none for what is gone."""
    adr = (ROOT / "docs/adr/0006-dependencies.md").read_text("utf-8")
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = pyproject["project"]

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[\[<>=]", r)[0] for r in requirements} - {"esign"}

    rows = {m[1] for m in re.finditer(r"^\| ([a-z0-9-]+) (?:▣ |`|\|)", adr, re.MULTILINE)} - {"dependency"}
    assert rows == names(project["dependencies"])
    extras = [r for extra in project["optional-dependencies"].values() for r in extra]
    bold = set(re.findall(r"\*\*([a-z0-9-]+)\*\*", adr))
    assert names([*extras, *pyproject["dependency-groups"]["dev"]]) <= bold


# Everything that reads a data file, from the wheel alone.
_USE = """
import sys
from datetime import UTC, datetime
from pathlib import Path

import esign, esign_cli, esign_hsm
from esign.pdf.templates import templates
from esign.registry import Registry
from esign.texts import catalogue
from esign_cli.main import main

root = Path(sys.argv[1])
for package in (esign, esign_hsm, esign_cli):
    assert root in Path(package.__file__).parents, package.__file__
assert "pin-blocked" in catalogue() and catalogue("esign_cli.texts")
assert esign_hsm.known_modules()
assert templates()
Registry.open(Path(sys.argv[2]) / "register.sqlite", now=lambda: datetime(2026, 11, 21, tzinfo=UTC)).close()
print("all there")
"""


def test_the_wheel_runs_from_itself(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    # PYTHONPATH comes before the editable install's path.
    done = subprocess.run(
        [sys.executable, "-c", _USE, str(installed), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "all there\n"), done.stderr
