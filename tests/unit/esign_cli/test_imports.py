"""A command loads what it needs: what it does not need costs a clerk half a second each time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.softhsm import softhsm_module
from tests.unit.pdf.tools import page

# What the project has around it, and what single commands need.
NEVER = ["pyhanko", "aiohttp", "fastapi", "uvicorn", "starlette", "httpx", "lxml", "fontTools", "numpy", "rich"]
ONLY_WHEN_WORKING = ["sqlalchemy", "cryptography", "pikepdf", "PIL", "typst", "pkcs11", "pydantic", "esign.issuance"]
# What is left out when a whole file is signed without a time-stamp, a template and a QR seal.
NOT_FOR_A_FILE = [
    *("alembic", "psycopg", "httpcore", "anyio", "jsonschema", "referencing", "jinja2", "zxingcpp", "multiprocessing"),
    *("esign.net", "esign.timestamp", "esign.pades.augment", "esign.upgrading", "esign.verification", "esign.sandbox"),
    *("esign.seal.verification", "esign.seal.trust_list", "esign.seal.status_list", "esign.webhooks", "esign_cli.demo"),
]
PARSED = "from esign_cli.main import run; assert run(['sign', '--nonsense']) == 2"
WORKING = "import esign_cli.batches, esign_cli.config, esign_cli.pins, esign_cli.wiring, esign.batch"


def loaded(code: str, *, folder: Path = Path()) -> set[str]:
    """The modules of a fresh interpreter after `code`."""
    script = f"{code}\nimport sys\nprint()\nprint(*sys.modules)"
    environ = {name: value for name, value in os.environ.items() if name != "ESIGN_CONFIG"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environ, check=True, capture_output=True, text=True
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("code", "unwanted"), [(PARSED, [*NEVER, *ONLY_WHEN_WORKING]), (f"{PARSED}; {WORKING}", NEVER)]
)
def test_signing_loads_nothing_that_it_does_not_need(code: str, unwanted: list[str]) -> None:
    assert loaded(code) & set(unwanted) == set()


def test_a_signed_file_needs_neither_network_nor_templates_nor_lists(tmp_path: Path) -> None:
    softhsm_module()
    subprocess.run(
        [sys.executable, "-m", "esign_cli", "init", "office", "--demo"], cwd=tmp_path, check=True, capture_output=True
    )
    office = tmp_path / "office"
    (office / "letter.pdf").write_bytes(page())
    sign = "from esign_cli.main import run; assert run(['sign', 'letter.pdf']) == 0"
    modules = loaded(sign, folder=office)
    assert (office / "out" / "letter.signed.pdf").exists()
    assert "esign.issuance" in modules
    assert modules & {*NEVER, *NOT_FOR_A_FILE} == set()


def test_only_the_command_that_is_wanted_is_loaded() -> None:
    commands = {module for module in loaded(PARSED) if module.startswith("esign_cli.commands.")}
    assert commands == {"esign_cli.commands.sign"}


def test_a_list_of_commands_loads_none() -> None:
    modules = loaded("from esign_cli.main import run; assert run(['--help']) == 0")
    assert [module for module in modules if module.startswith("esign_cli.commands.")] == []


def test_every_command_is_found_in_its_module() -> None:
    from esign_cli.app import _COMMANDS, build, build_whole

    assert set(build_whole("en").commands) == set(_COMMANDS)
    for name in _COMMANDS:
        tree = build("en")
        tree.load(name)
        assert name in tree.commands


def test_a_command_is_listed_with_the_help_that_it_has() -> None:
    from esign_cli.app import build, build_whole

    listed, whole = build("vi"), build_whole("vi")
    names = listed.list_commands(None)
    assert names == whole.list_commands(None)
    assert [listed.get_command(None, name).help for name in names] == [whole.commands[name].help for name in names]
