"""A command loads what it needs: what it does not need costs a clerk half a second each time."""

import subprocess
import sys

import pytest

# What the project has around it, and what single commands need.
NEVER = ["pyhanko", "aiohttp", "fastapi", "uvicorn", "starlette", "httpx", "lxml", "fontTools", "numpy", "rich"]
ONLY_WHEN_WORKING = ["sqlalchemy", "cryptography", "pikepdf", "PIL", "typst", "pkcs11", "pydantic", "esign.issuance"]
PARSED = "from esign_cli.app import build; build('vi', 'sign')"
WORKING = "import esign_cli.batches, esign_cli.config, esign_cli.pins, esign_cli.wiring, esign.batch"


def loaded(code: str) -> set[str]:
    """The modules of a fresh interpreter after `code`."""
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    )


@pytest.mark.parametrize(
    ("code", "unwanted"), [(PARSED, [*NEVER, *ONLY_WHEN_WORKING]), (f"{PARSED}; {WORKING}", NEVER)]
)
def test_signing_loads_nothing_that_it_does_not_need(code: str, unwanted: list[str]) -> None:
    assert loaded(code) & set(unwanted) == set()


def test_only_the_command_that_is_wanted_is_loaded() -> None:
    commands = {module for module in loaded(PARSED) if module.startswith("esign_cli.commands.")}
    assert commands == {"esign_cli.commands.sign"}


def test_every_command_is_found_in_its_module() -> None:
    from esign_cli.app import _COMMANDS, build

    tree = build("en")
    assert set(tree.commands) == set(_COMMANDS)
    for name in _COMMANDS:
        assert name in build("en", name).commands
