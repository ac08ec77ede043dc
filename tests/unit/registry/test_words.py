"""Every code that the register raises has its sentences, and they get the facts that they name."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from esign.texts import catalogue

SOURCES = sorted((Path(__file__).parents[3] / "src/esign/registry").glob("*.py"))
KINDS = {
    "RegistryError",
    "InputError",
    "RequestConflict",
    "RequestInFlight",
    "DuplicateNumber",
    "NotRegistered",
    "Reason",
}


def raised() -> Iterator[tuple[str, set[str] | None]]:
    """Each code in the sources, with the names of its facts where they stand beside it."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                code = node.args[0] if node.args else None
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    named = {k.arg for k in node.keywords if k.arg}
                    whole = all(k.arg for k in node.keywords) and node.func.id != "Reason"
                    yield code.value, named if whole else None


CODES = sorted({code for code, _ in raised()})


def placeholders(code: str) -> set[str]:
    texts = [text for entry in catalogue()[code].values() for text in entry.values()]
    return {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("code", CODES)
def test_a_code_has_both_languages(code: str) -> None:
    entry = catalogue()[code]
    assert set(entry["what"]) == {"vi", "en"}
    assert set(entry.get("next", {"vi": "", "en": ""})) == {"vi", "en"}
    for text in (t for kind in entry.values() for t in kind.values()):
        assert not text.endswith(".")
        assert not text[0].isupper()


def test_sentences_get_what_they_name() -> None:
    checked = 0
    for code, named in raised():
        if named is not None:
            assert placeholders(code) <= named, code
            checked += 1
    assert checked > 20


def test_the_catalogue_has_nothing_that_nobody_says() -> None:
    texts = Path(__file__).parents[3] / "src/esign/texts"
    for own in (texts / "registry.toml", texts / "database.toml"):
        written = {line[1:-2] for line in own.read_text("utf-8").splitlines(keepends=True) if line.startswith("[")}
        assert written <= set(CODES)
