"""A command loads what it needs: what it does not need costs a clerk half a second each time.

Modules are counted, not seconds: a busy machine makes no difference to them. Who adds a module to what everybody loads
finds out here, and either loads it late or says below how many there are now. Values and tables are counted beside
them, for a module costs little and what it makes costs much: 3.4 million instructions for each frozen dataclass, which
Python compiles from texts, and 16 million for each table.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.softhsm import softhsm_module
from tests.unit.pdf.tools import page

OURS = {"esign", "esign_cli", "esign_hsm"}
# What the project has around it, and what single commands need.
NEVER = {
    *("pyhanko", "aiohttp", "fastapi", "uvicorn", "starlette", "httpx", "lxml", "fontTools", "numpy", "pydantic"),
    *("requests", "click", "esign_cli.demo", "esign.webhooks", "sqlalchemy.dialects.postgresql"),
}
# What reads or makes documents, keys or registers.
HEAVY = {"sqlalchemy", "cryptography", "pikepdf", "pypdfium2", "PIL", "typst", "pkcs11", "asyncio", "esign.issuance"}
# What is left out when a whole file is signed without a time-stamp, a template and a QR seal.
NOT_FOR_A_FILE = {
    *("alembic", "psycopg", "httpcore", "anyio", "jsonschema", "referencing", "jinja2", "zxingcpp", "multiprocessing"),
    *("qrcode", "cbor2", "rich", "tomlkit"),
    *("esign.net", "esign.timestamp", "esign.pades.augment", "esign.upgrading", "esign.verification", "esign.sandbox"),
    *("esign.sealing", "esign.seal.token", "esign.seal.trust_list", "esign.seal.status_list", "esign.publishing"),
    *("esign.registry.batches", "esign.registry.outbox", "esign.registry.tasks", "esign.registry.access"),
    *("esign.registry.work_models", "esign.registry.access_models", "esign.registry.presentations"),
    *("esign.registry.database_url", "esign.registry.book_listing", "esign.registry.outbox_models"),
    *("esign.trust.etsi", "esign.service.app", "esign_hsm.admin", "esign_hsm.csr"),
    *("esign.authority", "esign.approval", "esign.pades.history", "esign.pdf.scan", "PIL.JpegImagePlugin"),
}
NOT_TO_VERIFY = {
    *("alembic", "psycopg", "httpcore", "anyio", "jsonschema", "referencing", "jinja2", "typst", "pkcs11", "rich"),
    *(
        "esign.net",
        "esign.timestamp",
        "esign.pades.augment",
        "esign.issuance",
        "esign.pdf.render",
        "esign_hsm.keystore",
    ),
    *("esign.reports.page", "esign.reports.etsi", "esign.reports.receipt"),
}


_RUN = """
import sys
from dataclasses import is_dataclass
from esign_cli.main import run
code = run(sys.argv[1:])
ours = [m for name, m in sys.modules.items() if name.partition(".")[0] in {"esign", "esign_cli", "esign_hsm"}]
values = {made for m in ours for made in vars(m).values() if isinstance(made, type) and is_dataclass(made)}
models = sys.modules.get("esign.registry.models")
print()
print(int(code), len(values), len(models.Base.metadata.tables) if models else 0, *sys.modules)
"""


class Loaded(NamedTuple):
    """What a command made before it was done."""

    values: int
    """Our dataclasses."""
    tables: int
    """Those of the register."""
    modules: set[str]


def loaded(*words: str, folder: Path = Path(), code: int = 0) -> set[str]:
    """The modules of a fresh interpreter that ran the command of `words`."""
    return all_loaded(*words, folder=folder, code=code).modules


def all_loaded(*words: str, folder: Path, code: int) -> Loaded:
    """The same, and what they made."""
    surroundings = {name: value for name, value in os.environ.items() if name != "ESIGN_CONFIG"}
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *words],
        cwd=folder,
        env=surroundings,
        check=True,
        capture_output=True,
        text=True,
    )
    ended, values, tables, *modules = done.stdout.splitlines()[-1].split()
    assert int(ended) == code, done.stderr
    return Loaded(int(values), int(tables), set(modules))


def count(modules: set[str]) -> int:
    """How many are ours."""
    return sum(module.partition(".")[0] in OURS for module in modules)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    softhsm_module()
    root = tmp_path_factory.mktemp("imports")
    subprocess.run(
        [sys.executable, "-m", "esign_cli", "init", "office", "--demo"], cwd=root, check=True, capture_output=True
    )
    (root / "office/letter.pdf").write_bytes(page())
    return root / "office"


def test_a_signed_file_needs_neither_network_nor_templates_nor_seals(office: Path) -> None:
    values, tables, modules = all_loaded("sign", "letter.pdf", folder=office, code=0)
    assert (office / "out" / "letter.signed.pdf").exists()
    assert modules & {*NEVER, *NOT_FOR_A_FILE} == set()
    assert "esign.issuance" in modules
    assert count(modules) <= 245
    assert len(modules) <= 855
    assert values <= 222
    assert tables <= 13


def test_a_file_is_verified_without_what_makes_one(office: Path) -> None:
    values, tables, modules = all_loaded("verify", "letter.pdf", folder=office, code=1)
    assert modules & {*NEVER, *NOT_TO_VERIFY} == set()
    assert "esign.verification" in modules
    assert count(modules) <= 215
    assert values <= 212
    assert tables <= 13


def test_who_lists_results_needs_no_token(office: Path) -> None:
    assert loaded("result", "list", folder=office) & {*NEVER, "pkcs11", "esign.issuance", "pikepdf"} == set()


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--help"], 0), (["--version"], 0), ([], 2), (["nonsense"], 2), (["sign", "--help"], 0), (["sign", "--no"], 2)],
)
def test_who_asks_what_there_is_waits_for_nothing(words: list[str], code: int) -> None:
    modules = loaded(*words, code=code)
    assert modules & {*NEVER, *HEAVY} == set()
    assert count(modules) <= 22


@pytest.mark.parametrize("typed", ["esign si", "esign sign --pin", "esign result w", "esign issue --template q"])
def test_the_tab_key_loads_one_command_at_most(typed: str) -> None:
    words = typed.split()
    program = (
        "import sys\nfrom esign_cli.main import run\n"
        "try:\n    run([])\nfinally:\n    print()\n    print(*sys.modules, file=sys.stderr)"
    )
    environ = {**os.environ, "_ESIGN_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    modules = set(done.stderr.splitlines()[-1].split())
    assert modules & {*NEVER, *HEAVY, "rich"} == set()
    assert len([module for module in modules if module.startswith("esign_cli.commands.")]) <= 1
    assert count(modules) <= 22


def test_the_signer_process_loads_the_token_and_little_else() -> None:
    script = "import sys, esign_hsm.signer.process\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    modules = set(done.stdout.split())
    assert "pkcs11" in modules
    assert modules & {*NEVER, "sqlalchemy", "PIL", "pikepdf", "typst", "asyncio", "rich", "typer"} == set()
    assert modules & {"esign_hsm.signer.supervisor", "esign_hsm.admin", "esign_hsm.csr"} == set()
    assert count(modules) <= 24


def test_only_the_command_that_is_wanted_is_loaded() -> None:
    commands = {m for m in loaded("sign", "--no", code=2) if m.startswith("esign_cli.commands.")}
    assert commands == {"esign_cli.commands.sign"}


def test_a_list_of_commands_loads_none() -> None:
    assert [module for module in loaded("--help") if module.startswith("esign_cli.commands.")] == []


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
