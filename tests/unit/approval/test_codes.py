"""Every refusal of the module was seen."""

import tomllib
from importlib.resources import files
from pathlib import Path

from esign.texts import LANGUAGES

HERE = Path(__file__).parent
TESTS = [*HERE.glob("test_*.py"), HERE.parent / "test_authority.py"]


def test_its_codes_are_those_that_the_tests_name() -> None:
    entries = tomllib.loads((files("esign.texts") / "approval.toml").read_text("utf-8"))
    tests = "".join(file.read_text("utf-8") for file in TESTS)
    assert [c for c in entries if c not in tests and not c.startswith("capacity-")] == []
    assert all(set(e["what"]) == set(LANGUAGES) for e in entries.values())
